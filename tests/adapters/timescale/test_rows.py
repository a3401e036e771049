"""Rows in and out, the same on a server with TimescaleDB and on one without."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from alluse_assets.adapters.timescale import HotStore
from alluse_assets.adapters.timescale.writing import Replaced, Upserted
from alluse_assets.base.errors import DataError, ServerError
from alluse_assets.market_data.tables import BARS, INTRADAY_BARS, RATES
from alluse_assets.option_chains.tables import OPTION_TICKS
from tests.adapters.timescale.rows import MONDAY, OPEN, daily_bars, minute_bars, option_quotes


def test_rows_come_back_as_they_were_sorted_by_their_key(any_hot_store: HotStore) -> None:
    sent = option_quotes(200)
    any_hot_store.upsert(OPTION_TICKS, "live", sent.sample(fraction=1, shuffle=True, seed=1))
    assert_frame_equal(any_hot_store.read(OPTION_TICKS, "live", MONDAY, MONDAY), sent)


def test_the_same_rows_again_change_nothing_and_late_ones_find_their_place(any_hot_store: HotStore) -> None:
    rows = option_quotes(100)
    early, late = rows[50:], rows[:50]
    assert any_hot_store.upsert(OPTION_TICKS, "live", early) == Upserted(50, 0, 0)
    assert any_hot_store.upsert(OPTION_TICKS, "live", early) == Upserted(0, 0, 50)
    assert any_hot_store.upsert(OPTION_TICKS, "live", late) == Upserted(50, 0, 0)
    assert_frame_equal(any_hot_store.read(OPTION_TICKS, "live"), rows)


def test_a_correction_changes_its_row_and_no_other(any_hot_store: HotStore) -> None:
    rows = option_quotes(100)
    any_hot_store.upsert(OPTION_TICKS, "live", rows)
    corrected = rows.with_columns(
        bid=pl.when(pl.int_range(pl.len()) == 7).then(0.5).otherwise("bid"),
        open_interest=pl.when(pl.int_range(pl.len()) == 8).then(None).otherwise("open_interest"),
    )
    assert any_hot_store.upsert(OPTION_TICKS, "live", corrected[5:]) == Upserted(0, 2, 93)
    assert_frame_equal(any_hot_store.read(OPTION_TICKS, "live"), corrected)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 40), st.sampled_from(["IBM", "MSFT"]), st.integers(1, 5)), max_size=12
        ),
        max_size=6,
    )
)
def test_any_order_of_upserts_ends_at_the_last_value_of_each_key(
    any_hot_store: HotStore, batches: list[list[tuple[int, str, int]]]
) -> None:
    market = str(hash(str(batches)))
    expected: dict[tuple[date, str], float] = {}
    for batch in batches:
        told = {(MONDAY + timedelta(days=20 * day), symbol): 100.0 + close for day, symbol, close in batch}
        expected |= told
        rows = [daily_bars([day], (symbol,), close) for (day, symbol), close in told.items()]
        any_hot_store.upsert(BARS, market, pl.concat([BARS.empty(), *rows]))
    found = any_hot_store.read(BARS, market)
    assert dict(zip(zip(found["ts"], found["symbol"], strict=True), found["close"], strict=True)) == expected


def test_sessions_are_replaced_whole(any_hot_store: HotStore) -> None:
    days = [MONDAY + timedelta(days=n) for n in range(5)]
    any_hot_store.upsert(BARS, "live", daily_bars(days))
    fewer = daily_bars(days[1:3], ("IBM",), close=7.0)
    assert any_hot_store.replace_sessions(BARS, "live", days[1:3], fewer) == Replaced(4, 2)
    assert any_hot_store.read(BARS, "live", days[1], days[2])["close"].to_list() == [7.0, 8.0]
    assert any_hot_store.read(BARS, "live").height == 8
    only = any_hot_store.replace_sessions(BARS, "live", [days[0]], BARS.empty(), symbols=["MSFT"])
    assert only == Replaced(1, 0)


def test_rows_of_other_sessions_or_symbols_replace_nothing(any_hot_store: HotStore) -> None:
    any_hot_store.upsert(BARS, "live", daily_bars([MONDAY]))
    other = daily_bars([MONDAY + timedelta(days=1)])
    with pytest.raises(DataError, match=r"2 rows are not of the sessions.*nothing was changed"):
        any_hot_store.replace_sessions(BARS, "live", [MONDAY], other)
    with pytest.raises(DataError, match="MSFT on 2024-06-03"):
        any_hot_store.replace_sessions(BARS, "live", [MONDAY], daily_bars([MONDAY]), symbols=["IBM"])
    assert any_hot_store.read(BARS, "live").height == 2


def test_markets_lie_side_by_side(any_hot_store: HotStore) -> None:
    any_hot_store.upsert(BARS, "live", daily_bars([MONDAY]))
    any_hot_store.upsert(BARS, "sample", daily_bars([MONDAY], close=50.0))
    assert any_hot_store.read(BARS, "live")["close"].to_list() == [100.0, 100.0]
    assert any_hot_store.read(BARS, "sample")["close"].to_list() == [50.0, 50.0]


def test_columns_symbols_and_sessions_are_chosen(any_hot_store: HotStore) -> None:
    days = [MONDAY + timedelta(days=n) for n in range(5)]
    any_hot_store.upsert(BARS, "live", daily_bars(days))
    found = any_hot_store.read(BARS, "live", days[1], days[3], columns=["close", "ts"], symbols=["MSFT"])
    assert found.columns == ["close", "ts"]
    assert found["ts"].to_list() == days[1:4]
    assert any_hot_store.read(BARS, "live", symbols=[]).is_empty()
    assert any_hot_store.sessions(BARS, "live") == (days[0], days[-1])
    assert any_hot_store.sessions(BARS, "nobody") is None
    with pytest.raises(DataError, match="no column 'price'"):
        any_hot_store.read(BARS, "live", columns=["price"])


def test_nothing_is_seen_before_it_could_be_known(any_hot_store: HotStore) -> None:
    any_hot_store.upsert(OPTION_TICKS, "live", option_quotes(10))
    any_hot_store.upsert(INTRADAY_BARS, "live", minute_bars(MONDAY, 10))
    any_hot_store.upsert(BARS, "live", daily_bars([MONDAY]))
    at = OPEN + timedelta(seconds=60)
    assert any_hot_store.read(OPTION_TICKS, "live", as_of=at).height == 4
    # The minute that begins at 9:30 has ended at 9:31, the next one not.
    assert any_hot_store.read(INTRADAY_BARS, "live", as_of=at).height == 1
    closed = datetime(2024, 6, 3, 20, tzinfo=UTC)
    assert any_hot_store.read(BARS, "live", as_of=closed - timedelta(seconds=1)).is_empty()
    assert any_hot_store.read(BARS, "live", as_of=closed).height == 2
    with pytest.raises(DataError, match="no time zone"):
        any_hot_store.read(BARS, "live", as_of=datetime(2024, 6, 3))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (pl.concat([daily_bars([MONDAY])] * 2), "2 keys are there twice, the first is 2024-06-03, IBM"),
        (daily_bars([MONDAY]).with_columns(close=pl.lit(None, pl.Float64)), "2 rows have no close"),
        (daily_bars([MONDAY]).drop("high"), "missing column high"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(hot_store: HotStore, rows: pl.DataFrame, told: str) -> None:
    with pytest.raises(DataError, match=told):
        hot_store.upsert(BARS, "live", rows)
    assert hot_store.read(BARS, "live").is_empty()


def test_a_table_that_is_not_served_is_told(hot_store: HotStore) -> None:
    assert hot_store.serves(BARS)
    assert not hot_store.serves(RATES)
    with pytest.raises(DataError, match="table rates is not in the hot store; it has bars"):
        hot_store.read(RATES, "live")


def test_a_server_that_is_gone_is_told_without_its_password(hot_store: HotStore) -> None:
    gone = HotStore("postgresql://ann:secret@127.0.0.1:1/d", hot_store.edition, hot_store.forms)
    for call in (lambda: gone.read(BARS, "live"), lambda: gone.upsert(BARS, "live", daily_bars([MONDAY]))):
        with pytest.raises(ServerError) as told:
            call()
        assert "secret" not in str(told.value)
