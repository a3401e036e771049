"""Greeks with cash dividends: QuantLib's, the slopes of the value, and those along the boundary."""

import math

import numpy as np
import pytest

from alluse_assets.option_chains.pricing.american import american_value, american_value_with_dividends
from alluse_assets.option_chains.pricing.greeks import greeks, greeks_with_dividends
from tests.option_chains.pricing.oracles import (
    Case,
    columns,
    quantlib_option,
    random_cases,
    schedule_of,
    with_cash_dividends,
)

NAMES = ("delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point")
NEAR_EXERCISE = 0.01


def test_they_agree_with_quantlib() -> None:
    cases, dividends = with_cash_dividends(40, seed=61)
    pairs = list(zip(cases, dividends, strict=True))
    options = [quantlib_option(case, "finite_differences", paid) for case, paid in pairs]
    found = greeks_with_dividends(*columns(cases), *schedule_of(dividends))
    deviation = np.array([case.volatility * math.sqrt(case.years) for case in cases])

    def slope(name: str, bump: float) -> np.ndarray:
        def values(by: float) -> np.ndarray:
            changed = [(case._replace(**{name: getattr(case, name) + by}), paid) for case, paid in pairs]
            return np.array([quantlib_option(c, "finite_differences", paid).NPV() for c, paid in changed])

        return (values(bump) - values(-bump)) / (2 * bump)

    assert np.abs(found.delta - [o.delta() for o in options]).max() < 5e-4
    gamma_gap = np.abs(found.gamma - [o.gamma() for o in options]) * 100 * deviation
    assert gamma_gap.max() < 1e-3
    assert np.abs(found.theta_per_day - np.array([o.theta() for o in options]) / 365).max() < 1e-3
    assert np.abs(found.vega_per_point - slope("volatility", 0.01) / 100).max() < 5e-3
    assert np.abs(found.rho_per_point - slope("rate", 0.002) / 100).max() < 1e-2


def test_they_are_the_slopes_of_the_value() -> None:
    cases, dividends = with_cash_dividends(60, seed=81)
    spot, strike, years, rate, dividend_yield, vol, is_call = columns(cases)
    offsets, ex_dates, amounts = schedule_of(dividends)
    row = np.repeat(np.arange(len(cases)), np.diff(offsets))
    found = greeks_with_dividends(*columns(cases), offsets, ex_dates, amounts)

    def slope(size: np.ndarray, s: int = 0, t: int = 0, r: int = 0, v: int = 0) -> np.ndarray:
        def value(b: np.ndarray) -> np.ndarray:
            market = (spot + s * b, strike, years + t * b, rate + r * b, dividend_yield, vol + v * b)
            later = ex_dates + t * b[row]
            return american_value_with_dividends(*market, is_call, offsets, later, amounts)

        return (value(size) - value(-size)) / (2 * size)

    ones = np.ones(len(cases))
    assert np.abs(found.delta - slope(2.0 * vol * np.sqrt(years), s=1)).max() < 3e-3
    assert np.abs(found.theta_per_day + slope(0.1 / 365 * ones, t=1) / 365).max() < 2e-3
    assert np.abs(found.vega_per_point - slope(0.01 * vol, v=1) / 100).max() < 5e-3
    assert np.abs(found.rho_per_point - slope(1e-3 * ones, r=1) / 100).max() < 1e-2


def test_without_dividends_they_are_those_along_the_boundary() -> None:
    """Where exercise begins gamma jumps to 0, on the grid within a step: not compared within a cent of it."""
    cases = random_cases(60, seed=82, longest_days=720)
    found = greeks_with_dividends(*columns(cases), *schedule_of([[]] * len(cases)))
    plain = greeks(*columns(cases), True)
    exercise = np.array([100 - c.strike if c.is_call else c.strike - 100 for c in cases])
    kept = american_value(*columns(cases)) - exercise > NEAR_EXERCISE
    assert kept.sum() > 40
    for name, gap in zip(NAMES, (5e-4, 3e-4, 5e-3, 5e-3, 1e-2), strict=True):
        assert np.abs(getattr(found, name) - getattr(plain, name))[kept].max() < gap, name


@pytest.mark.parametrize(
    ("case", "delta"),
    [
        (Case(50.0, 100.0, 0.1, 0.05, 0.0, 0.2, False), -1.0),
        (Case(100.0, 50.0, 0.1, 0.01, 0.0, 0.2, True), 1.0),
    ],
)
def test_where_exercise_now_is_best_the_option_moves_like_its_payoff(case: Case, delta: float) -> None:
    """The put is not worth waiting for, the call not on the eve of a large dividend."""
    paid = [] if delta < 0 else [(0.001, 20.0)]
    years = [day / 365 for day, _ in paid]
    found = greeks_with_dividends(*case, [0, len(paid)], years, [amount for _, amount in paid])
    assert float(found.delta) == pytest.approx(delta, abs=1e-9)
    assert float(found.gamma) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "changed",
    [
        {"years": 0.0},
        {"years": math.nan},
        {"volatility": 0.0},
        {"volatility": math.inf},
        {"volatility": 30.0, "years": 1.0},
        {"spot": math.nan},
        {"strike": -1.0},
        {"rate": math.inf},
    ],
)
def test_without_time_volatility_or_sense_there_are_none(changed: dict[str, float]) -> None:
    case = Case(100.0, 105.0, 0.25, 0.04, 0.0, 0.3, False)._replace(**changed)
    found = greeks_with_dividends(*case, *schedule_of([[(30, 1.0)]]))
    assert np.isnan([getattr(found, name) for name in NAMES]).all()


def test_dividends_larger_than_the_spot_give_greeks_within_their_bounds() -> None:
    for is_call in (True, False):
        case = Case(100.0, 100.0, 0.25, 0.03, 0.0, 0.3, is_call)
        found = greeks_with_dividends(*case, *schedule_of([[(30, 150.0)]]))
        assert np.isfinite([getattr(found, name) for name in NAMES]).all()
        assert 0 <= float(found.delta) * (1 if is_call else -1) <= 1


def test_threads_change_no_bit() -> None:
    cases, dividends = with_cash_dividends(40, seed=83)
    one, two = (greeks_with_dividends(*columns(cases), *schedule_of(dividends), threads=n) for n in (1, 2))
    for name in NAMES:
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
