"""Which quotes of shares and bars of minutes are believed."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.market_data.live_cleaning import clean_intraday_bars, clean_share_quotes
from alluse_assets.market_data.tables import INTRADAY_BARS, SHARE_QUOTES

NOON = datetime(2024, 6, 3, 16, 0, tzinfo=UTC)
QUOTE = {"quote_ts": NOON, "symbol": "IBM", "bid": 10.0, "ask": 10.1, "bid_size": 100, "ask_size": 200}
BAR = {"bar_ts": NOON, "symbol": "IBM", "minutes": 1, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5}
OTHER = {"symbol": "MSFT"}


def frame(table, *rows):
    schema = {name: dtype for name, dtype in table.schema.items() if name in rows[0]}
    return pl.DataFrame(list(rows), schema=schema)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"ask": 9.9}, "ask_below_bid"),
        ({"bid": 0.0, "ask": 0.0}, "no_quote"),
        ({"ask": None}, "null.ask"),
        ({"bid": float("nan")}, "not_finite.bid"),
        ({"quote_ts": datetime(2024, 7, 4, 16, 0, tzinfo=UTC)}, "not_a_session"),
        ({"bid_size": -1}, "range.bid_size"),
    ],
)
def test_a_bad_quote_of_a_share_is_refused_by_its_rule(changed, rule):
    good, bad = clean_share_quotes(
        frame(SHARE_QUOTES, QUOTE, QUOTE | OTHER | changed), trading_calendar(), "x"
    )
    assert (good["symbol"].to_list(), bad["rule"].to_list()) == (["IBM"], [rule])
    assert good.schema == SHARE_QUOTES.schema
    assert good["session"].to_list() == [date(2024, 6, 3)]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"high": 8.0}, "high_below_low"),
        ({"close": 11.5}, "outside_high_low"),
        ({"bar_ts": datetime(2024, 6, 3, 13, 29, tzinfo=UTC)}, "outside_session"),
        ({"bar_ts": datetime(2024, 6, 3, 20, 0, tzinfo=UTC)}, "outside_session"),
        ({"bar_ts": datetime(2024, 7, 3, 17, 0, tzinfo=UTC)}, "outside_session"),
        ({"bar_ts": datetime(2024, 6, 2, 16, 0, tzinfo=UTC)}, "not_a_session"),
        ({"minutes": 0}, "range.minutes"),
    ],
)
def test_a_bad_bar_of_a_minute_is_refused_by_its_rule(changed, rule):
    good, bad = clean_intraday_bars(frame(INTRADAY_BARS, BAR, BAR | OTHER | changed), trading_calendar(), "x")
    assert (good["symbol"].to_list(), bad["rule"].to_list()) == (["IBM"], [rule])


def test_the_first_and_the_last_minute_of_the_session_are_kept():
    edges = [datetime(2024, 6, 3, 13, 30, tzinfo=UTC), datetime(2024, 6, 3, 19, 59, tzinfo=UTC)]
    good, bad = clean_intraday_bars(
        frame(INTRADAY_BARS, *(BAR | {"bar_ts": at} for at in edges)), trading_calendar(), "x"
    )
    assert good["bar_ts"].to_list() == edges
    assert bad.is_empty()
