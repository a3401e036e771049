"""Asking for market data: from which store, in which version, and nothing that was not known."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.errors import DataError, MissingDataError
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from alluse_assets.option_chains.tables import OPTION_CHAINS, PREMIUM_SNAPSHOTS
from alluse_assets.orchestration.market_queries import MarketQueries
from tests.adapters.timescale.rows import MONDAY, OPEN, daily_bars, option_quotes

CALENDAR = trading_calendar()
WEEK = CALENDAR.sessions(MONDAY, MONDAY + timedelta(days=4))
CLOSE = datetime(2024, 6, 3, 20, tzinfo=UTC)


def chains(at: datetime, underlying: str = "IBM") -> pl.DataFrame:
    """One chain of three contracts, priced as little as the table demands."""
    quotes = option_quotes(3, at, every_seconds=0).with_columns(
        underlying=pl.lit(underlying),
        contract_symbol=pl.col("contract_symbol").str.replace("IBM", underlying),
    )
    return OPTION_CHAINS.conform(
        quotes.with_columns(
            dte_days=pl.lit(18),
            years_to_expiry=pl.lit(0.05),
            rate_annual=pl.lit(0.05),
            dividend_yield_annual=pl.lit(0.0),
            exercise_style=pl.lit("american"),
            iv_status=pl.lit("no_quote"),
        )
    )


@pytest.fixture
def queries(tmp_path, hot_store) -> MarketQueries:
    """The lake has Monday to Wednesday, the hot store Tuesday to Friday."""
    lake = Lake(tmp_path)
    lake.write(BARS, "live", daily_bars(WEEK[:3]))
    hot_store.upsert(BARS, "live", daily_bars(WEEK[1:], close=200.0))
    return MarketQueries(lake, "live", CALENDAR, hot_store)


def test_the_lake_answers_as_far_as_it_goes_and_the_hot_store_beyond(queries):
    answer = queries.bars(WEEK[0], WEEK[-1], ["IBM"])
    assert answer.rows["ts"].to_list() == WEEK
    assert answer.rows["close"].to_list() == [100.0, 101.0, 102.0, 202.0, 203.0]
    assert [(one.store, one.rows) for one in answer.origins] == [("lake", 3), ("hot store", 2)]
    only = queries.bars(WEEK[0], WEEK[2])
    assert [one.store for one in only.origins] == ["lake"]
    only = queries.bars(WEEK[3], WEEK[4])
    assert [one.store for one in only.origins] == ["hot store"]


def test_the_version_changes_when_the_content_does_and_only_then(queries):
    before = queries.bars(WEEK[0], WEEK[-1])
    assert queries.bars(WEEK[0], WEEK[-1]).origins == before.origins
    queries.hot.upsert(BARS, "live", daily_bars([WEEK[4]], close=300.0))
    corrected = queries.bars(WEEK[0], WEEK[-1])
    assert corrected.origins[0] == before.origins[0]
    assert corrected.origins[1].version != before.origins[1].version
    queries.lake.write(BARS, "live", daily_bars([WEEK[0]], close=7.0))
    again = queries.bars(WEEK[0], WEEK[-1])
    assert again.origins[0].version != before.origins[0].version
    assert queries.lake.content_id(BARS, "live", WEEK[0], WEEK[-1]) == again.origins[0].version


def test_without_a_hot_store_the_lake_answers_alone(queries):
    cold = MarketQueries(queries.lake, "live", CALENDAR)
    assert cold.bars(WEEK[0], WEEK[-1]).rows.height == 6
    assert cold.bars(WEEK[4], WEEK[4]).origins == ()


@pytest.mark.parametrize("cut", [CLOSE - timedelta(seconds=1), CLOSE, CLOSE + timedelta(days=3)])
def test_as_of_an_instant_only_closed_sessions_are_known(queries, cut):
    known = queries.bars(WEEK[0], WEEK[-1], ["IBM"], as_of=cut).rows["ts"].to_list()
    assert known == [day for day in WEEK if CALENDAR.close_time(day) <= cut]


def test_what_comes_later_changes_no_answer_about_before(queries):
    cut = CLOSE + timedelta(days=1)
    before = queries.bars(WEEK[0], WEEK[-1], as_of=cut)
    queries.hot.upsert(BARS, "live", daily_bars(WEEK[2:], close=900.0))
    queries.lake.write(BARS, "live", daily_bars(WEEK[2:3], close=900.0))
    assert queries.bars(WEEK[0], WEEK[-1], as_of=cut).rows.equals(before.rows)


def test_a_split_that_is_not_known_yet_adjusts_nothing(queries):
    split = {"ex_date": WEEK[2], "symbol": "IBM", "kind": "split", "ratio": 2.0, "source": "test"}
    queries.lake.write(CORPORATE_ACTIONS, "live", CORPORATE_ACTIONS.conform(pl.DataFrame([split])))
    tuesday = CALENDAR.close_time(WEEK[1])
    unsplit = queries.bars(WEEK[0], WEEK[-1], ["IBM"], as_of=tuesday, adjust="splits").rows
    assert unsplit["close"].to_list() == [100.0, 101.0]
    split_by_now = queries.bars(WEEK[0], WEEK[2], ["IBM"], adjust="splits").rows
    assert split_by_now["close"].to_list() == [50.0, 50.5, 102.0]


def test_the_latest_chain_is_the_newest_whole_one_of_its_underlying(queries):
    open_, close = OPEN + timedelta(minutes=15), CLOSE - timedelta(minutes=5)
    queries.lake.write(OPTION_CHAINS, "live", pl.concat([chains(open_), chains(close)]))
    queries.hot.upsert(
        OPTION_CHAINS, "live", pl.concat([chains(open_ + timedelta(days=1)), chains(open_, "MSFT")])
    )
    for at, expected, store in (
        (open_, open_, "lake"),
        (close - timedelta(seconds=1), open_, "lake"),
        (close + timedelta(hours=1), close, "lake"),
        (close + timedelta(days=3), open_ + timedelta(days=1), "hot store"),
    ):
        answer = queries.chain("IBM", at)
        assert answer.rows["quote_ts"].unique().to_list() == [expected]
        assert answer.rows.height == 3
        assert [one.store for one in answer.origins] == [store]
    with pytest.raises(
        MissingDataError, match=r"no option_chains of MSFT in the two weeks to 2024-06-03 13:44"
    ):
        queries.chain("MSFT", open_ - timedelta(minutes=1))


def test_behind_the_lakes_last_snapshot_the_same_session_goes_on_and_before_it_the_lake_is_believed(queries):
    first, second, third = (OPEN + timedelta(minutes=n) for n in (15, 45, 75))
    queries.lake.write(OPTION_CHAINS, "live", pl.concat([chains(first)[:2], chains(second)]))
    queries.hot.upsert(OPTION_CHAINS, "live", pl.concat([chains(first), chains(third)]))
    answer = queries.chains(MONDAY, MONDAY, columns=["quote_ts"])
    assert answer.rows.columns == ["quote_ts"]
    counts = dict(answer.rows.group_by("quote_ts").len().iter_rows())
    assert counts == {first: 2, second: 3, third: 3}


def test_a_session_that_was_never_compacted_is_found_between_those_that_were(queries):
    """The compaction of one day failed; the days around it lay in the lake, and it was gone from sight."""
    lake = Lake(queries.lake.root / "other")
    lake.write(BARS, "live", daily_bars([WEEK[1], WEEK[3]]))
    asked = MarketQueries(lake, "live", CALENDAR, queries.hot)
    answer = asked.bars(WEEK[1], WEEK[3], ["IBM"])
    assert answer.rows["ts"].sort().to_list() == WEEK[1:4]
    assert [origin.store for origin in asked.bars(WEEK[2], WEEK[2]).origins] == ["hot store"]


def test_an_instant_without_a_zone_is_refused(queries):
    with pytest.raises(DataError, match="no time zone"):
        queries.bars(WEEK[0], WEEK[0], as_of=CLOSE.replace(tzinfo=None))


def test_an_empty_lake_is_no_obstacle(tmp_path, queries):
    fresh = MarketQueries(Lake(tmp_path / "new"), "live", CALENDAR, queries.hot)
    assert fresh.rows(BARS, None, WEEK[-1], ["IBM"]).rows.height == 4


def test_an_instant_may_be_of_any_zone(queries):
    close = CLOSE - timedelta(minutes=5)
    queries.lake.write(OPTION_CHAINS, "live", chains(close))
    local = CLOSE.astimezone(NEW_YORK)
    assert queries.chain("IBM", local).rows.equals(queries.chain("IBM", CLOSE).rows)


def test_snapshots_of_the_day_come_from_the_hot_store(queries):
    queries.hot.upsert(PREMIUM_SNAPSHOTS, "live", option_quotes(30))
    at = OPEN + timedelta(seconds=60)
    answer = queries.snapshots(MONDAY, MONDAY, ["IBM"], as_of=at)
    assert answer.rows.height == 4
    assert answer.origins[0].store == "hot store"


def test_dates_are_dates(queries):
    assert isinstance(queries.bars(WEEK[0], WEEK[0]).rows["ts"][0], date)
