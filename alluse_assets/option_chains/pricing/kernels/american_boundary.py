"""The exercise boundary: Andersen, Lake and Offengenden's fixed-point iteration from Li's start.

At the boundary exercise is worth as much as waiting, and changes by as much with the spot. Kim's integral
makes of each condition an equation boundary = strike * numerator / denominator, where both integrate over
the boundary itself: their A (smooth pasting) and B (value matching). A converges at once where volatility is
large beside the carry and swings where it is small; B the other way round. Between them the two are
blended, so that values have no jump in volatility. Two rounds leave values within about 1e-4 of the spot of
the exact ones, mostly within 1e-6 (docs/decisions/american-values.md).

Source: Andersen, Lake and Offengenden, High performance American option pricing, 2015; Kim, The analytic
valuation of American options, 1990.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_block import (
    CURRENT,
    DEVIATION,
    INVERSE,
    LANES,
    LOGARITHM,
    RATE,
    SQUARE,
    TOP,
    YIELD,
    Put,
    bell_and_cdf,
    interpolated,
    within_bounds,
)
from alluse_assets.option_chains.pricing.kernels.american_nodes import (
    EQUATION_INTERPOLATION,
    EQUATION_POINTS,
    EQUATION_SHARES,
    EQUATION_WEIGHTS,
    NODES,
    ROOTS,
)
from alluse_assets.option_chains.pricing.kernels.american_start import start
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm
from alluse_assets.option_chains.pricing.kernels.options import Floats

_ROUNDS = 2
_DENSITY = 0.3989422804014327
# Carry over variance: up to the first the boundary follows from smooth pasting alone, from the second on
# from value matching alone.
_PASTING_ONLY = 2.0
_MATCHING_ONLY = 8.0


@compiled
def boundary(block: Floats, work: Floats) -> None:
    """Writes the boundary's logarithm and its square at all nodes of all lanes."""
    start(block, work)
    _square(block, work)
    matching = pasting = False
    for a in range(LANES):
        share = _matching_share(block, a)
        matching = matching or share > 0.0
        pasting = pasting or share < 1.0
    for _ in range(_ROUNDS):
        # Next to expiry the start is as good as what follows from it.
        for node in range(NODES - 1):
            for a in range(LANES):
                block[CURRENT + a] = block[LOGARITHM + node * LANES + a]
            for a in range(4 * LANES):
                work[a] = 0.0
            # What a lane has no share of is multiplied by zero: leaving it out changes no bit.
            if not matching:
                _sum_pasting(block, work, node)
            elif not pasting:
                _sum_matching(block, work, node)
            else:
                _sum_both(block, work, node)
            _next(block, work, ROOTS[node])
            for a in range(LANES):
                block[LOGARITHM + node * LANES + a] = work[4 * LANES + a]
        _square(block, work)


@inlined
def is_steep(put: Put, deviation: float) -> bool:
    """Whether value matching has a share in the boundary: the carry is large beside the variance."""
    return abs(put.rate - put.dividend_yield) * put.years > _PASTING_ONLY * deviation * deviation


@inlined
def _matching_share(block: Floats, a: int) -> float:
    """The weight of value matching, from 0 to 1 without a kink."""
    carry: float = abs(block[RATE + a] - block[YIELD + a])
    ratio: float = carry / (block[DEVIATION + a] * block[DEVIATION + a])
    t = max(min((ratio - _PASTING_ONLY) / (_MATCHING_ONLY - _PASTING_ONLY), 1.0), 0.0)
    return t * t * (3.0 - 2.0 * t)


@compiled
def _square(block: Floats, work: Floats) -> None:
    for node in range(NODES):
        for a in range(LANES):
            work[a] = block[LOGARITHM + node * LANES + a]
        for a in range(LANES):
            distance = work[a] - block[TOP + a]
            work[a] = distance * distance
        for a in range(LANES):
            block[SQUARE + node * LANES + a] = work[a]


@inlined
def _looking_ahead(block: Floats, first: int, root: float, share: float, a: int) -> tuple[float, float]:
    """Growth from the boundary then to the one now, and deviation, over ``share`` of a node's time."""
    then = block[TOP + a] - math.sqrt(interpolated(block, EQUATION_INTERPOLATION, first, a))
    carry = (block[RATE + a] - block[YIELD + a]) * (root * share * root * share)
    return block[CURRENT + a] - then + carry, block[DEVIATION + a] * (root * share)


@compiled
def _sum_pasting(block: Floats, work: Floats, node: int) -> None:
    root = ROOTS[node]
    for k in range(EQUATION_POINTS):
        share, weight = EQUATION_SHARES[k], EQUATION_WEIGHTS[k]
        first = (node * EQUATION_POINTS + k) * NODES
        left = root * root * (1.0 - share * share)
        unroot = 1.0 / (root * share)
        for a in range(LANES):
            growth, deviation = _looking_ahead(block, first, root, share, a)
            inverse = block[INVERSE + a] * unroot
            bell, kept = bell_and_cdf(growth * inverse + 0.5 * deviation)
            density = _DENSITY * bell * inverse
            dividends = weight * exponential(block[YIELD + a] * left)
            work[LANES + a] += dividends * kept
            work[2 * LANES + a] += weight * exponential(block[RATE + a] * left + growth) * density
            work[3 * LANES + a] += dividends * density


@compiled
def _sum_matching(block: Floats, work: Floats, node: int) -> None:
    root = ROOTS[node]
    for k in range(EQUATION_POINTS):
        share, weight = EQUATION_SHARES[k], EQUATION_WEIGHTS[k]
        first = (node * EQUATION_POINTS + k) * NODES
        left = root * root * (1.0 - share * share)
        unroot = 1.0 / (root * share)
        for a in range(LANES):
            growth, deviation = _looking_ahead(block, first, root, share, a)
            d1 = growth * (block[INVERSE + a] * unroot) + 0.5 * deviation
            _, kept = bell_and_cdf(d1)
            _, exercised = bell_and_cdf(d1 - deviation)
            work[a] += weight * exponential(block[RATE + a] * left) * exercised
            work[LANES + a] += weight * exponential(block[YIELD + a] * left) * kept


@compiled
def _sum_both(block: Floats, work: Floats, node: int) -> None:
    root = ROOTS[node]
    for k in range(EQUATION_POINTS):
        share, weight = EQUATION_SHARES[k], EQUATION_WEIGHTS[k]
        first = (node * EQUATION_POINTS + k) * NODES
        left = root * root * (1.0 - share * share)
        unroot = 1.0 / (root * share)
        for a in range(LANES):
            growth, deviation = _looking_ahead(block, first, root, share, a)
            inverse = block[INVERSE + a] * unroot
            d1 = growth * inverse + 0.5 * deviation
            bell, kept = bell_and_cdf(d1)
            _, exercised = bell_and_cdf(d1 - deviation)
            density = _DENSITY * bell * inverse
            dividends = weight * exponential(block[YIELD + a] * left)
            work[a] += weight * exponential(block[RATE + a] * left) * exercised
            work[LANES + a] += dividends * kept
            work[2 * LANES + a] += weight * exponential(block[RATE + a] * left + growth) * density
            work[3 * LANES + a] += dividends * density


@compiled
def _next(block: Floats, work: Floats, root: float) -> None:
    """The boundary at one node that follows from the four sums."""
    unroot = 1.0 / root
    for a in range(LANES):
        time = root * root
        deviation = block[DEVIATION + a] * root
        inverse = block[INVERSE + a] * unroot
        rate, dividends = block[RATE + a] * time, block[YIELD + a] * time
        growth = block[CURRENT + a] + rate - dividends
        d1 = growth * inverse + 0.5 * deviation
        bell, kept = bell_and_cdf(d1)
        _, exercised = bell_and_cdf(d1 - deviation)
        density = _DENSITY * bell * inverse
        matching = (exercised + rate * work[a]) / (kept + dividends * work[LANES + a])
        pasting = (density * exponential(growth) + rate * work[2 * LANES + a]) / (
            density + kept + dividends * (work[LANES + a] + work[3 * LANES + a])
        )
        share = _matching_share(block, a)
        ratio = share * matching + (1.0 - share) * pasting
        work[4 * LANES + a] = within_bounds(block, logarithm(ratio) - rate + dividends, a)
