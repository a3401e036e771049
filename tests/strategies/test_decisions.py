"""The table of entry decisions keeps what was looked at, what refused it and what was done."""

from datetime import date
from decimal import Decimal

from alluse_assets.base.events import Event
from alluse_assets.strategies.account_step import AccountStep
from alluse_assets.strategies.candidates import Candidate, Screened
from alluse_assets.strategies.decisions import ENTRY_DECISIONS, project_entry_decisions
from alluse_assets.strategies.entries import decide_calls, decide_puts
from alluse_assets.strategies.market import SessionMarket
from tests.book_maker import BookMaker, option

PRICES = {"AAPL": 330.0, "MSFT": 28.0, "SPX": 127.0}


def candidate(instrument, rank, right="P"):
    expiry, strike = date(2011, 1, 7), Decimal(instrument[-8:]) / 1000
    return Candidate(
        instrument, "MSFT", right, expiry, strike, Decimal("0.20"), 35_000_000, 7_400, rank, None
    )


def decisions(book, screened):
    return [decision.event for decision in decided(book, screened)]


def decided(book, screened):
    calendar, session = book.calendar, book.next
    week = calendar.week_of(session)
    closes = {symbol: Decimal(str(price)) for symbol, price in PRICES.items()}
    market = SessionMarket(
        session,
        week,
        calendar.open_time(session),
        calendar.close_time(session),
        calendar.close_time(session),
        closes,
        closes,
        {},
        screened,
        0.02,
    )
    step = AccountStep(book.state.accounts["REV-1"], book.state, market, book.config, Decimal("300000"))
    return [*decide_calls(step), *decide_puts(step)]


def test_a_put_that_was_taken_and_a_ticker_that_only_the_floor_kept_out():
    put = option("MSFT", date(2011, 1, 7), "P", 27)
    frame = project_entry_decisions(
        decisions(
            BookMaker(),
            {
                ("rev", "P", "MSFT"): Screened(
                    40,
                    {"delta_out_of_band": 30, "no_bid": 30, "yield_under_floor": 5},
                    2,
                    (candidate(put, 1),),
                ),
                ("rev", "P", "AAPL"): Screened(12, {"yield_under_floor": 12}, 3, ()),
            },
        )
    )
    assert frame.schema == ENTRY_DECISIONS.schema
    none, taken = frame.rows(named=True)
    assert (taken["symbol"], taken["outcome"], taken["chosen"], taken["passed"]) == ("MSFT", "order", put, 1)
    assert taken["refused"] == "delta_out_of_band 30, no_bid 30, yield_under_floor 5"
    assert taken["contracts"] == 31
    assert (taken["nav"], taken["deployable"]) == (Decimal("300000.00"), Decimal("285000.00"))
    assert (none["symbol"], none["outcome"], none["floor_alone"], none["chosen"]) == (
        "AAPL",
        "none_passed",
        3,
        None,
    )


def test_what_is_asked_about_takes_only_what_the_others_leave():
    msft, aapl = option("MSFT", date(2011, 1, 7), "P", 27), option("AAPL", date(2011, 1, 7), "P", 330)

    def sizes(asked):
        screened = {("rev", "P", "MSFT"): Screened(9, {}, 0, (candidate(msft, 1),))}
        if asked:
            screened["rev", "P", "AAPL"] = Screened(9, {}, 1, (), (candidate(aapl, 1),))
        return {d.intent.symbol: d.intent.quantity for d in decided(BookMaker(), screened) if d.intent}

    # 285,000: MSFT gets 30 % of it as without AAPL; 30 % of the 201,300 left are one contract of 33,000.
    assert sizes(asked=False) == {"MSFT": 31}
    assert sizes(asked=True) == {"MSFT": 31, "AAPL": 1}


def test_a_first_contract_over_the_cap_is_not_asked_for_beside_an_order():
    msft, aapl = option("MSFT", date(2011, 1, 7), "P", 27), option("AAPL", date(2011, 1, 7), "P", 900)
    asked = {("rev", "P", "AAPL"): Screened(9, {}, 1, (), (candidate(aapl, 1),))}
    beside = {**asked, ("rev", "P", "MSFT"): Screened(9, {}, 0, (candidate(msft, 1),))}
    outcomes = [
        {e.payload["symbol"]: e.payload["outcome"] for e in decisions(BookMaker(), screened)}
        for screened in (asked, beside)
    ]
    assert outcomes == [{"AAPL": "asked_under_floor"}, {"AAPL": "none_passed", "MSFT": "order"}]


def test_a_call_under_the_basis_says_so_with_the_basis():
    book = BookMaker()
    book.session(PRICES, [("REV-1", "BUY", "MSFT", 100, "28")])
    low = option("MSFT", date(2011, 1, 7), "C", 27)
    screened = {("rev", "C", "MSFT"): Screened(9, {}, 0, (candidate(low, 1, "C"),))}
    rows = project_entry_decisions(decisions(book, screened)).rows(named=True)
    rows = [row for row in rows if row["right"] == "C"]
    assert [(row["outcome"], row["adjusted_basis"], row["nav"]) for row in rows] == [
        ("below_adjusted_basis", 28.0, None)
    ]


def test_other_events_are_no_decisions():
    event = Event("alert.raised", BookMaker().events[0].effective_at, "test", "a", {})
    assert project_entry_decisions([event]).is_empty()
