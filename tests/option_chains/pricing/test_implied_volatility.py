import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.implied_volatility import STATUS_NAMES, implied_volatility
from tests.option_chains.pricing.oracles import columns, random_cases


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
        assert float(implied.volatility) == pytest.approx(volatility, abs=1e-6)


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
