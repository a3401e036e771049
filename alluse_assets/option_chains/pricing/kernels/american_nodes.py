"""Where the exercise boundary is known, where it is integrated, and how one follows from the other.

Times are roots of shares of what is left to expiry, on which the squared logarithm of the boundary is
smooth: a polynomial through few Chebyshev nodes carries it. As all points lie at fixed shares, interpolation
is a fixed table of weights. No option is known here.

Sources: Andersen, Lake and Offengenden, High performance American option pricing, 2015 (the variables);
Berrut and Trefethen, Barycentric Lagrange interpolation, 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NODES = 6
"""Where the boundary is known beside expiry: the first with all of the time left, the last next to expiry."""
EQUATION_POINTS = 7
PREMIUM_POINTS = 16


def _interpolation(nodes: Floats, at: float) -> Floats:
    """Weights of the values at ``nodes`` (Chebyshev's, with their ends) in the polynomial's value ``at``."""
    distance = at - nodes
    if (distance == 0.0).any():
        return np.where(distance == 0.0, 1.0, 0.0)
    weights = (-1.0) ** np.arange(nodes.size)
    weights[0] *= 0.5
    weights[-1] *= 0.5
    weights /= distance
    normed: Floats = weights / weights.sum()
    return normed


def _legendre(points: int) -> tuple[Floats, Floats]:
    """Points and weights of Gauss and Legendre between 0 and 1, for an integrand times 2 * point."""
    points_of, weights = np.polynomial.legendre.leggauss(points)
    shares = 0.5 * (1.0 + points_of)
    return shares, weights * shares


_nodes = 0.5 + 0.5 * np.cos(np.pi * np.arange(NODES + 1) / NODES)
_nodes[-1] = 0.0

ROOTS: Floats = _nodes[:NODES].copy()
"""Root of each node's share of the time to expiry."""

EQUATION_SHARES, EQUATION_WEIGHTS = _legendre(EQUATION_POINTS)
"""Roots of the shares of a node's time that the boundary's equation looks ahead."""
EQUATION_INTERPOLATION: Floats = np.concatenate(
    [
        _interpolation(_nodes, root * np.sqrt(1.0 - share * share))[:NODES]
        for root in ROOTS
        for share in EQUATION_SHARES
    ]
)
"""For each node and point the weights of all nodes; expiry's value is 0 and needs none."""

PREMIUM_SHARES, PREMIUM_WEIGHTS = _legendre(PREMIUM_POINTS)
"""The same for the premium, which looks ahead over the whole time."""
PREMIUM_INTERPOLATION: Floats = np.concatenate(
    [_interpolation(_nodes, float(np.sqrt(1.0 - share * share)))[:NODES] for share in PREMIUM_SHARES]
)
