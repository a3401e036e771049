"""Great Expectations judges rows by their table's description: each kind of fault is found and named."""

from datetime import date

import polars as pl
import pytest

from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from alluse_assets.orchestration.expectations import judge


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
