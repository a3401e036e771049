"""Weeks as the journal shows them: facts, types, guesses."""

import json
from collections import Counter
from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.weeks.project import project_market_modes, project_week_types
from alluse_assets.weeks.tables import MARKET_MODES, WEEK_TYPES
from tests.book_maker import BookMaker, option, random_book

PRICES = {"AAPL": 330.0, "MSFT": 28.0, "SPX": 127.0}
JAN7, JAN14 = date(2011, 1, 7), date(2011, 1, 14)


def types_of(book):
    frame = project_week_types(book.events, lambda day: book.calendar.week_of(day).last == day)
    assert frame.schema == WEEK_TYPES.schema
    return frame


def of(book, account, symbol, last=JAN7):
    row = types_of(book).filter(
        pl.col("session") == last, pl.col("account") == account, pl.col("symbol") == symbol
    )
    assert row.height == 1
    facts = row.row(0, named=True)
    return facts["week_type"], facts["legs"], json.loads(facts["facts"])


def run_week(book, last=JAN7, **market):
    prices = {**PRICES, **market.pop("prices", {})}
    while book.next <= last:
        book.session(prices, **market)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), sessions=st.integers(1, 14))
def test_every_finished_week_has_exactly_one_type_for_each_account_and_ticker(seed, sessions):
    book = random_book(seed, sessions)
    frame = types_of(book)
    finished = [day for day in (JAN7, JAN14, date(2011, 1, 21)) if day < book.next]
    assert frame["session"].unique().sort().to_list() == finished
    assert not frame.select(WEEK_TYPES.key).is_duplicated().any()
    tickers = {"GEN-1": ("AAPL", "SPX"), "REV-1": ("AAPL", "MSFT"), "COM-1": ("MSFT", "SPX")}
    for day in finished:
        typed = set(frame.filter(pl.col("session") == day).select("account", "symbol").iter_rows())
        assert typed >= {(account, symbol) for account in tickers for symbol in tickers[account]}


def test_the_week_of_a_put_that_stays_open_is_p_ew_and_its_assignment_comes_in_the_next():
    book = BookMaker()
    put = option("MSFT", JAN14, "P", 28)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 2, "0.60")])
    run_week(book, quotes={put: (0.5, 0.6)})
    run_week(book, JAN14, prices={"MSFT": 27.0}, quotes={put: (1.0, 1.1)})
    assert of(book, "REV-1", "MSFT")[:2] == ("P-EW", ["P-EW"])
    week_type, _, facts = of(book, "REV-1", "MSFT", JAN14)
    assert week_type == "P-AWL"
    assert facts["puts"] == [{"strike": "28.0000", "end": "assigned", "lowest_close": "27.0000"}]
    assert (facts["held_shares"], facts["adjusted_basis"], facts["last_price"]) == (
        True,
        "27.4000",
        "27.0000",
    )


def test_a_deep_close_counts_only_while_the_put_was_open():
    book = BookMaker()
    put = option("MSFT", JAN7, "P", 27)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 2, "0.60")])
    book.session(PRICES, [("REV-1", "BUY_TO_CLOSE", put, 2, "0.20")])
    run_week(book, prices={"MSFT": 20.0})
    assert of(book, "REV-1", "MSFT")[0] == "P-EW"
    deep = BookMaker()
    deep.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 2, "0.60")])
    deep.session({**PRICES, "MSFT": 22.9}, [("REV-1", "BUY_TO_CLOSE", put, 2, "4.20")])
    run_week(deep)
    assert of(deep, "REV-1", "MSFT")[0] == "P-DD"


def test_a_put_of_which_a_part_was_bought_back_at_a_loss_keeps_that_when_the_rest_expires():
    """The rest's expiry used to overwrite the loss, and the week read P-EW."""
    book = BookMaker()
    put = option("MSFT", JAN7, "P", 27)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 4, "0.60")])
    book.session(PRICES, [("REV-1", "BUY_TO_CLOSE", put, 1, "0.90")])
    run_week(book, quotes={put: (0.01, 0.02)})
    week_type, legs, facts = of(book, "REV-1", "MSFT")
    assert (week_type, legs) == ("P-AWL", ["P-AWL", "P-EW"])
    assert sorted(leg["end"] for leg in facts["puts"]) == ["bought_back_at_a_loss", "expired"]


def test_a_put_of_which_a_part_was_bought_back_is_still_open_for_the_rest():
    book = BookMaker()
    put = option("MSFT", JAN14, "P", 27)
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", put, 4, "0.60")])
    book.session(PRICES, [("REV-1", "BUY_TO_CLOSE", put, 1, "0.20")])
    run_week(book, quotes={put: (0.1, 0.2)})
    facts = of(book, "REV-1", "MSFT")[2]
    assert sorted(leg["end"] for leg in facts["puts"]) == ["bought_back_at_no_loss", "open"]


def test_shares_that_were_called_away_are_judged_by_their_basis_before_that():
    book = BookMaker()
    call = option("MSFT", JAN7, "C", 29)
    book.session(PRICES, [("REV-1", "BUY", "MSFT", 200, "28")])
    book.session(PRICES, [("REV-1", "SELL_TO_OPEN", call, 2, "0.40")])
    run_week(book, prices={"MSFT": 30.0}, quotes={call: (1.0, 1.1)})
    week_type, legs, facts = of(book, "REV-1", "MSFT")
    assert (week_type, legs) == ("C-WAP+", ["C-WAP+", "C-PNO"])
    assert facts["adjusted_basis"] == facts["calls"][0]["adjusted_basis"] == "27.6000"
    run_week(book, JAN14)
    assert of(book, "REV-1", "MSFT", JAN14)[0] == "W-IDL"


def test_an_unfinished_week_has_no_type_yet():
    book = BookMaker()
    book.session(PRICES)
    assert types_of(book).is_empty()


def test_guesses_are_counted_and_the_week_that_is_not_over_has_no_confirmation():
    book = BookMaker()
    run_week(book, date(2011, 1, 18))
    modes = project_market_modes(book.events)
    assert modes.schema == MARKET_MODES.schema
    # 2011-01-17 is a holiday: the third week begins on Tuesday.
    assert modes["session"].to_list() == [date(2011, 1, 3), date(2011, 1, 10), date(2011, 1, 18)]
    assert modes["week"].to_list() == [date(2011, 1, 3) + timedelta(weeks=n) for n in range(3)]
    assert modes["confirmed"].to_list() == ["Chop", "Chop", None]
    assert modes["was_right"].to_list() == [False, False, None]
    assert modes["weeks_judged"].to_list() == [1, 2, 2]
    assert modes["hit_rate"].to_list() == [0.0, 0.0, 0.0]


def test_a_closed_week_of_random_trades_keeps_the_facts_that_led_to_its_type():
    rows = types_of(random_book(3, 14)).rows(named=True)
    assert len(Counter(row["week_type"] for row in rows)) > 3
    for row in rows:
        facts = json.loads(row["facts"])
        idle = not (facts["puts"] or facts["calls"] or facts["held_shares"])
        assert idle == (row["week_type"] == "W-IDL")
