"""The normal distribution."""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.compilation import compiled


@compiled
def normal_cdf(x: float) -> float:
    """Standard normal distribution function, accurate in both tails."""
    return 0.5 * math.erfc(-x * 0.7071067811865476)


@compiled
def normal_density(x: float) -> float:
    """Standard normal density."""
    return 0.3989422804014327 * math.exp(-0.5 * x * x)
