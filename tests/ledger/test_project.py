"""Cash, positions and NAV reconcile to the cent with the postings, whatever happened to a book."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.events import Event, Posting
from alluse_assets.base.money import extended
from alluse_assets.execution.project import project_option_trades
from alluse_assets.ledger.project import (
    book_at_closes,
    project_balances,
    project_lots,
    project_net_asset_value,
    project_positions,
)
from alluse_assets.ledger.tables import BALANCES, BOOK_ROW, LOTS, NET_ASSET_VALUE, POSITIONS
from tests.book_maker import BookMaker, option, random_book

ZERO = Decimal(0)
INCOME = ("realised_gain", "dividends", "interest", "fees")


class PlainSums:
    """An independent account of a book: sums over its postings, nothing folded, no lots."""

    def __init__(self, events):
        self.cents = defaultdict(Decimal)
        self.units = defaultdict(int)
        self.costs = defaultdict(Decimal)
        self.at_close = {}
        for event in events:
            assert sum((line.amount for line in event.postings), ZERO) == 0
            for line in event.postings:
                self.cents[line.account, line.ledger_account] += line.amount
                if line.instrument:
                    self.units[line.account, line.instrument] += line.quantity
                    self.costs[line.account, line.instrument] += line.amount
            if event.type == "session.closed":
                day = date.fromisoformat(event.payload["session"])
                self.at_close[day] = (dict(self.cents), dict(self.units), dict(self.costs), event.payload)


def price_of(instrument, payload):
    if instrument in payload["closes"]:
        return Decimal(payload["closes"][instrument]), 1
    return Decimal(payload["marks"][instrument]["price"]), 100


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), sessions=st.integers(1, 14))
def test_every_close_reconciles_to_the_cent_with_the_sum_of_postings(seed, sessions):
    events = random_book(seed, sessions).events
    closes = book_at_closes(events)
    balances, positions = project_balances(closes), project_positions(closes)
    values = project_net_asset_value(closes)
    lump_sum = Decimal(events[0].payload["lump_sum"])
    sums = PlainSums(events).at_close
    assert values["session"].unique().sort().to_list() == sorted(sums)
    for day, (cents, units, costs, payload) in sums.items():
        shown = {
            (account, kind): balance
            for _, account, kind, balance in balances.filter(pl.col("session") == day).iter_rows()
        }
        assert shown == cents
        held = positions.filter(pl.col("session") == day).rows(named=True)
        assert {(p["account"], p["instrument"]): p["quantity"] for p in held} == {
            place: count for place, count in units.items() if count
        }
        assert {(p["account"], p["instrument"]): p["cost"] for p in held} == {
            place: costs[place] for place, count in units.items() if count
        }
        assert all(costs[place] == 0 for place, count in units.items() if not count)
        worth = defaultdict(Decimal)
        for (account, instrument), count in units.items():
            if count:
                price, multiplier = price_of(instrument, payload)
                worth[account] += extended(price, count * multiplier)
        rows = {row["account"]: row for row in values.filter(pl.col("session") == day).iter_rows(named=True)}
        for account, closed in payload["accounts"].items():
            cash, owed = cents[account, "cash"], cents.get((account, "receivables"), ZERO)
            assert rows[account]["cash"] == cash
            assert rows[account]["nav"] == cash + owed + worth[account]
            for column in ("cash", "receivables", "shares_value", "short_options_value", "nav"):
                assert rows[account][column] == Decimal(closed[column])
        total = rows[BOOK_ROW]["nav"]
        assert total == sum(rows[account]["nav"] for account in payload["accounts"])
        income = -sum((v for (_, kind), v in cents.items() if kind in INCOME), ZERO)
        unrealised = sum((p["market_value"] - p["cost"] for p in held), ZERO)
        assert total == lump_sum + income + unrealised


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), sessions=st.integers(1, 12))
def test_lots_add_up_to_positions_and_keys_are_unique(seed, sessions):
    book = random_book(seed, sessions)
    closes = book_at_closes(book.events)
    lots = project_lots(closes, lambda day: book.calendar.week_of(day).last == day)
    positions = project_positions(closes)
    of_lots = lots.group_by("session", "account", "instrument").agg(pl.col("quantity", "cost").sum())
    of_positions = positions.filter(pl.col("session").is_in(lots["session"].unique().to_list()))
    expected = of_positions.select("session", "account", "instrument", "quantity", "cost")
    key = ["session", "account", "instrument"]
    assert of_lots.sort(key).equals(expected.sort(key))
    for table, frame in (
        (BALANCES, project_balances(closes)),
        (POSITIONS, positions),
        (LOTS, lots),
        (NET_ASSET_VALUE, project_net_asset_value(closes)),
    ):
        assert not frame.select(table.key).is_duplicated().any()
        assert frame.schema == table.schema


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), sessions=st.integers(1, 12))
def test_the_fees_of_all_trades_are_the_fees_of_the_ledger(seed, sessions):
    events = random_book(seed, sessions).events
    trades = project_option_trades(events)
    bought = [e for e in events if e.type == "order.filled" and e.payload["action"] == "BUY"]
    of_shares = sum((Decimal(e.payload["fee"]) for e in bought), ZERO)
    booked = sum((x.amount for e in events for x in e.postings if x.ledger_account == "fees"), ZERO)
    assert sum(trades["fees"].to_list(), ZERO) + of_shares == booked


def test_lots_are_kept_at_week_ends_and_at_the_last_close_only():
    book = BookMaker()
    days = [book.session({"AAPL": 330, "MSFT": 28, "SPX": 127}, [])]
    days.append(book.session({"AAPL": 330, "MSFT": 28, "SPX": 127}, [("REV-1", "BUY", "MSFT", 10, "28")]))
    while len(days) < 7:
        days.append(book.session({"AAPL": 330, "MSFT": 28, "SPX": 127}))
    lots = project_lots(book_at_closes(book.events), lambda day: day.weekday() == 4)
    assert lots["session"].to_list() == [date(2011, 1, 7), date(2011, 1, 11)]
    assert lots["acquired"].to_list() == [date(2011, 1, 4)] * 2
    assert lots["cost"].to_list() == [Decimal("280.00")] * 2


def deposit(account, amount, at):
    lines = (Posting(account, "cash", Decimal(amount)), Posting(account, "capital", -Decimal(amount)))
    return Event("account.opened", at, "test", f"deposit/{at}/{account}", {"kind": "rev"}, lines)


def test_a_deposit_and_a_transfer_do_not_move_the_unit_value():
    book = BookMaker()
    prices = {"AAPL": 330.0, "MSFT": 28.0, "SPX": 127.0}
    book.session(prices, [("REV-1", "BUY", "MSFT", 5000, "28")])
    book.session({**prices, "MSFT": 30.8})
    before = book.events
    at = before[-1].effective_at
    book.recorder.record(deposit("REV-1", "100000.00", at))
    moved = (
        Posting("GEN-1", "cash", Decimal("-50000.00")),
        Posting("GEN-1", "transfers_out", Decimal("50000.00")),
        Posting("REV-1", "transfers_in", Decimal("-50000.00")),
        Posting("REV-1", "cash", Decimal("50000.00")),
    )
    book.recorder.record(Event("account.opened", at, "test", "moved", {}, moved))
    day = book.session({**prices, "MSFT": 30.8})
    values = project_net_asset_value(book_at_closes(book.events)).filter(pl.col("session") == day)
    rows = {row["account"]: row for row in values.iter_rows(named=True)}
    assert rows["REV-1"]["flow"] == Decimal("150000.00")
    assert rows["GEN-1"]["flow"] == Decimal("-50000.00")
    assert rows[BOOK_ROW]["flow"] == Decimal("100000.00")
    assert {row["session_return"] for row in rows.values()} == {0.0}
    # 5,000 shares gained 2.80 on a NAV of 300,000 less no fees.
    fees = 300_000 - float(values.filter(pl.col("account") == "REV-1")["nav"][0]) + 150_000 + 14_000
    assert rows["REV-1"]["unit_value"] == pytest.approx(1 + (14_000 - fees) / 300_000, abs=1e-9)


def test_drawdown_is_measured_from_the_start_even_when_there_was_never_a_gain():
    book = BookMaker()
    prices = {"AAPL": 330.0, "MSFT": 28.0, "SPX": 127.0}
    book.session(prices, [("REV-1", "BUY", "MSFT", 5000, "28")])
    day = book.session({**prices, "MSFT": 25.2})
    values = project_net_asset_value(book_at_closes(book.events))
    row = values.filter(pl.col("session") == day, pl.col("account") == "REV-1").row(0, named=True)
    assert row["high_water_mark"] == 1.0
    assert row["drawdown"] == pytest.approx(row["unit_value"] - 1)
    assert row["drawdown"] < -0.046


def test_a_close_without_a_price_for_what_is_held_is_refused_by_name():
    book = BookMaker()
    book.session({"AAPL": 330, "MSFT": 28, "SPX": 127}, [("REV-1", "BUY", "MSFT", 10, "28")])
    events = book.events
    payload = {**events[-1].payload, "closes": {"AAPL": "330.0000"}}
    broken = Event("session.closed", events[-1].effective_at, "test", "broken", payload)
    with pytest.raises(MissingDataError, match=r"2011-01-03 has no price for MSFT, which REV-1 holds"):
        project_positions(book_at_closes([*events[:-1], broken]))


def test_a_short_option_is_negative_in_quantity_cost_and_value():
    book = BookMaker()
    put = option("MSFT", date(2011, 1, 14), "P", 27)
    book.session(
        {"AAPL": 330, "MSFT": 28, "SPX": 127},
        [("REV-1", "SELL_TO_OPEN", put, 3, "0.50")],
        {put: (0.5, 0.7)},
    )
    row = project_positions(book_at_closes(book.events)).row(0, named=True)
    assert (row["quantity"], row["cost"], row["market_value"]) == (-3, Decimal("-150.00"), Decimal("-180.00"))
    assert (row["symbol"], row["right"], row["strike"], row["mark"], row["mark_basis"]) == (
        "MSFT",
        "P",
        27.0,
        0.6,
        "quote",
    )
