"""Reads the journal of the two-year sample and checks every trade against the raw data and the protocol.

Nothing here uses the product's screens, sizing, gate or fold: raw quotes and bars, the configuration's
numbers, and sums of postings.
"""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import QuantLib as ql

from alluse_assets.adapters.lake import Lake
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES
from tests.end_to_end.conftest import CONFIG, END, START
from tests.paths import KNOWN_ANSWERS

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri"]
HOLIDAYS = {
    date.fromisoformat(day)
    for day in pl.read_csv(KNOWN_ANSWERS / "nyse_holidays_2010_2028.csv")
    .filter(pl.col("kind") == "closed")["date"]
    .to_list()
}


class Trade:
    """One filled opening order, with the decision that led to it."""

    def __init__(self, fill, created, decision):
        self.fill, self.created, self.decision = fill, created, decision
        self.contract = fill["instrument"]
        self.kind = decision["kind"]
        self.right = decision["right"]
        self.session = date.fromisoformat(created["session"])
        self.rules = CONFIG.accounts.of(self.kind)
        self.leg = self.rules.puts if self.right == "P" else self.rules.calls
        digits = self.contract[-15:]
        self.expiry = date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
        self.strike = Decimal(int(digits[7:])) / 1000


@pytest.fixture(scope="module")
def trades(sample_run):
    created = {e.payload["intent"]: e for e in sample_run.events if e.type == "order.created"}
    decisions = {e.key: e.payload for e in sample_run.events if e.type == "entry.decided"}
    found = [
        Trade(e.payload, created[e.payload["intent"]].payload, decisions[created[e.payload["intent"]].cause])
        for e in sample_run.events
        # Rolls are exits: what binds them is in test_rules_of_every_roll.
        if e.type == "order.filled" and e.payload["purpose"] in ("open_put", "open_call")
    ]
    assert len(found) > 200
    return found


@pytest.fixture(scope="module")
def raw(sample_run, trades):
    """Raw quotes of the traded contracts, by session and contract."""
    contracts = sorted({trade.contract for trade in trades})
    frame = Lake(sample_run.lake).read(
        OPTION_QUOTES, "sample", START, END, where=pl.col("contract_symbol").is_in(contracts)
    )
    return {(row["session"], row["contract_symbol"]): row for row in frame.iter_rows(named=True)}


def modes_by_week(events):
    return {e.payload["week"]: e.payload["mode"] for e in events if e.type == "market_mode.guessed"}


def test_every_entry_is_in_its_own_weekday_or_the_next_session_after_a_holiday(trades):
    for trade in trades:
        monday = trade.session - timedelta(days=trade.session.weekday())
        allowed = set()
        for name in trade.leg.entry_weekdays:
            day = monday + timedelta(days=DAYS.index(name))
            while day in HOLIDAYS:
                day += timedelta(days=1)
            if day <= monday + timedelta(days=4):
                allowed.add(day)
        assert trade.session in allowed, trade.created


def test_every_entry_is_decided_at_its_quote_s_own_time_while_the_market_is_open(trades, raw, sample_run):
    at = {e.payload["intent"]: e.effective_at for e in sample_run.events if e.type == "order.created"}
    for trade in trades:
        assert at[trade.fill["intent"]] == raw[(trade.session, trade.contract)]["quote_ts"]


def test_days_to_expiry_are_inside_the_kind_s_bounds(trades):
    for trade in trades:
        days = (trade.expiry - trade.session).days
        assert trade.leg.dte_low <= days <= trade.leg.dte_high
        if trade.leg.to_week_last_expiry:
            friday = trade.session - timedelta(days=trade.session.weekday()) + timedelta(days=4)
            while friday in HOLIDAYS:
                friday -= timedelta(days=1)
            assert trade.expiry == friday


def band(trade, modes):
    monday = trade.session - timedelta(days=trade.session.weekday())
    shift = {"Green": 0, "Red": -5, "Chop": -10}[modes[monday.isoformat()]] if trade.right == "P" else 0
    ends = [trade.leg.delta_low + shift, trade.leg.delta_high + shift]
    return [max(end, 10) for end in ends] if shift else ends


def test_delta_is_inside_the_band_that_the_week_s_guess_gave(trades, sample_run):
    contracts = sorted({trade.contract for trade in trades})
    chains = Lake(sample_run.lake).read(
        OPTION_CHAINS, "sample", START, END, where=pl.col("contract_symbol").is_in(contracts)
    )
    deltas = {(r["session"], r["contract_symbol"]): r["delta"] for r in chains.iter_rows(named=True)}
    modes = modes_by_week(sample_run.events)
    for trade in trades:
        low, high = band(trade, modes)
        assert low <= 100 * abs(deltas[(trade.session, trade.contract)]) <= high


def test_delta_is_inside_the_band_by_an_independent_pricer_too(trades, raw, sample_run):
    """QuantLib's tree on the raw mid price; 0.3 points for what two engines differ by."""
    modes = modes_by_week(sample_run.events)
    chains = Lake(sample_run.lake).read(
        OPTION_CHAINS, "sample", START, END, columns=["session", "rate_annual"]
    )
    rates = dict(chains.unique().iter_rows())
    for trade in trades[::3]:
        low, high = band(trade, modes)
        delta = american_delta(raw[(trade.session, trade.contract)], rates[trade.session])
        assert low - 0.3 <= 100 * abs(delta) <= high + 0.3, (trade.contract, delta, low, high)


def american_delta(row, rate):
    """Delta at the volatility that the mid implies.

    QuantLib counts whole days, we count seconds. Prices depend only on rate x time and variance x time,
    so the option's life is stretched to exactly a thousand days and the rates shrunk by as much.
    """
    end = datetime.combine(row["expiry"], time(16), ZoneInfo("America/New_York"))
    shrink = (end - row["quote_ts"]).total_seconds() / (1000 * 86_400)
    today, day_count = ql.Date(1, 1, 2011), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    volatility = ql.SimpleQuote(0.1)

    def flat(annual):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, annual * shrink, day_count))

    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(row["underlying_price"])),
        flat(CONFIG.market.dividend_yields.get(row["underlying"], 0.0)),
        flat(rate),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(volatility), day_count)
        ),
    )
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if row["right"] == "C" else ql.Option.Put, row["strike"])
    option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + 1000))
    option.setPricingEngine(ql.BinomialVanillaEngine(process, "lr", 201))
    low, high = 1e-4, 2.0
    for _ in range(30):
        volatility.setValue((low + high) / 2)
        low, high = (
            (volatility.value(), high)
            if option.NPV() < (row["bid"] + row["ask"]) / 2
            else (low, volatility.value())
        )
    return option.delta()


def test_every_fill_is_at_the_raw_bid_and_its_yield_reaches_the_floor(trades, raw):
    for trade in trades:
        row = raw[(trade.session, trade.contract)]
        price = Decimal(trade.fill["price"])
        assert price == Decimal(str(row["bid"])).quantize(Decimal("0.0001"))
        assert price / trade.strike >= Decimal(str(trade.leg.min_premium_yield))
        spread, mid = row["ask"] - row["bid"], (row["ask"] + row["bid"]) / 2
        assert spread <= 0.05 + 1e-9 or spread <= 0.10 * mid + 1e-9


def test_one_entry_per_account_ticker_and_week(trades):
    seen = defaultdict(list)
    for trade in trades:
        week = trade.session.isocalendar()[:2]
        seen[(trade.created["account"], trade.created["symbol"], week)].append(trade.contract)
    assert {len(contracts) for contracts in seen.values()} == {1}


def test_puts_fit_their_collateral_their_buffer_and_their_caps(sample_run, trades):
    """Cash and open puts are followed through the journal; each new put must fit what is deployable."""
    by_intent = {trade.fill["intent"]: trade for trade in trades}
    cash, collateral, step = defaultdict(Decimal), defaultdict(Decimal), {}
    for event in sample_run.events:
        if event.type == "order.filled" and event.payload["intent"] in by_intent:
            trade = by_intent[event.payload["intent"]]
            account, count = event.payload["account"], event.payload["quantity"]
            if trade.right == "P":
                nav = Decimal(trade.decision["nav"])
                deployable = cash[account] - (nav * Decimal("0.05")).quantize(Decimal("0.01"))
                deployable -= collateral[account]
                need = trade.strike * 100 * count
                assert need <= deployable, event.payload
                # All puts of one step were sized from the same cash: the first event's deployable.
                key = (account, trade.session)
                step.setdefault(key, Decimal(trade.decision["deployable"]))
                cap = step[key] * Decimal(str(trade.rules.max_symbol_share))
                assert need <= cap or count == 1
                if trade.rules.put_free_cash_share:
                    assert step[key] > nav * Decimal(str(trade.rules.put_free_cash_share))
        for line in event.postings:
            if str(line.ledger_account) == "cash":
                cash[line.account] += line.amount
            if line.instrument and str(line.ledger_account) == "short_options" and line.instrument[-9] == "P":
                collateral[line.account] -= line.quantity * 100 * Decimal(int(line.instrument[-8:])) / 1000
    assert step


def test_the_nav_that_sizing_used_is_the_nav_of_that_close_but_for_the_trades_themselves(sample_run, trades):
    closes = {
        e.payload["session"]: e.payload["accounts"] for e in sample_run.events if e.type == "session.closed"
    }
    for trade in trades:
        if trade.right == "P":
            used = Decimal(trade.decision["nav"])
            closed = Decimal(closes[trade.session.isoformat()][trade.created["account"]]["nav"])
            assert abs(used / closed - 1) < Decimal("0.02")


def test_calls_are_covered_and_never_under_the_adjusted_basis(sample_run, trades):
    by_intent = {trade.fill["intent"]: trade for trade in trades}
    shares, cost, income = defaultdict(int), defaultdict(Decimal), defaultdict(Decimal)
    calls = defaultdict(int)
    checked = 0
    for event in sample_run.events:
        p = event.payload
        if event.type == "order.filled" and p["intent"] in by_intent and by_intent[p["intent"]].right == "C":
            place, trade = (p["account"], p["symbol"]), by_intent[p["intent"]]
            assert (calls[place] + p["quantity"]) * 100 <= shares[place]
            basis = (cost[place] - income[place]) / shares[place]
            assert trade.strike >= basis.quantize(Decimal("0.000001")), (p, basis)
            checked += 1
        held_before = dict(shares)
        for line in event.postings:
            account = str(line.ledger_account)
            if account == "shares":
                shares[(line.account, line.instrument)] += line.quantity
                cost[(line.account, line.instrument)] += line.amount
            elif account == "short_options" and line.instrument[-9] == "C":
                symbol = line.instrument[:-15]
                calls[(line.account, symbol)] -= line.quantity
        if event.type == "order.filled" and p["instrument"] != p["symbol"] and p["instrument"][-9] == "C":
            sign = 1 if p["action"] == "SELL_TO_OPEN" else -1
            income[(p["account"], p["symbol"])] += sign * Decimal(p["amount"])
        if event.type == "option.assigned" and p["right"] == "C":
            place = (p["account"], p["symbol"])
            left = shares[place]
            income[place] = (income[place] * left / held_before[place]).quantize(Decimal("0.01"))
    assert checked > 50


def test_no_put_is_opened_on_a_ticker_whose_assigned_shares_are_still_held(sample_run, trades):
    by_intent = {trade.fill["intent"]: trade for trade in trades}
    shares = defaultdict(int)
    for event in sample_run.events:
        p = event.payload
        if event.type == "order.filled" and p["intent"] in by_intent:
            trade = by_intent[p["intent"]]
            if trade.right == "P" and trade.kind in ("gen", "rev"):
                assert shares[(p["account"], p["symbol"])] == 0
        for line in event.postings:
            if str(line.ledger_account) == "shares":
                shares[(line.account, line.instrument)] += line.quantity


def test_profit_is_taken_only_once_enough_of_the_credit_has_decayed(sample_run):
    credit, taken = {}, 0
    for event in sample_run.events:
        if event.type != "order.filled":
            continue
        p = event.payload
        key = (p["account"], p["instrument"])
        if p["action"] == "SELL_TO_OPEN":
            credit[key] = Decimal(p["price"])
        elif p["purpose"] == "take_profit":
            assert Decimal(p["price"]) <= credit[key] * Decimal("0.35")
            taken += 1
    assert taken > 50


def test_the_first_purchase_is_even_over_the_tickers_that_trade_and_in_lots_where_it_can(sample_run):
    bars = Lake(sample_run.lake).read(BARS, "sample", START, START)
    closes = dict(bars.select("symbol", "close").iter_rows())
    bought = {
        e.payload["symbol"]: e.payload["quantity"]
        for e in sample_run.events
        if e.type == "order.filled" and e.payload["purpose"] == "first_purchase"
    }
    tickers = [t for t in CONFIG.accounts.com.tickers if t in closes]
    each = Decimal("300000") * Decimal("0.95") / len(tickers)
    expected = {}
    for ticker in tickers:
        shares = int(each / Decimal(str(closes[ticker])))
        expected[ticker] = shares // 100 * 100 if shares >= 100 else shares
    assert bought == {ticker: shares for ticker, shares in expected.items() if shares}
    assert "FB" not in bought


def test_options_in_the_money_at_expiry_are_assigned_and_the_others_expire(sample_run):
    closes = {
        e.payload["session"]: e.payload["closes"] for e in sample_run.events if e.type == "session.closed"
    }
    ended = 0
    for event in sample_run.events:
        if event.type not in ("option.expired", "option.assigned"):
            continue
        p = event.payload
        close, strike = Decimal(closes[p["session"]][p["symbol"]]), Decimal(p["strike"])
        depth = strike - close if p["right"] == "P" else close - strike
        assert (depth >= Decimal("0.01")) == (event.type == "option.assigned")
        ended += 1
    assert ended > 100
