"""The loop over points beyond the quotes whose prices go on by a power of the strike.

Everything is a call far from the money, per unit of the forward: a put is the call that swaps strike and
forward, and its log-moneyness changes sign with it.
"""

from __future__ import annotations

import math

import numpy as np

from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm, scaled_erfc
from alluse_assets.option_chains.pricing.kernels.options import Floats

_MOST_STEPS = 100
_CLOSE = 1e-14


@compiled
def power_of(edge: Floats, level: Floats, slope: Floats) -> Floats:
    """The power of the strike as which prices go at ``edge``; arguments as of ``power_variance``."""
    powers = np.empty(edge.size)
    for i in range(edge.size):
        _, by_variance, by_strike = _log_price(edge[i], level[i])
        powers[i] = by_strike + slope[i] * by_variance
    return powers


@compiled
def power_variance(edge: Floats, level: Floats, slope: Floats, k: Floats, out: Floats) -> None:
    """Into ``out`` the total variance at ``k``, where the price is a power of the strike from ``edge`` on.

    ``level`` and ``slope`` are total variance and its change outwards at the edge, where price and its slope
    are the curve's. What does not fall outwards is left as it is.
    """
    for i in range(out.size):
        price, by_variance, by_strike = _log_price(edge[i], level[i])
        power = by_strike + slope[i] * by_variance
        if not power < 0.0:
            continue
        target = price + power * (k[i] - edge[i])
        w = level[i]
        for _ in range(_MOST_STEPS):
            # The logarithm of a price is concave in variance: from below no step goes too far.
            price, by_variance, _ = _log_price(k[i], w)
            new = max(w + (target - price) / by_variance, 0.25 * w)
            done = abs(new - w) <= _CLOSE * w
            w = new
            if done:
                break
        out[i] = w


@compiled
def _log_price(k: float, w: float) -> tuple[float, float, float]:
    """Logarithm of a call's price over the forward, and its slopes by total variance and by ``k``."""
    deviation = math.sqrt(w)
    d1 = 0.5 * deviation - k / deviation
    share, cash = _mills(-d1), _mills(deviation - d1)
    rest = share - cash
    return logarithm(rest) - 0.5 * d1 * d1, 0.3989422804014327 / (2.0 * deviation * rest), -cash / rest


@compiled
def _mills(x: float) -> float:
    """The normal distribution's tail beyond ``x`` over exp(-x**2 / 2)."""
    tail = 0.5 * scaled_erfc(abs(x) * 0.7071067811865476)
    return tail if x >= 0.0 else exponential(0.5 * x * x) - tail
