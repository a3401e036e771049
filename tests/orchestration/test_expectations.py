"""Great Expectations judges rows by their table's description: each kind of fault is found and named."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import dagster as dg
import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from alluse_assets.orchestration.check_factory import due_session, table_checks
from alluse_assets.orchestration.expectations import judge
from alluse_assets.orchestration.partitions import MONTHS, Span


def bars(**changed):
    rows = {
        "ts": [date(2011, 1, 3), date(2011, 1, 4)],
        "symbol": ["AAPL", "AAPL"],
        "open": [325.6, 332.4],
        "high": [330.3, 332.5],
        "low": [324.8, 328.2],
        "close": [329.6, 331.3],
        "volume": [15_000_000, None],
        "source": ["sample", "sample"],
    }
    return pl.DataFrame({**rows, **changed}, schema_overrides={"volume": pl.Int64})


def test_rows_that_keep_their_description_pass():
    verdict = judge(BARS, bars())
    assert verdict.holds
    assert (verdict.rows, verdict.failures) == (2, ())


@pytest.mark.parametrize(
    ("fault", "column", "expectation"),
    [
        ({"close": [329.6, -1.0]}, "close", "expect_column_values_to_be_between"),
        ({"symbol": ["AAPL", None]}, "symbol", "expect_column_values_to_not_be_null"),
        ({"ts": [date(2011, 1, 3)] * 2}, "ts, symbol", "expect_compound_columns_to_be_unique"),
        ({"open": ["325.6", "332.4"]}, "open", "type"),
    ],
)
def test_a_fault_is_named_with_its_column(fault, column, expectation):
    if expectation == "type":
        frame = bars(**fault)
        rows = frame.with_columns(pl.col("open").cast(pl.Float64).cast(pl.Float32))
    else:
        rows = bars(**fault)
    failures = {(failure.expectation, failure.column) for failure in judge(BARS, rows).failures}
    assert failures == {(expectation, column)}


def test_a_value_that_is_not_allowed_is_shown():
    action = {"ex_date": [date(2012, 8, 9)], "symbol": ["AAPL"], "kind": ["gift"], "source": ["sample"]}
    (failure,) = judge(CORPORATE_ACTIONS, CORPORATE_ACTIONS.conform(pl.DataFrame(action))).failures
    assert (failure.column, failure.rows) == ("kind", 1)
    assert "gift" in failure.examples


def test_rows_that_are_older_than_they_should_be_are_told():
    assert judge(BARS, bars(), due=date(2011, 1, 4)).holds
    (failure,) = judge(BARS, bars(), due=date(2011, 1, 5)).failures
    assert (failure.expectation, failure.column) == ("expect_column_max_to_be_between", "ts")
    assert "2011-01-04" in failure.examples


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2024, 7, 3, 20, 59, tzinfo=UTC), date(2024, 7, 2)),  # an early close, at 17:00 UTC
        (datetime(2024, 7, 3, 21, 0, tzinfo=UTC), date(2024, 7, 3)),
        (datetime(2024, 7, 4, 23, 0, tzinfo=UTC), date(2024, 7, 3)),
        (datetime(2024, 7, 30, 23, 0, tzinfo=UTC), date(2024, 7, 5)),
        (datetime(2024, 6, 28, 20, 0, tzinfo=UTC), None),
    ],
)
def test_what_is_due_is_the_last_session_of_the_range_that_closed_long_enough_ago(now, due):
    span = Span((), date(2024, 7, 1), date(2024, 7, 7))
    assert due_session(BARS, trading_calendar(), span, now) == due
    assert due_session(CORPORATE_ACTIONS, trading_calendar(), span, now) is None


@pytest.mark.parametrize(("market", "passes"), [("live", False), ("files", True)])
def test_a_live_market_that_lags_behind_is_stopped_and_history_is_not(tmp_path, market, passes):
    lake = Lake(tmp_path)
    lake.write(BARS, market, bars(ts=[date(2024, 6, 3), date(2024, 6, 4)]))
    config = SimpleNamespace(market=SimpleNamespace(source=market))
    services = SimpleNamespace(lake=lake, calendar=trading_calendar())
    desk = SimpleNamespace(services=services, config=config, lake_source=lambda scope: market)

    @dg.asset(name="bars", partitions_def=MONTHS)
    def collected():
        pass

    held, _ = table_checks(BARS, MONTHS)
    done = dg.materialize(
        [collected, held], partition_key="2024-06", resources={"desk": desk}, raise_on_error=False
    )
    (evaluation,) = done.get_asset_check_evaluations()
    assert evaluation.passed is passes


@pytest.mark.parametrize("corrected", [False, True])
def test_a_corrected_row_no_longer_counts_in_the_share_that_was_refused(tmp_path, corrected):
    """A corrected file left its refused rows in quarantine, and the check of its month red for ever."""
    lake = Lake(tmp_path)
    for low in [340.0, 324.8] if corrected else [340.0]:
        good, refused = clean_bars(bars(low=[low, 328.2]), trading_calendar(), "files")
        lake.write(BARS, "files", good)
        lake.write(QUARANTINE, "files", refused)
    services = SimpleNamespace(lake=lake, calendar=trading_calendar())
    desk = SimpleNamespace(services=services, lake_source=lambda scope: "files")

    @dg.asset(name="bars", partitions_def=MONTHS)
    def collected():
        pass

    _, share = table_checks(BARS, MONTHS)
    done = dg.materialize(
        [collected, share], partition_key="2011-01", resources={"desk": desk}, raise_on_error=False
    )
    (evaluation,) = done.get_asset_check_evaluations()
    assert evaluation.passed is corrected
    told = {name: value.value for name, value in evaluation.metadata.items()}
    assert (told["refused rows"], told["refused and corrected since"]) == ((0, 1) if corrected else (1, 0))
    assert lake.read(QUARANTINE, "files").height == 1
