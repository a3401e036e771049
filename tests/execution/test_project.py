"""Orders and option trades, projected: nothing that was ordered or sold is missing, and all of it adds up."""

from datetime import date
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.execution.project import project_option_trades, project_orders
from alluse_assets.execution.tables import OPTION_TRADES, ORDERS
from tests.book_maker import BookMaker, option, random_book

PRICES = {"AAPL": 330.0, "MSFT": 28.0, "SPX": 127.0}
JAN7, JAN14 = date(2011, 1, 7), date(2011, 1, 14)


def trades_of(book):
    return project_option_trades(book.events).rows(named=True)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), sessions=st.integers(1, 12))
def test_every_contract_sold_is_in_exactly_one_row_and_premiums_are_kept_to_the_cent(seed, sessions):
    events = random_book(seed, sessions).events
    trades = project_option_trades(events)
    assert trades.schema == OPTION_TRADES.schema
    assert not trades.select(OPTION_TRADES.key).is_duplicated().any()
    sold = [e.payload for e in events if e.type == "order.filled" and e.payload["action"] == "SELL_TO_OPEN"]
    contracts, credit = {}, {}
    for fill in sold:
        trade = fill["intent"]
        contracts[trade] = contracts.get(trade, 0) + fill["quantity"]
        credit[trade] = credit.get(trade, Decimal(0)) + Decimal(fill["amount"])
    rows = trades.rows(named=True)
    for trade in contracts:
        parts = [row for row in rows if row["trade"] == trade]
        assert sum(row["contracts"] for row in parts) == contracts[trade]
        assert sum(row["credit"] for row in parts) == credit[trade]
        assert sorted(row["part"] for row in parts) == list(range(1, len(parts) + 1))
    assert {row["trade"] for row in rows} == set(contracts)
    for row in rows:
        is_open = row["how_ended"] == "open"
        assert is_open == (row["closed"] is None) == (row["gain"] is None) == (row["debit"] is None)
        assert is_open or row["gain"] == row["credit"] - row["debit"] - row["fees"]
    paid = sum(
        Decimal(e.payload["amount"])
        for e in events
        if e.type == "order.filled" and e.payload["action"] == "BUY_TO_CLOSE"
    )
    assert sum((row["debit"] for row in rows if row["how_ended"] == "bought_back"), Decimal(0)) == paid


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_order_is_one_row_and_a_refusal_says_why(seed):
    events = random_book(seed, 6).events
    orders = project_orders(events)
    assert orders.schema == ORDERS.schema
    created = [e for e in events if e.type == "order.created"]
    assert orders.height == len(created)
    assert not orders.select(ORDERS.key).is_duplicated().any()
    denied = orders.filter(pl.col("state") == "DENIED")
    assert denied["reason"].str.starts_with("gate ").all()
    assert denied["filled"].sum() == 0
    fees = sum((x.amount for e in events for x in e.postings if x.ledger_account == "fees"), Decimal(0))
    assert sum(orders["fees"].to_list(), Decimal(0)) == fees


def test_a_put_bought_back_in_two_parts_and_expired_for_the_rest_is_three_rows():
    book = BookMaker()
    put = option("MSFT", JAN7, "P", 27)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 10, "0.50")])
    book.session(PRICES, [("REV-1", "BUY_TO_CLOSE", put, 3, "0.20")])
    book.session(PRICES, [("REV-1", "BUY_TO_CLOSE", put, 4, "0.90")])
    while book.next <= JAN7:
        book.session(PRICES, quotes={put: (0.01, 0.02)})
    rows = trades_of(book)
    assert [(r["part"], r["contracts"], r["how_ended"], r["credit"], r["debit"]) for r in rows] == [
        (1, 3, "bought_back", Decimal("150.00"), Decimal("60.00")),
        (2, 4, "bought_back", Decimal("200.00"), Decimal("360.00")),
        (3, 3, "expired", Decimal("150.00"), Decimal("0.00")),
    ]
    assert [r["closed"] for r in rows] == [date(2011, 1, 4), date(2011, 1, 5), JAN7]
    # 0.65 a contract to sell all ten, and to buy back three and four of them.
    assert [r["fees"] for r in rows] == [Decimal("3.90"), Decimal("5.20"), Decimal("1.95")]
    assert rows[1]["gain"] == Decimal("-165.20")


def test_an_assigned_put_has_lost_what_it_was_worth_that_day_and_a_called_call_too():
    book = BookMaker()
    put, call = option("MSFT", JAN7, "P", 28), option("MSFT", JAN14, "C", 26)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 2, "0.60")])
    while book.next <= JAN7:
        book.session({**PRICES, "MSFT": 26.5}, quotes={put: (1.4, 1.6)})
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", call, 2, "2.10")])
    while book.next <= JAN14:
        book.session({**PRICES, "MSFT": 29.0}, quotes={call: (2.9, 3.1)})
    assigned, called = trades_of(book)
    assert (assigned["how_ended"], assigned["debit"], assigned["settlement_price"]) == (
        "assigned",
        Decimal("300.00"),
        26.5,
    )
    assert assigned["gain"] == Decimal("-181.30")
    assert (called["how_ended"], called["debit"]) == ("called_away", Decimal("600.00"))


def test_an_index_put_in_the_money_is_settled_in_cash():
    book = BookMaker()
    put = option("SPX", JAN7, "P", 125)
    book.session(PRICES, [("GEN-1", "SELL_TO_OPEN", put, 1, "0.60")])
    while book.next <= JAN7:
        book.session({**PRICES, "SPX": 120}, quotes={put: (4.9, 5.1)})
    (row,) = trades_of(book)
    assert (row["symbol"], row["how_ended"], row["debit"]) == ("SPX", "cash_settled", Decimal("500.00"))


def test_a_partial_fill_shows_what_was_done_and_that_the_rest_expired():
    book = BookMaker()
    put = option("MSFT", JAN7, "P", 27)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 10, "0.50")], volume=40)
    row = project_orders(book.events).row(0, named=True)
    assert (row["quantity"], row["filled"], row["state"]) == (10, 4, "EXPIRED")
    assert (row["amount"], row["average_price"], row["fees"]) == (Decimal("200.00"), 0.5, Decimal("2.60"))
    assert (row["delta_points"], row["premium_yield"], row["rank"]) == (33.5, 0.0042, 1)
    assert row["reason"] is None
    (trade,) = trades_of(book)
    assert (trade["contracts"], trade["how_ended"], trade["gain"]) == (4, "open", None)
