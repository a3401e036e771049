"""A curve beyond the strikes that were quoted: as it is while it falls, then straight, or by a power law.

Quotes near the money can leave a curve whose wing rises steeply where nobody quoted anything, so it is left
on its tangent at the last quote, or flat where it would fall until there. A tangent lacks the bend that keeps
a steep curve free of butterflies; a line less steep would have a kink there that is one. Where the tangent
leaves a butterfly, calls above (puts below) go on as a power of the strike that has the curve's value and
slope at the last quote: a power is convex, and falls to nothing. Where quotes of one tick at every strike
have left a curve whose prices rise towards the last of them, line or power begin before, where they still
fall.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.surface.svi import (
    Floats,
    lowest_at,
    total_variance,
    total_variance_slope,
)
from alluse_assets.option_chains.surface.wing_kernels import power_of, power_variance

Flags = NDArray[np.bool_]

_STEPS = 64

Curves = tuple[Floats, Floats, Floats, Floats, Floats]
"""Columns a, b, rho, m and sigma of raw SVI."""


def drawn_variance(curves: Curves, lowest: Floats, highest: Floats, log_moneyness: Floats) -> Floats:
    """Total variance at ``log_moneyness`` of curves that were quoted from ``lowest`` to ``highest``."""
    a, b, rho, m, sigma = curves
    bottom = lowest_at(rho, m, sigma)
    low, high = np.minimum(lowest, bottom), np.maximum(highest, bottom)
    inward = (highest - lowest) / _STEPS
    for _ in range(_STEPS):
        low_rises, high_rises = _rises(curves, low, -1.0), _rises(curves, high, 1.0)
        if not (low_rises | high_rises).any():
            break
        low = np.where(low_rises, np.minimum(low + inward, bottom), low)
        high = np.where(high_rises, np.maximum(high - inward, bottom), high)
    outward = np.where(log_moneyness > high, 1.0, -1.0)
    edge = np.clip(log_moneyness, low, high)
    values = total_variance(a, b, rho, m, sigma, edge)
    slope = total_variance_slope(b, rho, m, sigma, edge)
    drawn: Floats = values + slope * (log_moneyness - edge)
    bent = (edge != log_moneyness) & (values > 0.0) & ~_is_free(values, slope, edge)
    if bent.any():
        side, out = outward[bent], drawn[bent]
        power_variance(side * edge[bent], values[bent], side * slope[bent], side * log_moneyness[bent], out)
        drawn[bent] = out
    return drawn


def _rises(curves: Curves, edge: Floats, side: float) -> Flags:
    """Whether neither line nor power goes on from ``edge``: the curve's prices rise outwards there."""
    a, b, rho, m, sigma = curves
    level = total_variance(a, b, rho, m, sigma, edge)
    slope = total_variance_slope(b, rho, m, sigma, edge)
    rises: Flags = (level > 0.0) & ~_is_free(level, slope, edge)
    if rises.any():
        rises[rises] = power_of(side * edge[rises], level[rises], side * slope[rises]) >= 0.0
    return rises


def _is_free(level: Floats, slope: Floats, edge: Floats) -> Flags:
    """Whether no butterfly is free from ``edge`` outwards on the line through ``level`` with ``slope``.

    On a line w = c + s k Gatheral's g is a parabola in u = 1 / w: 4 g = (1 + c u)^2 - s^2 u - s^2 / 4, here
    judged at both ends, far out (u = 0) and at the edge, and at its lowest point if that is between.
    """
    with np.errstate(all="ignore"):
        c, steepness, u = level - slope * edge, slope * slope, 1.0 / level
        lowest = np.clip((steepness - 2.0 * c) / (2.0 * c * c), 0.0, u)
        least = (1.0 + c * lowest) ** 2 - steepness * lowest - 0.25 * steepness
        free: Flags = ~(least < 0.0)
    return free
