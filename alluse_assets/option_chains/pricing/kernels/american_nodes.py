"""Where the exercise boundary is known, where it is integrated, and how one follows from the other.

Times are roots of shares of what is left to expiry, on which the squared logarithm of the boundary is
smooth: a polynomial through few Chebyshev nodes carries it. As all points lie at fixed shares, interpolation
is a fixed table of weights. No option is known here. Nodes and weights are written out, to 50 digits before
they were rounded: what a library computes differs between processors in the last bit.

Sources: Andersen, Lake and Offengenden, High performance American option pricing, 2015 (the variables);
Berrut and Trefethen, Barycentric Lagrange interpolation, 2004.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NODES = 6
"""Where the boundary is known beside expiry: the first with all of the time left, the last next to expiry."""

EQUATION_POINTS = 7
PREMIUM_POINTS = 16

# Gauss and Legendre's nodes from the middle outwards, and their weights; the others are mirrored.
_SEVEN = (
    (0.0, 0.4179591836734694),
    (0.4058451513773972, 0.3818300505051189),
    (0.7415311855993945, 0.27970539148927664),
    (0.9491079123427585, 0.1294849661688697),
)
_SIXTEEN = (
    (0.09501250983763744, 0.1894506104550685),
    (0.2816035507792589, 0.18260341504492358),
    (0.45801677765722737, 0.16915651939500254),
    (0.6178762444026438, 0.14959598881657674),
    (0.755404408355003, 0.12462897125553388),
    (0.8656312023878318, 0.09515851168249279),
    (0.9445750230732326, 0.062253523938647894),
    (0.9894009349916499, 0.027152459411754096),
)


def _points(half: tuple[tuple[float, float], ...]) -> tuple[Floats, Floats]:
    """Points and weights between 0 and 1, for an integrand times 2 * point."""
    mirrored = [(-node, weight) for node, weight in reversed(half) if node > 0.0]
    shares = [0.5 + 0.5 * node for node, _ in [*mirrored, *half]]
    weights = [weight for _, weight in [*mirrored, *half]]
    return np.array(shares), np.array([w * share for w, share in zip(weights, shares, strict=True)])


def _interpolation(at: float) -> list[float]:
    """The weights, in the polynomial's value ``at``, of the values at ``ROOTS``; at expiry the value is 0."""
    nodes = [*ROOTS.tolist(), 0.0]
    if at in nodes:
        return [1.0 if node == at else 0.0 for node in ROOTS.tolist()]
    signs = [0.5, *([-1.0, 1.0] * NODES)[: NODES - 1], 0.5 * (-1.0) ** NODES]
    terms = [sign / (at - node) for sign, node in zip(signs, nodes, strict=True)]
    total = 0.0
    for term in terms:
        total += term
    return [term / total for term in terms[:NODES]]


ROOTS: Floats = np.array([1.0, 0.5 + 0.25 * math.sqrt(3.0), 0.75, 0.5, 0.25, 0.5 - 0.25 * math.sqrt(3.0)])
"""Root of each node's share of the time to expiry: Chebyshev's extrema between 0 and 1 without the 0."""

EQUATION_SHARES, EQUATION_WEIGHTS = _points(_SEVEN)
"""Roots of the shares of a node's time that the boundary's equation looks ahead."""

EQUATION_INTERPOLATION: Floats = np.array(
    [
        weight
        for root in ROOTS.tolist()
        for share in EQUATION_SHARES.tolist()
        for weight in _interpolation(root * math.sqrt(1.0 - share * share))
    ]
)
"""For each node and point the weights of all nodes."""

PREMIUM_SHARES, PREMIUM_WEIGHTS = _points(_SIXTEEN)
"""The same for the premium, which looks ahead over the whole time."""

PREMIUM_INTERPOLATION: Floats = np.array(
    [weight for share in PREMIUM_SHARES.tolist() for weight in _interpolation(math.sqrt(1.0 - share * share))]
)
