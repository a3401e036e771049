import hashlib
import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.chain import implied_volatility_and_greeks
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.greeks import greeks
from alluse_assets.option_chains.pricing.implied_volatility import STATUS_NAMES, implied_volatility
from alluse_assets.option_chains.pricing.kernels.european_root import european_implied
from alluse_assets.option_chains.pricing.kernels.options import Option
from tests.option_chains.pricing.oracles import columns, random_cases, wide_cases


def status_of(price: float, *option: float, is_call: bool, is_american: bool) -> str:
    implied = implied_volatility(price, *option, is_call, is_american)
    assert math.isnan(float(implied.volatility)) == (int(implied.status) != 0)
    return STATUS_NAMES[int(implied.status)]


@settings(deadline=None, max_examples=300)
@given(
    strike=st.floats(40, 250),
    years=st.floats(0.002, 3),
    rate=st.floats(-0.02, 0.12),
    dividend_yield=st.floats(0, 0.1),
    volatility=st.floats(0.02, 4),
    is_call=st.booleans(),
    is_american=st.booleans(),
)
def test_the_volatility_behind_a_value_is_found_again(
    strike: float,
    years: float,
    rate: float,
    dividend_yield: float,
    volatility: float,
    is_call: bool,
    is_american: bool,
) -> None:
    value = american_value if is_american else european_value
    market = (100.0, strike, years, rate, dividend_yield)
    price, above = value(*market, np.array([volatility, volatility + 1e-4]), is_call)
    vega = (above - price) / 1e-4
    implied = implied_volatility(price, *market, is_call, is_american)
    if int(implied.status) == 0:
        again = float(value(*market, implied.volatility, is_call))
        assert again == pytest.approx(price, abs=1e-6)
    # Where a point of volatility is worth a hundredth of a cent, the volatility itself must come back.
    if vega > 1e-2:
        assert STATUS_NAMES[int(implied.status)] == "ok"
        assert float(implied.volatility) == pytest.approx(volatility, abs=1e-8)


def test_american_volatilities_come_back_to_1e_8_wherever_they_move_the_price_by_a_cent() -> None:
    """Just above exercise too, where the value turns from the payoff: the old tree lost its way there."""
    cases = random_cases(10_000, seed=31, longest_days=1096) + wide_cases(10_000, seed=32)
    *market, volatility, is_call = columns(cases)
    price = american_value(*market, volatility, is_call)
    above, below = (american_value(*market, volatility + h, is_call) for h in (1e-6, -1e-6))
    tells = (above - below) / 2e-6 >= 0.01
    implied = implied_volatility(price, *market, is_call, True)
    assert tells.sum() > 15_000
    # But for a few just above exercise, where the value's slope is not the option's.
    coming_in = tells & (implied.status == STATUS_NAMES.index("no_vega"))
    spot, strike = market[:2]
    time_value = price - np.where(is_call, spot - strike, strike - spot)
    assert coming_in.sum() < 20
    assert (time_value < 5e-5 * spot)[coming_in].all()
    tells &= ~coming_in
    assert (implied.status[tells] == 0).all()
    assert np.abs(implied.volatility - volatility)[tells].max() < 1e-8
    assert np.isnan(implied.volatility[implied.status != 0]).all()


def test_a_tick_above_exercise_vega_and_rho_are_the_slopes_of_the_value_or_there_is_no_volatility() -> None:
    """Vega was once a twentieth of the value's slope there, or 0, and the volatility ok."""
    rng = np.random.default_rng(51)
    count, spot = 6_000, 100.0
    is_call = rng.random(count) < 0.4
    years = rng.integers(2, 900, count) / 365
    rate = np.where(is_call, rng.uniform(0, 0.03, count), rng.uniform(0.005, 0.08, count))
    dividend_yield = np.where(is_call, rng.uniform(0.01, 0.12, count), rng.choice([0, 0.01, 0.02], count))
    away = np.exp(rng.uniform(0.01, 0.5, count))
    strike = np.round(np.where(is_call, spot / away, spot * away), 1)
    tick = rng.choice([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05], count)
    price = np.abs(spot - strike) + tick
    implied, slopes = implied_volatility_and_greeks(
        price, spot, strike, years, rate, dividend_yield, is_call, True
    )
    found = implied.status == 0
    assert found[tick >= 0.01].mean() > 0.9
    assert np.isnan(slopes.vega_per_point[~found]).all()

    def value(volatility: float = 0.0, more: float = 0.0) -> np.ndarray:
        at = implied.volatility * (1 + volatility)
        return american_value(spot, strike, years, rate + more, dividend_yield, at, is_call)[found]

    h = 1e-6
    vega = (value(h) - value(-h)) / (2 * h * implied.volatility[found])
    rho = (value(more=h) - value()) / h
    assert vega.min() > 0
    np.testing.assert_allclose(slopes.vega_per_point[found] * 100, vega, rtol=0.01)
    np.testing.assert_allclose(slopes.rho_per_point[found] * 100, rho, rtol=0.01, atol=0.01)


def test_volatilities_are_found_where_rates_below_zero_make_two_boundaries() -> None:
    option = (100.0, np.array([90.0, 100.0, 115.0]), 0.5, -0.01, -0.03)
    price = american_value(*option, 0.25, False)
    implied = implied_volatility(price, *option, False, True)
    assert np.abs(implied.volatility - 0.25).max() < 1e-8


def european_quotes(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Market and side, volatility and price of options far wider apart than exchanges list them."""
    rng = np.random.default_rng(seed)

    def between(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), count))

    spot, years, vol = between(0.5, 10_000), between(1e-4, 5), between(0.01, 5)
    strike = spot * np.exp(np.clip(rng.normal(0, 2.5, count) * vol * np.sqrt(years), -3, 3))
    market = [spot, strike, years, rng.uniform(-0.03, 0.15, count), rng.uniform(-0.01, 0.1, count)]
    is_call = rng.random(count) < 0.5
    return [*market, is_call], vol, european_value(*market, vol, is_call)


def test_european_volatilities_come_back_to_1e_8_wherever_they_move_the_price_by_a_cent() -> None:
    option, vol, price = european_quotes(200_000, seed=41)
    *market, is_call = option
    implied = implied_volatility(price, *option, False)
    vega = greeks(*market, vol, is_call, False).vega_per_point * 100
    moves = vega >= 0.01
    assert moves.mean() > 0.6
    assert (implied.status[moves] == 0).all()
    assert np.abs(implied.volatility - vol)[moves].max() < 1e-8
    # Where it moves less, a volatility is answered or not, but what is answered makes the price again.
    found = implied.status == 0
    again = european_value(*market, implied.volatility, is_call)
    assert (np.abs(again - price)[found] < 1e-12 * np.maximum(market[0], market[1])[found]).all()


def test_the_search_for_one_row_and_the_pass_over_a_block_agree() -> None:
    option, _, price = european_quotes(3_000, seed=42)
    implied = implied_volatility(price, *option, False)
    for row in range(price.size):
        one, status = european_implied(float(price[row]), Option(*(column[row].item() for column in option)))
        assert status == implied.status[row]
        assert one == pytest.approx(implied.volatility[row], rel=1e-7, nan_ok=True)


def test_volatilities_agree_with_jaeckels_own_method() -> None:
    vollib = pytest.importorskip("vollib.black_scholes_merton.implied_volatility", reason="a bench package")
    option, _, price = european_quotes(400, seed=43)
    *market, is_call = option
    implied = implied_volatility(price, *option, False)
    for row in np.flatnonzero(implied.status == 0):
        quote = [float(column[row]) for column in (price, *market)]
        theirs = vollib.implied_volatility(*quote, "c" if is_call[row] else "p")
        assert implied.volatility[row] == pytest.approx(theirs, abs=1e-8)


def test_every_processor_gives_the_same_bits() -> None:
    """Sums, products, divisions and square roots, none of them contracted: IEEE 754 leaves no choice."""
    rng = np.random.default_rng(44)
    spot, strike, years, vol = (
        rng.uniform(*edges, 5_000) for edges in ((50, 150), (50, 150), (0.01, 2), (0.1, 1))
    )
    is_call = strike > 100
    price = european_value(spot, strike, years, 0.03, 0.01, vol, is_call)
    implied, slopes = implied_volatility_and_greeks(price, spot, strike, years, 0.03, 0.01, is_call, False)
    digest = hashlib.sha256(price.tobytes() + implied.volatility.tobytes() + slopes.theta_per_day.tobytes())
    assert digest.hexdigest()[:16] == "7435d555daeda50f"


ANY = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 200),
    st.sampled_from([0.0, -0.0, 1e-300, 1e300, 100.0]),
)


@settings(deadline=None, max_examples=300)
@given(
    price=ANY,
    spot=ANY,
    strike=ANY,
    years=ANY,
    rate=st.floats(-1, 1),
    is_call=st.booleans(),
    is_american=st.booleans(),
)
@example(price=1.0, spot=1.0, strike=1.0, years=870924.0, rate=0.0, is_call=True, is_american=True)
def test_nonsense_gives_a_status_and_never_an_exception_or_an_unsupported_number(
    price: float, spot: float, strike: float, years: float, rate: float, is_call: bool, is_american: bool
) -> None:
    implied = implied_volatility(price, spot, strike, years, rate, 0.01, is_call, is_american)
    vol = float(implied.volatility)
    if int(implied.status) != 0:
        assert math.isnan(vol)
        return
    assume(abs(rate) * years < 5)
    value = american_value if is_american else european_value
    assert 1e-4 <= vol <= 10
    assert float(value(spot, strike, years, rate, 0.01, vol, is_call)) == pytest.approx(
        price, abs=1e-6 * spot
    )


MARKET = (100.0, 110.0, 0.25, 0.03, 0.0)


@pytest.mark.parametrize("is_american", [False, True])
def test_each_price_without_a_volatility_says_why(is_american: bool) -> None:
    put = {"is_call": False, "is_american": is_american}
    discounted = 110 * math.exp(-0.03 * 0.25) - 100
    floor = 10.0 if is_american else discounted
    assert status_of(math.nan, *MARKET, **put) == "no_quote"
    assert status_of(floor - 0.01, *MARKET, **put) == "below_intrinsic"
    assert status_of(floor, *MARKET, **put) == "no_vega"
    assert status_of(floor + 0.05, *MARKET, **put) == "ok"
    assert status_of(110.0, *MARKET, **put) == "above_bound"
    assert status_of(12.0, 100.0, 110.0, 0.0, 0.03, 0.0, **put) == "zero_time"
    assert status_of(12.0, 0.0, 110.0, 0.25, 0.03, 0.0, **put) == "bad_input"
    assert status_of(12.0, 100.0, 110.0, -0.25, 0.03, 0.0, **put) == "bad_input"
    assert status_of(math.inf, *MARKET, **put) == "bad_input"


def test_a_price_that_only_1100_percent_would_explain_is_above_the_bound() -> None:
    price = float(european_value(100, 100, 0.02, 0, 0, 11.0, True))
    assert status_of(price, 100, 100, 0.02, 0, 0, is_call=True, is_american=False) == "above_bound"


def test_an_option_far_out_of_the_money_still_has_its_volatility() -> None:
    price = float(european_value(100, 40, 0.25, 0.01, 0.0, 0.35, False))
    assert price < 1e-5
    implied = implied_volatility(price, 100, 40, 0.25, 0.01, 0.0, False, False)
    assert STATUS_NAMES[int(implied.status)] in {"no_vega", "ok"}
    price = float(european_value(100, 60, 0.25, 0.01, 0.0, 0.35, False))
    assert price < 1e-2
    implied = implied_volatility(price, 100, 60, 0.25, 0.01, 0.0, False, False)
    assert float(implied.volatility) == pytest.approx(0.35, abs=1e-9)


def test_threads_and_neighbours_change_no_bit() -> None:
    spot, strike, years, rate, dividend_yield, vol, is_call = columns(random_cases(12_000, seed=6))
    is_american = np.arange(12_000) % 3 > 0
    price = np.where(
        is_american,
        american_value(spot, strike, years, rate, dividend_yield, vol, is_call),
        european_value(spot, strike, years, rate, dividend_yield, vol, is_call),
    )
    args = [price, spot, strike, years, rate, dividend_yield, is_call, is_american]
    alone = implied_volatility(*args)
    both = implied_volatility(*args, threads=2)
    assert both.volatility.tobytes() == alone.volatility.tobytes()
    assert both.status.tobytes() == alone.status.tobytes()
    half = implied_volatility(*(a[::-2] for a in args))
    assert half.volatility.tobytes() == alone.volatility[::-2].tobytes()
