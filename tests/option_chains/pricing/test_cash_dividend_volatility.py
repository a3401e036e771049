"""Implied volatility with cash dividends: found again, or a reason why there is none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.american import american_value_with_dividends
from alluse_assets.option_chains.pricing.implied_volatility import (
    STATUS_NAMES,
    implied_volatility,
    implied_volatility_with_dividends,
)
from tests.option_chains.pricing.oracles import (
    Case,
    Dividends,
    columns,
    quantlib_option,
    random_cases,
    schedule_of,
    with_cash_dividends,
)

CALL = Case(100.0, 100.0, 0.5, 0.04, 0.0, 0.3, True)


def implied(price: float | None, case: Case, dividends: Dividends) -> tuple[float, str]:
    *market, _, is_call = case
    found = implied_volatility_with_dividends(price, *market, is_call, *schedule_of([dividends]))
    assert math.isnan(float(found.volatility)) == (int(found.status) != 0)
    return float(found.volatility), STATUS_NAMES[int(found.status)]


def value(case: Case, dividends: Dividends) -> float:
    return float(american_value_with_dividends(*case, *schedule_of([dividends])))


def test_volatilities_come_back_to_a_millionth_wherever_they_move_the_price_by_a_cent() -> None:
    cases, dividends = with_cash_dividends(120, seed=71)
    *market, volatility, is_call = columns(cases)
    schedule = schedule_of(dividends)
    price, above, below = (
        american_value_with_dividends(*market, volatility + bump, is_call, *schedule)
        for bump in (0.0, 1e-4, -1e-4)
    )
    tells = (above - below) / 2e-4 >= 0.01
    found = implied_volatility_with_dividends(price, *market, is_call, *schedule)
    assert tells.sum() > 100
    assert (found.status[tells] == 0).all()
    assert np.abs(found.volatility - volatility)[tells].max() < 1e-6


def test_the_volatility_of_quantlibs_value_is_the_one_that_it_was_given() -> None:
    cases, dividends = with_cash_dividends(25, seed=72)
    options = [
        quantlib_option(case, "finite_differences", paid) for case, paid in zip(cases, dividends, strict=True)
    ]
    *market, volatility, is_call = columns(cases)
    schedule = schedule_of(dividends)
    found = implied_volatility_with_dividends([o.NPV() for o in options], *market, is_call, *schedule)
    higher = american_value_with_dividends(*market, volatility + 0.01, is_call, *schedule)
    vega = (higher - american_value_with_dividends(*market, volatility, is_call, *schedule)) / 0.01
    tells = vega > 5.0
    assert tells.sum() > 12
    assert (found.status[tells] == 0).all()
    assert (np.abs(found.volatility - volatility) * vega)[tells].max() < 5e-5 * 100 * 1.2


def test_without_dividends_it_is_the_volatility_along_the_boundary() -> None:
    cases = [case for case in random_cases(40, seed=73, longest_days=720) if 90 < case.strike < 110]
    *market, _, is_call = columns(cases)
    price = american_value_with_dividends(*columns(cases), *schedule_of([[]] * len(cases)))
    with_none = implied_volatility_with_dividends(price, *market, is_call, *schedule_of([[]] * len(cases)))
    plain = implied_volatility(price, *market, is_call, True)
    both = (with_none.status == 0) & (plain.status == 0)
    assert both.sum() > 10
    assert np.abs(with_none.volatility - plain.volatility)[both].max() < 1e-3


@pytest.mark.parametrize(
    ("price", "changed", "status"),
    [
        (None, {}, "no_quote"),
        (math.nan, {}, "no_quote"),
        (math.inf, {}, "bad_input"),
        (5.0, {"spot": math.nan}, "bad_input"),
        (5.0, {"spot": -1.0}, "bad_input"),
        (5.0, {"strike": 0.0}, "bad_input"),
        (5.0, {"years": -0.1}, "bad_input"),
        (5.0, {"rate": math.inf}, "bad_input"),
        (5.0, {"years": 0.0}, "zero_time"),
        (-1.0, {}, "below_intrinsic"),
        (19.9, {"strike": 80.0}, "below_intrinsic"),
        (20.0, {"strike": 80.0}, "no_vega"),
        (20.5, {"strike": 80.0}, "no_vega"),  # exercised before the ex-date it pays 20.62 whatever comes
        (0.0, {}, "no_vega"),
        (100.0, {}, "above_bound"),
        (99.9999, {}, "above_bound"),
        (1e300, {}, "above_bound"),
        (5.0, {"years": 1e-300}, "above_bound"),
        (5.0, {"years": 1e9}, "not_converged"),
    ],
)
def test_a_price_without_a_volatility_says_why(
    price: float | None, changed: dict[str, float], status: str
) -> None:
    assert implied(price, CALL._replace(**changed), [(70, 3.0)])[1] == status


@pytest.mark.parametrize("days", [0, -5, 183, 1000])
def test_dividends_that_do_not_count_change_no_volatility(days: int) -> None:
    case = CALL._replace(years=182 / 365)
    price = value(case, [])
    assert implied(price, case, [(days, 4.0)]) == implied(price, case, [])


def test_a_dividend_on_the_day_of_expiry_counts_for_a_put_and_costs_a_call_nothing() -> None:
    case = CALL._replace(years=182 / 365)
    assert value(case, [(182, 4.0)]) == pytest.approx(value(case, []), abs=5e-3)
    put = case._replace(is_call=False)
    price = value(put, [(182, 4.0)])
    assert price > value(put, []) + 1.0
    assert implied(price, put, [(182, 4.0)])[0] == pytest.approx(0.3, abs=1e-6)


def test_dividends_larger_than_the_spot_leave_a_volatility_or_a_reason() -> None:
    for is_call in (True, False):
        case = CALL._replace(is_call=is_call)
        price = value(case, [(30, 150.0)])
        found, status = implied(price, case, [(30, 150.0)])
        assert status in ("ok", "no_vega")
        if status == "ok":
            again = value(case._replace(volatility=found), [(30, 150.0)])
            assert again == pytest.approx(price, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    price=st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 120),
    spot=st.floats(allow_nan=True) | st.floats(1, 200),
    strike=st.floats(1, 300),
    years=st.floats(-1, 30) | st.just(math.nan),
    rate=st.floats(-0.5, 0.5),
    is_call=st.booleans(),
    paid=st.lists(st.tuples(st.integers(-10, 1500), st.floats(0, 200)), max_size=4),
)
def test_whatever_comes_the_volatility_gives_the_price_or_there_is_a_reason(
    price: float, spot: float, strike: float, years: float, rate: float, is_call: bool, paid: Dividends
) -> None:
    case = Case(spot, strike, years, rate, 0.0, 0.2, is_call)
    found, status = implied(price, case, sorted(paid))
    if status == "ok":
        again = value(case._replace(volatility=found), sorted(paid))
        assert again == pytest.approx(price, abs=1e-9 * spot * max(1.0, math.sqrt(years)))


def test_threads_change_no_bit() -> None:
    cases, dividends = with_cash_dividends(40, seed=74)
    *market, _, is_call = columns(cases)
    one, two = (
        implied_volatility_with_dividends(12.0, *market, is_call, *schedule_of(dividends), threads=n)
        for n in (1, 2)
    )
    assert one.volatility.tobytes() == two.volatility.tobytes()
    assert one.status.tobytes() == two.status.tobytes()
