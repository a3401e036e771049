"""The compiled loop of put-call parity: a robust line through call minus put over strikes.

Call minus put of one strike is discount * (forward - strike), so a line over the strikes has both. Only
+ - * / and square roots are used, in a fixed order: the same on every processor. One file on purpose, as
Numba's cache watches only the file of the function it compiled.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.compilation import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FORWARD, DISCOUNT, DISCOUNT_ERROR, FORWARD_ERROR, USED, RESIDUAL, HALF_SPREAD = range(7)
COLUMNS = 7
# Strikes each side of the forward: enough for the slope, near enough for tight quotes of both sides.
_EACH_SIDE = 25
_ROUNDS = 3


class Pairs(NamedTuple):
    """Strikes with a call and a put, by expiry and strike: mids' difference and half the spreads' sum."""

    strike: Floats
    difference: Floats
    half_spread: Floats


@compiled
def _line(
    strike: Floats, difference: Floats, weight: Floats, discount: float, centre: float, row: Floats
) -> None:
    """The weighted line into ``row``; the slope is free where ``discount`` is zero, else minus that."""
    total = sx = sy = 0.0
    for i in range(strike.size):
        total += weight[i]
        sx += weight[i] * (strike[i] - centre)
        sy += weight[i] * difference[i]
    mx, my = sx / total, sy / total
    sxx = sxy = 0.0
    for i in range(strike.size):
        x = strike[i] - centre - mx
        sxx += weight[i] * x * x
        sxy += weight[i] * x * (difference[i] - my)
    if discount == 0.0:
        row[DISCOUNT] = -sxy / sxx if sxx > 0.0 else 0.0
    else:
        row[DISCOUNT] = discount
    row[FORWARD] = centre + mx + my / row[DISCOUNT] if row[DISCOUNT] > 0.0 else 0.0
    squares = 0.0
    for i in range(strike.size):
        miss = difference[i] - row[DISCOUNT] * (row[FORWARD] - strike[i])
        squares += weight[i] * miss * miss
    free = strike.size - (2 if discount == 0.0 else 1)
    row[RESIDUAL] = math.sqrt(squares / total)
    variance = squares / total * strike.size / max(free, 1)
    row[DISCOUNT_ERROR] = math.sqrt(variance * total / strike.size / sxx) if sxx > 0.0 else math.inf
    row[FORWARD_ERROR] = math.sqrt(variance / strike.size)


@compiled
def _robust(pairs: Pairs, discount: float, centre: float, weight: Floats, row: Floats) -> None:
    """``_line`` again and again, with less weight on pairs that stand out by more than their spread."""
    count = pairs.strike.size
    for i in range(count):
        weight[i] = 1.0 / (pairs.half_spread[i] * pairs.half_spread[i])
    for _ in range(_ROUNDS):
        _line(pairs.strike, pairs.difference, weight, discount, centre, row)
        if row[DISCOUNT] <= 0.0:
            return
        usual = 0.0
        for i in range(count):
            miss = pairs.difference[i] - row[DISCOUNT] * (row[FORWARD] - pairs.strike[i])
            usual += abs(miss) / pairs.half_spread[i]
        usual *= 2.0 / count
        for i in range(count):
            miss = abs(pairs.difference[i] - row[DISCOUNT] * (row[FORWARD] - pairs.strike[i]))
            far = miss / pairs.half_spread[i]
            base = 1.0 / (pairs.half_spread[i] * pairs.half_spread[i])
            weight[i] = base * (usual / far) * (usual / far) if far > usual else base


@compiled
def parity_rows(edges: Integers, pairs: Pairs, discounts: Floats, free: Floats, fixed: Floats) -> None:
    """Lines of all expiries: with a free discount into ``free``, with that of ``discounts`` into ``fixed``.

    Pairs ``edges[i]`` to ``edges[i + 1]`` are expiry i's, by strike. Rows without two strikes stay zero.
    """
    for expiry in range(discounts.size):
        begin, end = edges[expiry], edges[expiry + 1]
        if end - begin < 2:
            continue
        # Where call and put are worth the same, or nearly: the first guess of the forward.
        at = begin
        for i in range(begin, end):
            if abs(pairs.difference[i]) < abs(pairs.difference[at]):
                at = i
        first, last = max(at - _EACH_SIDE, begin), min(at + _EACH_SIDE + 1, end)
        near = Pairs(pairs.strike[first:last], pairs.difference[first:last], pairs.half_spread[first:last])
        weight = np.empty(last - first)
        _robust(near, 0.0, pairs.strike[at], weight, free[expiry])
        _robust(near, discounts[expiry], pairs.strike[at], weight, fixed[expiry])
        smallest = math.inf
        for i in range(first, last):
            smallest = min(smallest, pairs.half_spread[i])
        for row in (free[expiry], fixed[expiry]):
            row[USED] = last - first
            row[HALF_SPREAD] = smallest
