"""Premiums of half hours and bars of days: what is in them, and that they outlive their rows."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from alluse_assets.adapters.timescale import HotStore
from alluse_assets.adapters.timescale.aggregates import BARS_DAILY, PREMIUM_30M
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.market_data.tables import BARS, INTRADAY_BARS
from alluse_assets.option_chains.tables import OPTION_TICKS
from tests.adapters.timescale.rows import MONDAY, OPEN, daily_bars, minute_bars, option_quotes

FRIDAY = date(2024, 6, 7)


def premiums_of(quotes: pl.DataFrame) -> pl.DataFrame:
    """The summary, made another way."""
    mid = (pl.col("bid") + pl.col("ask")) / 2
    grouped = (
        quotes.sort("quote_ts")
        .group_by(
            pl.col("quote_ts").dt.truncate("30m").alias("bucket"), "session", "underlying", "contract_symbol"
        )
        .agg(
            first_bid=pl.col("bid").first(),
            last_bid=pl.col("bid").last(),
            first_ask=pl.col("ask").first(),
            last_ask=pl.col("ask").last(),
            first_mid=mid.first(),
            last_mid=mid.last(),
            mean_mid=mid.mean(),
            mean_spread=(pl.col("ask") - pl.col("bid")).mean(),
            quotes=pl.len(),
        )
    )
    return PREMIUM_30M.conform(grouped).sort(PREMIUM_30M.key)


def days_of(bars: pl.DataFrame) -> pl.DataFrame:
    """The summary, made another way."""
    grouped = (
        bars.sort("bar_ts")
        .group_by("session", "symbol", "minutes")
        .agg(
            open=pl.col("open").first(),
            high=pl.col("high").max(),
            low=pl.col("low").min(),
            close=pl.col("close").last(),
            volume=pl.col("volume").sum(),
            bars=pl.len(),
        )
        .with_columns(
            bucket=pl.col("session")
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("America/New_York")
            .dt.convert_time_zone("UTC")
        )
    )
    return BARS_DAILY.conform(grouped).sort(BARS_DAILY.key)


@pytest.fixture
def filled(any_hot_store: HotStore) -> HotStore:
    any_hot_store.upsert(OPTION_TICKS, "live", option_quotes(600))
    for session in (MONDAY, FRIDAY):
        for symbol in ("IBM", "MSFT"):
            any_hot_store.upsert(INTRADAY_BARS, "live", minute_bars(session, symbol=symbol))
    any_hot_store.refresh(MONDAY, FRIDAY)
    return any_hot_store


def test_they_are_what_the_rows_say(filled: HotStore) -> None:
    assert_frame_equal(filled.read(PREMIUM_30M, "live"), premiums_of(option_quotes(600)), rel_tol=1e-12)
    bars = pl.concat([minute_bars(day, symbol=s) for day in (MONDAY, FRIDAY) for s in ("IBM", "MSFT")])
    assert_frame_equal(filled.read(BARS_DAILY, "live"), days_of(bars))


def test_twice_is_as_good_as_once_and_late_rows_are_in_the_next(filled: HotStore) -> None:
    before = filled.read(PREMIUM_30M, "live")
    filled.refresh(MONDAY, FRIDAY)
    assert_frame_equal(filled.read(PREMIUM_30M, "live"), before)
    late = option_quotes(50, OPEN + timedelta(hours=5))
    filled.upsert(OPTION_TICKS, "live", late)
    assert_frame_equal(filled.read(PREMIUM_30M, "live"), before)
    filled.refresh(MONDAY, MONDAY)
    every = premiums_of(pl.concat([option_quotes(600), late]))
    assert_frame_equal(filled.read(PREMIUM_30M, "live"), every, rel_tol=1e-12)


def test_they_outlive_their_rows_and_served_history_is_never_dropped(filled: HotStore) -> None:
    filled.upsert(BARS, "live", daily_bars([MONDAY, FRIDAY]))
    premiums, days = filled.read(PREMIUM_30M, "live"), filled.read(BARS_DAILY, "live")
    dropped = filled.prune(FRIDAY)
    assert dropped
    assert filled.read(OPTION_TICKS, "live").is_empty()
    assert filled.read(INTRADAY_BARS, "live")["session"].unique().to_list() == [FRIDAY]
    filled.refresh(MONDAY, FRIDAY)
    assert_frame_equal(filled.read(PREMIUM_30M, "live"), premiums)
    assert_frame_equal(filled.read(BARS_DAILY, "live"), days)
    assert filled.read(BARS, "live").height == 4
    assert filled.prune(FRIDAY) == []


def test_what_comes_late_of_a_pruned_session_or_lies_across_midnight_destroys_no_summary(
    filled: HotStore,
) -> None:
    """A quote at 20:16 New York lies behind midnight in UTC; it once outlived its session and replaced it."""
    evening = option_quotes(1, datetime(2024, 6, 4, 0, 16, tzinfo=UTC))
    filled.upsert(OPTION_TICKS, "live", evening)
    filled.refresh(MONDAY, FRIDAY)
    premiums, days = filled.read(PREMIUM_30M, "live"), filled.read(BARS_DAILY, "live")
    for _ in range(2):
        filled.prune(MONDAY + timedelta(days=1))
        assert filled.read(OPTION_TICKS, "live").is_empty()
        filled.upsert(INTRADAY_BARS, "live", minute_bars(MONDAY, 1))
        filled.upsert(OPTION_TICKS, "live", option_quotes(1, OPEN - timedelta(days=30)))
        filled.refresh(MONDAY - timedelta(days=40), FRIDAY)
        assert_frame_equal(filled.read(PREMIUM_30M, "live"), premiums)
        assert_frame_equal(filled.read(BARS_DAILY, "live"), days)


def test_whole_months_are_dropped_whole(any_hot_store: HotStore) -> None:
    march = datetime(2024, 3, 4, 15, tzinfo=UTC)
    for start in (march, OPEN):
        any_hot_store.upsert(OPTION_TICKS, "live", option_quotes(10, start))
    (dropped,) = any_hot_store.prune(MONDAY)
    assert "rows" not in dropped
    assert any_hot_store.read(OPTION_TICKS, "live").height == 10


def test_a_summary_is_known_at_its_end(filled: HotStore) -> None:
    assert filled.read(PREMIUM_30M, "live", as_of=OPEN + timedelta(minutes=29)).is_empty()
    assert filled.read(PREMIUM_30M, "live", as_of=OPEN + timedelta(minutes=30)).height == 3
    before_the_close = datetime(2024, 6, 3, 15, 59, tzinfo=NEW_YORK)
    assert filled.read(BARS_DAILY, "live", as_of=before_the_close).is_empty()
    assert filled.read(BARS_DAILY, "live", as_of=before_the_close + timedelta(minutes=1)).height == 2
