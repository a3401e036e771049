import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.greeks import greeks
from tests.option_chains.pricing.oracles import Case, columns, quantlib_option, random_cases, table


def test_published_greeks_are_met_to_their_last_digit() -> None:
    rows = table("haug_european_greeks.csv")
    checked = set()
    for row in rows.iter_rows(named=True):
        market = (row["spot"], row["strike"], row["t"], row["r"], row["q"], row["vol"])
        ours = greeks(*market, row["is_call"], False)
        value = float(european_value(*market, row["is_call"]))
        bump = 1e-5
        by_yield = [
            float(european_value(*market[:4], row["q"] + b, row["vol"], row["is_call"]))
            for b in (bump, -bump)
        ]
        found = {
            "delta": float(ours.delta),
            "gamma": float(ours.gamma),
            "vega": float(ours.vega_per_point) * 100,
            "theta_per_year": float(ours.theta_per_day) * 365,
            "theta_per_day": float(ours.theta_per_day),
            "rho": float(ours.rho_per_point) * 100,
            "elasticity": float(ours.delta) * row["spot"] / value,
            "dividend_rho": (by_yield[0] - by_yield[1]) / (2 * bump),
        }
        assert found[row["greek"]] == pytest.approx(row["value"], abs=6e-5), row["greek"]
        checked.add(row["greek"])
    assert checked == set(found)


@settings(deadline=None)
@given(
    strike=st.floats(70, 140),
    years=st.floats(0.05, 2),
    rate=st.floats(-0.02, 0.1),
    dividend_yield=st.floats(0, 0.08),
    volatility=st.floats(0.1, 1),
    is_call=st.booleans(),
)
def test_european_greeks_are_the_slopes_of_the_value(
    strike: float, years: float, rate: float, dividend_yield: float, volatility: float, is_call: bool
) -> None:
    def value(spot: float = 100.0, t: float = years, r: float = rate, v: float = volatility) -> float:
        return float(european_value(spot, strike, t, r, dividend_yield, v, is_call))

    ours = greeks(100.0, strike, years, rate, dividend_yield, volatility, is_call, False)
    h = 1e-3
    assert float(ours.delta) == pytest.approx((value(100 + h) - value(100 - h)) / (2 * h), abs=1e-6)
    h = 1e-2
    curvature = (value(100 + h) - 2 * value() + value(100 - h)) / h**2
    assert float(ours.gamma) == pytest.approx(curvature, abs=1e-5)
    h = 1e-5
    slope = (value(t=years - h) - value(t=years + h)) / (2 * h)
    assert float(ours.theta_per_day) * 365 == pytest.approx(slope, abs=1e-3)
    slope = (value(v=volatility + h) - value(v=volatility - h)) / (2 * h)
    assert float(ours.vega_per_point) * 100 == pytest.approx(slope, abs=1e-3)
    slope = (value(r=rate + h) - value(r=rate - h)) / (2 * h)
    assert float(ours.rho_per_point) * 100 == pytest.approx(slope, abs=1e-3)


@pytest.mark.parametrize("longest_days", [90, 1096])
def test_american_delta_and_gamma_agree_with_finite_differences_on_a_grid(longest_days: int) -> None:
    cases = [case for case in random_cases(60, seed=21, longest_days=longest_days) if case.years > 0.03]
    options = [quantlib_option(case, "finite_differences") for case in cases]
    ours = greeks(*columns(cases), True)
    assert np.abs(ours.delta - [option.delta() for option in options]).max() < 3e-4
    assert np.abs(ours.gamma - [option.gamma() for option in options]).max() < 3e-5


def test_american_greeks_are_the_slopes_of_the_value() -> None:
    cases = random_cases(100, seed=22, longest_days=1096)
    spot, strike, years, rate, dividend_yield, vol, is_call = columns(cases)
    ours = greeks(spot, strike, years, rate, dividend_yield, vol, is_call, True)

    def value(s: float = 0.0, t: float = 0.0, r: float = 0.0, v: float = 0.0) -> np.ndarray:
        return american_value(spot + s, strike, years + t, rate + r, dividend_yield, vol + v, is_call)

    def slope(**bump: float) -> np.ndarray:
        (size,) = bump.values()
        return (value(**bump) - value(**dict.fromkeys(bump, -size))) / (2 * size)

    assert np.abs(ours.delta - slope(s=1e-3)).max() < 1e-6
    curvature = (value(s=0.02) - 2 * value() + value(s=-0.02)) / 0.02**2
    assert np.abs(ours.gamma - curvature).max() < 1e-5
    assert np.abs(ours.vega_per_point - slope(v=1e-4) / 100).max() < 1e-5
    assert np.abs(ours.rho_per_point - slope(r=1e-5) / 100).max() < 1e-4
    # Theta comes from the Black-Scholes equation, which an approximation solves approximately.
    gap = np.abs(ours.theta_per_day + slope(t=1e-5) / 365)
    assert gap.max() < 2e-3
    assert np.median(gap) < 1e-5


@pytest.mark.parametrize("is_call", [True, False])
def test_greeks_below_zero_rates_agree_with_finite_differences(is_call: bool) -> None:
    rate, dividend_yield = (-0.03, -0.01) if is_call else (-0.01, -0.03)
    cases = [Case(100.0, k, 1.0, rate, dividend_yield, 0.2, is_call) for k in (90.0, 100.0, 110.0)]
    options = [quantlib_option(case, "finite_differences") for case in cases]
    ours = greeks(*columns(cases), True)
    assert np.abs(ours.delta - [option.delta() for option in options]).max() < 1e-3
    assert np.abs(ours.gamma - [option.gamma() for option in options]).max() < 1e-4
    higher = american_value(100.0, [90.0, 100.0, 110.0], 1.0, rate, dividend_yield, 0.21, is_call)
    assert np.abs(ours.vega_per_point - (higher - american_value(*columns(cases)))).max() < 5e-3


@settings(deadline=None)
@given(
    strike=st.floats(50, 200),
    years=st.floats(0.003, 2),
    rate=st.floats(-0.02, 0.12),
    dividend_yield=st.floats(0, 0.1),
    volatility=st.floats(0.02, 2),
    is_call=st.booleans(),
)
def test_american_greeks_have_their_signs_and_bounds(
    strike: float, years: float, rate: float, dividend_yield: float, volatility: float, is_call: bool
) -> None:
    ours = greeks(100.0, strike, years, rate, dividend_yield, volatility, is_call, True)
    delta = float(ours.delta) if is_call else -float(ours.delta)
    assert -1e-3 <= delta <= 1
    assert float(ours.gamma) >= 0
    assert float(ours.vega_per_point) >= 0


def test_where_exercise_is_best_the_option_moves_like_its_payoff() -> None:
    ours = greeks(50.0, 100.0, 0.1, 0.05, 0.0, 0.2, False, True)
    found = (ours.delta, ours.gamma, ours.theta_per_day, ours.vega_per_point, ours.rho_per_point)
    assert [float(x) for x in found] == [-1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.2), (0.1, 0.0), (0.1, math.nan), (math.nan, 0.2)])
def test_without_time_or_volatility_there_are_none(years: float, volatility: float) -> None:
    for is_american in (False, True):
        ours = greeks(100.0, 100.0, years, 0.02, 0.0, volatility, True, is_american)
        assert np.isnan([ours.delta, ours.gamma, ours.theta_per_day, ours.vega_per_point]).all()


def test_threads_change_no_bit() -> None:
    many = columns(random_cases(10_000, seed=7))
    one, two = greeks(*many, True), greeks(*many, True, threads=2)
    for name in ("delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
