import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.american import DEFAULT_STEPS, american_value
from alluse_assets.option_chains.pricing.european import european_value
from tests.option_chains.pricing.oracles import (
    Case,
    arguments,
    columns,
    quantlib_option,
    random_cases,
    table,
)

FINE = 1001
# What each published approximation is off by at most, in USD at a strike of 100: Barone-Adesi and Whaley
# and Bjerksund and Stensland (1993) by up to 0.4% of the value for half a year and a year; Ju and Zhong
# by 0.3% for three years (the table's label says true values, but they are that approximation's:
# test_the_ju_table_holds_the_approximation below).
BOUNDS = {"barone_adesi_whaley": 0.04, "bjerksund_stensland": 0.04, "ju_true_value_table": 0.08}
HUGE_VOLATILITY = 10.0


@pytest.mark.parametrize("method", sorted(BOUNDS))
def test_published_approximations_are_met_within_their_known_error(method: str) -> None:
    rows = table("american_option_values.csv")
    assert set(rows["method"]) == set(BOUNDS)
    assert rows.height == 92
    rows = rows.filter((rows["method"] == method) & (rows["vol"] < HUGE_VOLATILITY))
    error = np.abs(american_value(*arguments(rows), steps=FINE) - rows["value"].to_numpy())
    assert error.max() < BOUNDS[method]
    assert np.median(error) < 0.01


def _whole_days(frame_row: dict[str, float], is_call: bool) -> Case:
    days = max(round(frame_row["t"] * 365), 1)
    return Case(
        frame_row["spot"],
        frame_row["strike"],
        days / 365,
        frame_row["r"],
        frame_row["q"],
        frame_row["vol"],
        is_call,
    )


def test_every_row_of_the_tables_is_met_tightly_by_an_exact_method() -> None:
    """QuantLib's fixed-point method (Andersen, Lake, Offengenden) is exact to many digits."""
    rows = table("american_option_values.csv")
    cases = [_whole_days(row, row["is_call"]) for row in rows.iter_rows(named=True)]
    exact = np.array([quantlib_option(case, "fixed_point").NPV() for case in cases])
    error = np.abs(american_value(*columns(cases), steps=FINE) - exact)
    years = np.array([case.years for case in cases])
    assert error[years <= 1].max() < 4e-3
    assert np.median(error[years <= 1]) < 2e-4
    assert error.max() < 5e-3


def test_the_ju_table_holds_the_approximation_and_not_true_values() -> None:
    rows = table("american_option_values.csv")
    rows = rows.filter((rows["method"] == "ju_true_value_table") & (rows["t"] == 3.0))
    cases = [_whole_days(row, row["is_call"]) for row in rows.iter_rows(named=True)]
    approximation = np.array([quantlib_option(case, "ju").NPV() for case in cases])
    exact = np.array([quantlib_option(case, "fixed_point").NPV() for case in cases])
    assert np.abs(approximation - rows["value"].to_numpy()).max() < 1e-3
    assert np.abs(exact - rows["value"].to_numpy()).max() > 0.05


def test_the_default_tree_is_within_a_ten_thousandth_of_the_spot_for_three_months() -> None:
    cases = random_cases(150, seed=11)
    exact = np.array([quantlib_option(case, "fixed_point").NPV() for case in cases])
    error = np.abs(american_value(*columns(cases)) - exact)
    assert error.max() < 1e-4 * 100
    assert error.mean() < 1e-5 * 100


def test_more_steps_come_closer() -> None:
    cases = random_cases(60, seed=12, longest_days=400)
    exact = np.array([quantlib_option(case, "fixed_point").NPV() for case in cases])
    errors = [np.abs(american_value(*columns(cases), steps=n) - exact).mean() for n in (25, 101, 401)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


OPTIONS = {
    "strike": st.floats(50, 200),
    "years": st.floats(0.002, 2),
    "rate": st.floats(-0.02, 0.12),
    "dividend_yield": st.floats(-0.01, 0.1),
    "volatility": st.floats(0.01, 2),
    "is_call": st.booleans(),
}


@given(**OPTIONS)
def test_it_is_worth_at_least_the_european_one_and_immediate_exercise(
    strike: float, years: float, rate: float, dividend_yield: float, volatility: float, is_call: bool
) -> None:
    option = (100.0, strike, years, rate, dividend_yield, volatility, is_call)
    value = float(american_value(*option))
    intrinsic = 100.0 - strike if is_call else strike - 100.0
    assert value >= max(intrinsic, 0.0)
    assert value >= float(european_value(*option)) or value == intrinsic
    assert value >= float(european_value(*option)) - 1e-4 * 100


@settings(deadline=None)
@given(**{**OPTIONS, "volatility": st.floats(0.02, 1.0)})
def test_more_volatility_is_never_worth_less(
    strike: float, years: float, rate: float, dividend_yield: float, volatility: float, is_call: bool
) -> None:
    vols = volatility * np.array([1.0, 1.05, 1.2, 1.5])
    values = american_value(100.0, strike, years, rate, dividend_yield, vols, is_call)
    # The tree of each volatility has its own small error.
    assert (np.diff(values) >= -2e-4 * 100).all()


def test_a_call_without_dividends_and_a_put_without_interest_are_european() -> None:
    strikes = np.linspace(50, 150, 21)
    call = (100.0, strikes, 0.7, 0.03, 0.0, 0.4, True)
    put = (100.0, strikes, 0.7, 0.0, 0.02, 0.4, False)
    for option in (call, put):
        assert american_value(*option).tolist() == european_value(*option).tolist()


def test_deep_in_the_money_puts_are_worth_their_payoff() -> None:
    assert float(american_value(50.0, 100.0, 0.1, 0.05, 0.0, 0.2, False)) == 50.0


def test_without_time_or_volatility_it_is_the_best_exercise() -> None:
    assert american_value(100.0, [90.0, 110.0], 0.0, 0.05, 0.0, 0.2, False).tolist() == [0.0, 10.0]
    assert float(american_value(90.0, 100.0, 1.0, 0.05, 0.0, 0.0, False)) == 10.0
    # Waiting pays here: the dividend outgrows the interest lost only at the end.
    waiting = float(american_value(100.0, 100.0, 1.0, 0.0, 0.05, 0.0, False))
    assert waiting == pytest.approx(100 - 100 * math.exp(-0.05), abs=1e-12)


@pytest.mark.parametrize("steps", [DEFAULT_STEPS, FINE])
def test_a_huge_volatility_does_not_lose_the_tree_s_digits(steps: int) -> None:
    """A node rebuilt from its payoff loses its digits when it is tiny beside the strike.

    The put was then worth its strike, more than even the perpetual one.
    """
    case = Case(110.0, 100.0, 1.0, 0.05, 0.05, 10.0, False)
    exact = quantlib_option(case, "fixed_point").NPV()
    assert exact < 99.3
    assert float(american_value(*case, steps=steps)) == pytest.approx(exact, abs=0.1)


def test_what_no_tree_can_hold_is_nan() -> None:
    assert math.isnan(float(american_value(100.0, 100.0, 25.0, 0.05, 0.0, 10.0, False)))
    assert math.isnan(float(american_value(math.nan, 100.0, 1.0, 0.05, 0.0, 0.2, False)))


def test_an_even_number_of_steps_counts_as_the_next_odd_one_and_two_are_refused() -> None:
    option = (100.0, 105.0, 0.3, 0.05, 0.0, 0.3, False)
    assert american_value(*option, steps=50) == american_value(*option, steps=51)
    with pytest.raises(ValueError, match="at least 3"):
        american_value(*option, steps=2)


def test_threads_and_neighbours_change_no_bit() -> None:
    many = columns(random_cases(12_000, seed=4))
    values = american_value(*many)
    assert american_value(*many, threads=2).tobytes() == values.tobytes()
    order = np.random.default_rng(5).permutation(values.size)
    assert american_value(*(c[order] for c in many)).tobytes() == values[order].tobytes()
