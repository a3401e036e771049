from datetime import date

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.tables import BARS
from tests.paths import SHARED

SOUND = {
    "ts": date(2011, 1, 3),
    "symbol": "AAPL",
    "open": 325.6,
    "high": 330.3,
    "low": 324.8,
    "close": 329.6,
    "volume": 15_897_800,
}


def clean(*rows):
    schema = {name: dtype for name, dtype in BARS.schema.items() if name != "source"}
    return clean_bars(pl.DataFrame(list(rows), schema=schema), trading_calendar(), "files")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"close": -329.6}, "negative_price"),
        ({"open": 0.0}, "negative_price"),
        ({"high": 320.0}, "high_below_low"),
        ({"close": 331.0}, "outside_high_low"),
        ({"open": 324.0}, "outside_high_low"),
        ({"ts": date(2011, 1, 1)}, "not_a_session"),
        ({"ts": date(2011, 1, 17)}, "not_a_session"),
        ({"ts": date(1950, 1, 3)}, "not_a_session"),
        ({"ts": date(2090, 1, 3)}, "not_a_session"),
        ({"ts": None}, "null.ts"),
        ({"volume": -1}, "range.volume"),
        ({"close": None}, "null.close"),
        ({"symbol": None}, "null.symbol"),
    ],
)
def test_a_bad_bar_is_refused_by_its_rule(changed, rule):
    good, bad = clean(SOUND, SOUND | {"symbol": "MSFT"} | changed)
    assert good.select(pl.exclude("source")).to_dicts() == [SOUND]
    assert bad["rule"].to_list() == [rule]


def test_an_absent_source_is_filled_and_a_given_one_kept():
    assert clean(SOUND)[0]["source"].to_list() == ["files"]
    own = pl.DataFrame([SOUND | {"source": "vendor"}])
    assert clean_bars(own, trading_calendar(), "files")[0]["source"].to_list() == ["vendor"]


def test_the_two_sources_of_spy_that_contradict_each_other_are_both_refused():
    bars = pl.read_parquet(SHARED / "data/bars_daily_spy_msft_spx.parquet")
    good, bad = clean_bars(bars, trading_calendar(), "files")
    assert good.height + bad.height == bars.height
    assert bad["rule"].unique().to_list() == ["conflicting_duplicate"]
    assert bad.height == 1004
    assert bad["session"].dt.year().unique().sort().to_list() == [2017, 2018]
