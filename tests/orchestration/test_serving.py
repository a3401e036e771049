"""History in the hot store, and live rows that are dropped when the lake has them."""

from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal

from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.timescale import HotStore
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.market_data.tables import BARS, INTRADAY_BARS
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_TICKS
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.serving import serve
from tests.adapters.timescale.rows import MONDAY, OPEN, daily_bars, minute_bars, option_quotes
from tests.orchestration.test_market_queries import chains

CALENDAR = trading_calendar()
SESSIONS = CALENDAR.sessions(MONDAY, MONDAY + timedelta(days=60))


def test_what_is_served_is_what_the_lake_has_and_refused_rows_leave(
    tmp_path, any_hot_store: HotStore
) -> None:
    lake = Lake(tmp_path)
    lake.write(BARS, "files", daily_bars(SESSIONS))
    counts = serve(lake, any_hot_store, CALENDAR, "files", SESSIONS[0], SESSIONS[-1])
    assert counts["bars"] == 2 * len(SESSIONS)
    assert_frame_equal(any_hot_store.read(BARS, "files"), lake.read(BARS, "files"))
    fewer = daily_bars(SESSIONS).filter((pl.col("symbol") == "IBM") | (pl.col("ts") != SESSIONS[3]))
    lake.write(BARS, "files", fewer, replacing=SESSIONS)
    done: list[tuple[int, int]] = []
    serve(lake, any_hot_store, CALENDAR, "files", SESSIONS[2], SESSIONS[5], lambda *at: done.append(at))
    assert_frame_equal(any_hot_store.read(BARS, "files"), fewer)
    assert done == [(1, 1)]


def test_what_the_lake_does_not_have_yet_is_left_where_it_is(tmp_path, any_hot_store) -> None:
    """Serving a month once removed the chain of the session under way."""
    lake, at = Lake(tmp_path), OPEN + timedelta(minutes=15)
    lake.write(OPTION_CHAINS, "live", chains(at))
    later = pl.concat([chains(at + timedelta(hours=5)), chains(at + timedelta(days=1))])
    any_hot_store.upsert(OPTION_CHAINS, "live", later)
    counts = serve(lake, any_hot_store, CALENDAR, "live", SESSIONS[0], SESSIONS[-1])
    assert counts["option_chains"] == 3
    expected = pl.concat([chains(at), later]).sort(OPTION_CHAINS.key)
    assert_frame_equal(any_hot_store.read(OPTION_CHAINS, "live"), expected)


def test_old_live_rows_are_in_the_lake_before_they_are_dropped(tmp_path, any_hot_store: HotStore) -> None:
    profile = tmp_path / "ibm.yaml"
    profile.write_text(
        "market: {source: live, routes: {default: [alpaca]}, flat_rate_annual: 0.05, hot_days: 7}"
    )
    steps = MarketSteps(Lake(tmp_path / "lake"), load(profile, {}).config, CALENDAR, None)
    live = LiveMarket(steps, any_hot_store)
    for days in (0, 1, 9):
        any_hot_store.upsert(OPTION_TICKS, "live", option_quotes(40, OPEN + timedelta(days=days)))
        any_hot_store.upsert(INTRADAY_BARS, "live", minute_bars(MONDAY + timedelta(days=days)))
    assert live.prune(MONDAY + timedelta(days=9)) != []
    kept = any_hot_store.read(OPTION_TICKS, "live")
    assert kept["session"].unique().to_list() == [MONDAY + timedelta(days=9)]
    old = pl.concat([option_quotes(40), option_quotes(40, OPEN + timedelta(days=1))])
    assert_frame_equal(steps.lake.read(OPTION_TICKS, "live"), old)
    assert steps.lake.read(INTRADAY_BARS, "live").height == 2 * 390
    assert live.prune(MONDAY + timedelta(days=9)) == []
