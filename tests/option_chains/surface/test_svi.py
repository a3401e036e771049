"""The curve's formulas, and that g is negative exactly where a butterfly is free."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.surface.svi import (
    Svi,
    density_factor,
    ssvi_total_variance,
    svi_of_ssvi,
    total_variance,
)
from tests.option_chains.surface.model_chains import ORDINARY, VOGT

K = np.linspace(-1.5, 1.5, 301)


def variance(curve: Svi, k: np.ndarray) -> np.ndarray:
    return total_variance(curve.a, curve.b, curve.rho, curve.m, curve.sigma, k)


@given(st.floats(0.0001, 2), st.floats(-0.95, 0.95), st.floats(0.05, 20))
def test_ssvi_is_a_raw_svi(theta: float, rho: float, phi: float) -> None:
    np.testing.assert_allclose(
        variance(svi_of_ssvi(theta, rho, phi), K), ssvi_total_variance(theta, rho, phi, K), rtol=1e-9
    )


@settings(max_examples=50)
@given(st.floats(0.0001, 2), st.floats(-0.95, 0.95), st.floats(0.05, 20))
def test_ssvi_under_its_two_bounds_has_no_free_butterfly(theta: float, rho: float, phi: float) -> None:
    steep = phi * (1 + abs(rho))
    theta = min(theta, 3.99 / steep, 3.99 / (steep * phi))
    assert density_factor(svi_of_ssvi(theta, rho, phi), K).min() >= 0


def test_g_is_one_without_a_smile() -> None:
    np.testing.assert_allclose(density_factor(Svi(0.04, 0.0, 0.0, 0.0, 1.0), K), 1.0)


@pytest.mark.parametrize("curve", [ORDINARY, VOGT])
def test_g_is_negative_exactly_where_a_butterfly_costs_less_than_nothing(curve: Svi) -> None:
    k = np.linspace(-0.8, 1.2, 81)
    width = 1e-3

    def call(at: np.ndarray) -> np.ndarray:
        strike = 100 * np.exp(k) + at
        moneyness = np.log(strike / 100)
        return european_value(100.0, strike, 1.0, 0.0, 0.0, np.sqrt(variance(curve, moneyness)), True)

    butterfly = (call(-width) - 2 * call(0.0) + call(width)) / width**2
    g = density_factor(curve, k)
    clear = np.abs(g) > 1e-3
    seen = clear & (np.abs(butterfly) > 1e-6)
    assert seen.sum() > 30
    assert (np.sign(butterfly[seen]) == np.sign(g[seen])).all()
    assert (g.min() < 0) == (curve is VOGT)
