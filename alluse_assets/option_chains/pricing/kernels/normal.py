"""The normal distribution."""

from __future__ import annotations

from alluse_assets.option_chains.pricing.kernels.compilation import inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, scaled_erfc


@inlined
def normal_density(x: float) -> float:
    """Standard normal density."""
    return 0.3989422804014327 * exponential(-0.5 * x * x)


@inlined
def normal_cdf(x: float) -> float:
    """Standard normal distribution function, accurate in both tails."""
    return normal_cdf_beside(x, normal_density(x))


@inlined
def normal_cdf_beside(x: float, density: float) -> float:
    """``normal_cdf`` where the density at ``x`` is known already."""
    tail = 1.2533141373155003 * density * scaled_erfc(abs(x) * 0.7071067811865476)
    return 1.0 - tail if x > 0.0 else tail
