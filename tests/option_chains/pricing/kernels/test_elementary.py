"""Against NumPy's and SciPy's functions, which are right to the last digit or two."""

import numpy as np
import pytest
from scipy.special import erfcx, ndtr

from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm, scaled_erfc
from alluse_assets.option_chains.pricing.kernels.normal import normal_cdf


def each(function, arguments: np.ndarray) -> np.ndarray:
    return np.array([function(float(x)) for x in arguments])


def test_the_exponential_is_right_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-700, 700, 4_001), np.linspace(-2, 2, 4_001), [1e-300, -0.0]])
    assert np.abs(each(exponential, x) / np.exp(x) - 1).max() < 1e-15


def test_the_logarithm_is_right_to_the_last_digits_also_next_to_one() -> None:
    wide = np.exp(np.linspace(-690, 690, 4_000))
    assert np.abs(each(logarithm, wide) / np.log(wide) - 1).max() < 1e-15
    near = np.concatenate([np.linspace(0.6, 1.6, 4_000), 1 + np.logspace(-15, -2, 200)])
    assert np.abs(each(logarithm, near) - np.log(near)).max() < 2e-16
    assert logarithm(1.0) == 0.0


def test_the_scaled_error_function_is_right_from_zero_to_the_far_tail() -> None:
    x = np.concatenate([np.linspace(0, 40, 8_001), np.logspace(-12, 90, 2_000)])
    assert np.abs(each(scaled_erfc, x) / erfcx(x) - 1).max() < 2e-15


def test_the_normal_distribution_keeps_its_digits_in_both_tails() -> None:
    x = np.linspace(-35, 9, 4_001)
    # x is squared before it goes into the exponential: the digits lost are those of the square.
    assert (np.abs(each(normal_cdf, x) / ndtr(x) - 1) <= 4e-16 * (2 + x * x)).all()


@pytest.mark.parametrize(
    ("function", "inner", "outer"), [(exponential, 700.0, 1e4), (logarithm, 1e300, np.inf)]
)
def test_what_is_too_far_out_is_answered_like_the_farthest(function, inner: float, outer: float) -> None:
    assert function(outer) == function(inner)
    assert np.isfinite(function(outer))
