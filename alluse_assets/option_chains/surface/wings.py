"""A curve beyond the strikes that were quoted: as it is while it falls, then straight.

Quotes near the money can leave a curve whose wing rises steeply where nobody quoted anything, so it is left
on its tangent at the last quote, or flat where it would fall until there. A tangent lacks the bend that keeps
a steep curve free of butterflies. Where it would leave one, the curve is kept up to the first place whose
tangent leaves none, at most a quarter of the quoted width on: as far as its own freedom was looked at
(column butterfly_free). A line less steep than the tangent would be no help: its kink is a butterfly.
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

Flags = NDArray[np.bool_]

_REACH = 0.25
_STEPS = 32

Curves = tuple[Floats, Floats, Floats, Floats, Floats]
"""Columns a, b, rho, m and sigma of raw SVI."""


def drawn_variance(curves: Curves, lowest: Floats, highest: Floats, log_moneyness: Floats) -> Floats:
    """Total variance at ``log_moneyness`` of curves that were quoted from ``lowest`` to ``highest``."""
    a, b, rho, m, sigma = curves
    bottom = lowest_at(rho, m, sigma)
    low, high = np.minimum(lowest, bottom), np.maximum(highest, bottom)
    outward = np.where(log_moneyness > high, 1.0, -1.0)
    edge = np.clip(log_moneyness, low, high)
    straight = edge != log_moneyness
    step = outward * (highest - lowest) * (_REACH / _STEPS)
    for _ in range(_STEPS):
        onward = straight & ~_is_free_on_its_tangent(curves, edge)
        if not onward.any():
            break
        edge = np.where(onward, edge + step, edge)
    # Who asks on this side of where the line begins is told the curve.
    edge = np.where((log_moneyness - edge) * outward < 0.0, log_moneyness, edge)
    values = total_variance(a, b, rho, m, sigma, edge)
    tangent: Floats = values + total_variance_slope(b, rho, m, sigma, edge) * (log_moneyness - edge)
    return tangent


def _is_free_on_its_tangent(curves: Curves, edge: Floats) -> Flags:
    """Whether no butterfly is free from ``edge`` outwards on the line that touches the curve there.

    On a line w = c + s k Gatheral's g is a parabola in u = 1 / w: 4 g = (1 + c u)^2 - s^2 u - s^2 / 4, here
    judged at both ends, far out (u = 0) and at the edge, and at its lowest point if that is between.
    """
    a, b, rho, m, sigma = curves
    level = total_variance(a, b, rho, m, sigma, edge)
    slope = total_variance_slope(b, rho, m, sigma, edge)
    with np.errstate(all="ignore"):
        c, steepness, u = level - slope * edge, slope * slope, 1.0 / level
        lowest = np.clip((steepness - 2.0 * c) / (2.0 * c * c), 0.0, u)
        least = (1.0 + c * lowest) ** 2 - steepness * lowest - 0.25 * steepness
        free: Flags = ~(least < 0.0)
    return free
