"""Rates between the tenors of a day."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.option_chains.rate_curve import with_rates

RATES = pl.DataFrame(
    {
        "ts": [date(2011, 1, 3)] * 3 + [date(2011, 1, 5)],
        "tenor_days": [30, 90, 360, 30],
        "rate_annual": [0.01, 0.02, 0.05, 0.03],
    }
)


def rate(days: int, session: date = date(2011, 1, 4)) -> float:
    frame = pl.DataFrame({"session": [session], "dte_days": [days]}, schema_overrides={"dte_days": pl.Int32})
    return with_rates(frame, RATES)["rate_annual"].item()


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, 0.01), (30, 0.01), (45, 0.0125), (60, 0.015), (90, 0.02), (225, 0.035), (360, 0.05), (900, 0.05)],
)
def test_a_rate_lies_on_the_line_between_its_tenors_and_stays_beyond_them(days: int, expected: float) -> None:
    assert rate(days) == pytest.approx(expected, abs=1e-8)


def test_the_latest_day_counts_also_when_it_has_one_tenor_only() -> None:
    assert rate(225, date(2011, 1, 5)) == 0.03


@given(st.lists(st.integers(0, 800), min_size=1, max_size=20))
def test_each_row_keeps_its_place_and_gets_its_own_rate(days: list[int]) -> None:
    frame = pl.DataFrame({"session": [date(2011, 1, 4)] * len(days), "dte_days": days})
    found = with_rates(frame, RATES)
    assert found["dte_days"].to_list() == days
    assert found["rate_annual"].to_list() == [rate(day) for day in days]
