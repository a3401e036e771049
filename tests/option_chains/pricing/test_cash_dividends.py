import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.american import american_value, american_value_with_dividends
from tests.option_chains.pricing.oracles import (
    Case,
    Dividends,
    columns,
    quantlib_option,
    random_cases,
    schedule_of,
    with_cash_dividends,
)

QUARTERLY = [(40, 1.1), (131, 1.1), (222, 1.2), (313, 1.2), (404, 1.2), (495, 1.3), (586, 1.3), (677, 1.3)]


def ours(cases: list[Case], dividends: list[Dividends], threads: int = 1) -> np.ndarray:
    return american_value_with_dividends(*columns(cases), *schedule_of(dividends), threads=threads)


def quantlib_value(case: Case, dividends: Dividends) -> float:
    return float(quantlib_option(case, "finite_differences", dividends).NPV())


def test_values_agree_with_quantlib_to_a_twenty_thousandth_of_the_spot() -> None:
    cases, dividends = [], []
    rng = np.random.default_rng(41)
    for case in random_cases(30, seed=41, longest_days=720):
        days = round(case.years * 365)
        first = int(rng.integers(1, 90))
        cases.append(case._replace(dividend_yield=0.0))
        dividends.append([(day, paid) for day, paid in QUARTERLY if first < day < days])
    theirs = [quantlib_value(*pair) for pair in zip(cases, dividends, strict=True)]
    assert sum(map(len, dividends)) > 60
    assert np.abs(ours(cases, dividends) - theirs).max() < 5e-5 * 100


def test_they_do_up_to_150_percent_of_volatility_and_1000_days() -> None:
    """Ten dividends at a volatility of 1.5 were off by 1.5e-3 of the spot: the grid's steps were too wide."""
    quarterly = [(91 * k, 1.5) for k in range(1, 11)]
    extreme = [Case(100.0, 100.0, 1000 / 365, 0.05, 0.0, vol, True) for vol in (0.6, 1.0, 1.5)]
    cases, dividends = with_cash_dividends(20, seed=61)
    cases, dividends = cases + extreme, dividends + [quarterly] * 3
    theirs = [quantlib_value(*pair) for pair in zip(cases, dividends, strict=True)]
    assert np.abs(ours(cases, dividends) - theirs).max() < 5e-5 * 100


def test_without_volatility_to_speak_of_a_value_is_what_the_best_exercise_pays() -> None:
    """A grid that stands still oscillates where the drift outruns the diffusion."""
    case = Case(100.0, 95.0, 1.0, 0.05, 0.0, 1e-3, True)
    (value,) = ours([case], [[(200, 2.0)]])
    before = 100 - 95 * math.exp(-0.05 * 200 / 365)
    kept = 100 - 2 * math.exp(-0.05 * 200 / 365) - 95 * math.exp(-0.05)
    assert value == pytest.approx(max(before, kept), abs=1e-3)


def test_a_call_is_exercised_just_before_a_large_dividend() -> None:
    call = Case(100.0, 80.0, 30 / 365, 0.03, 0.0, 0.15, True)
    (value,) = ours([call], [[(10, 8.0)]])
    ten_days = 10 / 365
    exercised = 100 - 80 * math.exp(-0.03 * ten_days)
    assert value == pytest.approx(exercised, abs=2e-3)
    (kept,) = ours([call], [[(10, 0.05)]])
    assert kept > 99.95 - 80


def test_a_put_gains_from_a_dividend_and_a_call_loses() -> None:
    put = Case(100.0, 100.0, 0.5, 0.03, 0.0, 0.25, False)
    without, small, large = ours([put] * 3, [[], [(90, 1.0)], [(90, 3.0)]])
    assert without < small < large
    without, small, large = ours([put._replace(is_call=True)] * 3, [[], [(90, 1.0)], [(90, 3.0)]])
    assert without > small > large


def test_without_dividends_it_is_the_value_along_the_boundary() -> None:
    cases = random_cases(40, seed=43, longest_days=720)
    assert np.abs(ours(cases, [[]] * 40) - american_value(*columns(cases))).max() < 2e-5 * 100


def test_what_was_paid_and_what_comes_after_expiry_does_not_count() -> None:
    case = Case(100.0, 105.0, 0.25, 0.04, 0.0, 0.3, False)
    alone, among = ours([case] * 2, [[(30, 1.0)], [(-5, 2.0), (0, 2.0), (30, 1.0), (92, 9.0)]])
    assert among == alone


def test_a_dividend_larger_than_the_spot_leaves_almost_nothing() -> None:
    case = Case(100.0, 100.0, 0.25, 0.0, 0.0, 0.3, False)
    (value,) = ours([case], [[(30, 150.0)]])
    assert 99.0 < value < 100.0


@settings(deadline=None, max_examples=30)
@given(
    strike=st.floats(60, 160),
    days=st.integers(1, 700),
    rate=st.floats(0, 0.1),
    volatility=st.floats(0.05, 1.5),
    is_call=st.booleans(),
    paid=st.lists(st.tuples(st.integers(1, 700), st.floats(0, 4)), max_size=6),
)
def test_it_is_worth_at_least_exercise_now_and_just_before_every_ex_date(
    strike: float, days: int, rate: float, volatility: float, is_call: bool, paid: Dividends
) -> None:
    case = Case(100.0, strike, days / 365, rate, 0.0, volatility, is_call)
    (value,) = ours([case], [sorted(paid)])
    assert value >= (100.0 - strike if is_call else strike - 100.0)
    if is_call:
        first = min([day for day, amount in paid if day <= days and amount > 0], default=days)
        assert value >= 100.0 - strike * math.exp(-rate * first / 365) - 5e-5 * 100


def test_each_option_has_its_own_dividends_on_any_number_of_threads() -> None:
    cases = random_cases(60, seed=44)
    dividends: list[Dividends] = [[(10 + k, 0.5)] * (k % 3) for k in range(60)]
    many = ours(cases * 80, dividends * 80, threads=2)
    assert many.tobytes() == np.tile(ours(cases, dividends), 80).tobytes()


def test_impossible_options_are_nan_and_expired_ones_worth_their_payoff() -> None:
    case = Case(100.0, 105.0, 0.25, 0.04, 0.0, 0.3, False)
    broken = [case._replace(spot=math.nan), case._replace(volatility=-0.1), case._replace(volatility=0.0)]
    assert np.isnan(ours(broken, [[(30, 1.0)]] * 3)).all()
    assert ours([case._replace(years=0.0)], [[(30, 1.0)]]).tolist() == [5.0]


@pytest.mark.parametrize(
    ("offsets", "years", "amounts", "message"),
    [
        ([0], [], [], "one more than options"),
        ([0, 1], [0.1, 0.2], [1.0, 1.0], "rise from 0 to 2"),
        ([0, 2], [0.2, 0.1], [1.0, 1.0], "ascending"),
        ([0, 1], [0.1], [-1.0], "below zero"),
        ([0, 1], [math.nan], [1.0], "missing"),
        ([0, 1], [0.1], [1.0, 2.0], "one each"),
    ],
)
def test_dividends_that_make_no_sense_are_refused(
    offsets: list[int], years: list[float], amounts: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        american_value_with_dividends(100.0, 100.0, 0.5, 0.03, 0.0, 0.2, False, offsets, years, amounts)
