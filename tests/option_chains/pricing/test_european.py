import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.european import european_value
from tests.option_chains.pricing.oracles import arguments, columns, random_cases, table


def test_every_published_value_is_met_within_its_tolerance() -> None:
    rows = table("haug_european_values.csv")
    assert rows["model"].unique().to_list() == ["european_bsm"]
    assert rows.height == 43
    error = np.abs(european_value(*arguments(rows)) - rows["value"].to_numpy())
    assert (error <= rows["tol"].to_numpy()).all()


@given(
    spot=st.floats(1, 5000),
    moneyness=st.floats(0.5, 2),
    years=st.floats(0, 3),
    rate=st.floats(-0.02, 0.15),
    dividend_yield=st.floats(0, 0.1),
    volatility=st.floats(0, 3),
)
def test_call_less_put_is_the_forward(
    spot: float, moneyness: float, years: float, rate: float, dividend_yield: float, volatility: float
) -> None:
    strike = spot * moneyness
    call, put = european_value(spot, strike, years, rate, dividend_yield, volatility, [True, False])
    forward = spot * math.exp(-dividend_yield * years) - strike * math.exp(-rate * years)
    assert call - put == pytest.approx(forward, abs=1e-9 * spot)
    assert min(call, put) >= 0


def test_without_time_it_is_the_payoff_and_without_volatility_the_discounted_one() -> None:
    assert european_value(100, [90, 110], 0, 0.05, 0.01, 0.2, True).tolist() == [10, 0]
    value = european_value(100, 90, 1, 0.05, 0.01, 0, True)
    assert float(value) == pytest.approx(100 * math.exp(-0.01) - 90 * math.exp(-0.05), abs=1e-12)


def test_arguments_broadcast_to_a_surface() -> None:
    strikes, years = np.array([[90.0], [100.0], [110.0]]), np.array([0.1, 0.5])
    surface = european_value(100, strikes, years, 0.02, 0.0, 0.3, False)
    assert surface.shape == (3, 2)
    assert surface[2, 1] == european_value(100, 110, 0.5, 0.02, 0.0, 0.3, False)


@pytest.mark.parametrize(
    "bad",
    [
        {"spot": 0.0},
        {"spot": math.nan},
        {"strike": -1.0},
        {"years": -0.1},
        {"volatility": -0.2},
        {"rate": math.inf},
        {"dividend_yield": math.nan},
    ],
)
def test_impossible_arguments_give_nan(bad: dict[str, float]) -> None:
    good = {
        "spot": 100.0,
        "strike": 100.0,
        "years": 1.0,
        "rate": 0.0,
        "dividend_yield": 0.0,
        "volatility": 0.2,
    }
    assert math.isnan(float(european_value(**{**good, **bad}, is_call=True)))


def test_no_rows_give_no_values_and_threads_do_not_change_any() -> None:
    assert european_value(np.array([]), 100, 1, 0, 0, 0.2, True).shape == (0,)
    many = columns(random_cases(20_000, seed=3))
    assert european_value(*many, threads=2).tobytes() == european_value(*many).tobytes()
