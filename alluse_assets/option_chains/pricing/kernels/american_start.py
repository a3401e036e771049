"""The exercise boundary to begin with: Li's QD+ equation, solved at every node.

QD+ splits the premium into a function of time and a power of the spot, with a correction for what the split
leaves out; its boundary is within half a percent. Each node is solved by Newton's steps, a fixed number of
them: next to expiry from the boundary's known behaviour there, then from the nodes before.

Sources: Li, Analytical approximations for the critical stock prices of American options, 2010 (QD+); Evans,
Kuske and Keller, American options on assets with dividends near expiry, 2002 (behaviour at expiry).
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_block import (
    CURRENT,
    DECAY,
    DEPTH,
    DEVIATION,
    DISCOUNT,
    FADE,
    INVERSE,
    LANES,
    LOGARITHM,
    RATE,
    STEEPNESS,
    TOP,
    YIELD,
    bell_and_cdf,
)
from alluse_assets.option_chains.pricing.kernels.american_nodes import NODES, ROOTS
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm
from alluse_assets.option_chains.pricing.kernels.options import Floats

_FIRST_STEPS = 5
_STEPS = 3
# No Newton step changes the boundary by more than this factor's logarithm.
_LONGEST_STEP = 0.5
_DENSITY = 0.3989422804014327


@compiled
def start(block: Floats, work: Floats) -> None:
    """Writes bounds and first boundary of all lanes."""
    _bounds(block, work)
    for node in range(NODES - 1, -1, -1):
        root = ROOTS[node]
        _prepare(block, work, root)
        if node == NODES - 1:
            _near_expiry(block, work, root)
        elif node == NODES - 2:
            _from_one(block, work, root / ROOTS[node + 1])
        else:
            _from_two(block, work, node)
        for _ in range(_FIRST_STEPS if node == NODES - 1 else _STEPS):
            _newton(block, work, root)
        for a in range(LANES):
            block[LOGARITHM + node * LANES + a] = block[CURRENT + a]


@inlined
def _negative_root(linear: float, constant: float) -> float:
    """The negative root of x**2 + ``linear`` * x - ``constant``, without cancelling digits."""
    spread = math.sqrt(linear * linear + 4.0 * constant)
    return -0.5 * (linear + spread) if linear > 0.0 else -2.0 * constant / (spread - linear)


@compiled
def _bounds(block: Floats, work: Floats) -> None:
    for a in range(LANES):
        rate, dividends = block[RATE + a], block[YIELD + a]
        variance = block[DEVIATION + a] * block[DEVIATION + a]
        # Just before expiry it pays to exercise where interest earned exceeds dividends lost.
        at_expiry = rate / dividends if dividends > rate else 1.0
        power = _negative_root(2.0 * (rate - dividends) / variance - 1.0, 2.0 * rate / variance)
        perpetual = power / (power - 1.0) / at_expiry
        work[a] = logarithm(at_expiry)
        work[2 * LANES + a] = 1.0 / block[DEVIATION + a]
        work[LANES + a] = logarithm(max(min(perpetual, 1.0 - 1e-9), 1e-9))
    for a in range(2 * LANES):
        block[TOP + a] = work[a]
    for a in range(LANES):
        block[INVERSE + a] = work[2 * LANES + a]


@compiled
def _prepare(block: Floats, work: Floats, root: float) -> None:
    """What the equation needs at one node beside the boundary."""
    for a in range(LANES):
        time = root * root
        rate, dividends = block[RATE + a] * time, block[YIELD + a] * time
        variance = block[DEVIATION + a] * block[DEVIATION + a] * time
        discount = exponential(-rate)
        ratio = rate / (1.0 - discount) if rate > 1e-5 else 1.0 + 0.5 * rate
        constant = 2.0 * ratio / variance
        linear = 2.0 * (rate - dividends) / variance - 1.0
        spread = math.sqrt(linear * linear + 4.0 * constant)
        correction = constant / spread
        work[a] = discount
        work[LANES + a] = exponential(-dividends)
        work[2 * LANES + a] = _negative_root(linear, constant) + discount * (
            correction - correction * correction / spread
        )
        work[3 * LANES + a] = -2.0 / spread
    for a in range(4 * LANES):
        block[DISCOUNT + a] = work[a]


@compiled
def _near_expiry(block: Floats, work: Floats, root: float) -> None:
    for a in range(LANES):
        time = root * root
        deviation = block[DEVIATION + a] * root
        rate, dividends = block[RATE + a] * time, block[YIELD + a] * time
        carry = rate - dividends
        largest = max(max(5.0132565 * carry / deviation, 7.0898154 * dividends), 1e-30)
        square = max(-2.0 * logarithm(largest), 0.41) if carry > 0.0 else 0.41
        now = block[TOP + a] - deviation * math.sqrt(square)
        work[a] = max(now, block[TOP + a] + 0.5 * block[DEPTH + a])
    for a in range(LANES):
        block[CURRENT + a] = work[a]


@compiled
def _from_one(block: Floats, work: Floats, ratio: float) -> None:
    """The next node on a straight line through expiry, in the root of time."""
    for a in range(LANES):
        top, before = block[TOP + a], block[CURRENT + a]
        low = top + block[DEPTH + a]
        now = top + (before - top) * ratio
        work[a] = now if now > low else 0.5 * (low + before)
    for a in range(LANES):
        block[CURRENT + a] = work[a]


@compiled
def _from_two(block: Floats, work: Floats, node: int) -> None:
    """The next node on a parabola through expiry and the two before."""
    x, x1, x2 = ROOTS[node], ROOTS[node + 1], ROOTS[node + 2]
    weight1 = x * (x - x2) / (x1 * (x1 - x2))
    weight2 = x * (x - x1) / (x2 * (x2 - x1))
    for a in range(LANES):
        work[LANES + a] = block[LOGARITHM + (node + 2) * LANES + a]
    for a in range(LANES):
        top, before = block[TOP + a], block[CURRENT + a]
        low = top + block[DEPTH + a]
        now = top + (before - top) * weight1 + (work[LANES + a] - top) * weight2
        now = now if now > low else 0.5 * (low + before)
        work[a] = min(now, before)
    for a in range(LANES):
        block[CURRENT + a] = work[a]


@compiled
def _newton(block: Floats, work: Floats, root: float) -> None:
    """One step on QD+'s equation, by the boundary's logarithm."""
    unroot = 1.0 / root
    for a in range(LANES):
        time = root * root
        deviation = block[DEVIATION + a] * root
        inverse = block[INVERSE + a] * unroot
        rate, dividends = block[RATE + a] * time, block[YIELD + a] * time
        discount, fade, now = block[DISCOUNT + a], block[FADE + a], block[CURRENT + a]
        steepness, decay = block[STEEPNESS + a], block[DECAY + a]
        spot = exponential(now)
        d1 = (now + rate - dividends) * inverse + 0.5 * deviation
        bell, tail = bell_and_cdf(-d1)
        density = _DENSITY * bell
        _, exercised = bell_and_cdf(deviation - d1)
        cash, share = discount * exercised, fade * tail
        time_value = 1.0 - spot - (cash - spot * share)
        bend = fade * density * inverse
        theta = (rate * cash - dividends * spot * share) * inverse * inverse - 0.5 * spot * bend
        error = (1.0 - share) * spot + steepness * time_value + decay * theta
        theta_slope = (
            fade * density * ((dividends - rate) * inverse - 0.5 * deviation * (1.0 - d1 * inverse))
            - dividends * share
        ) * (inverse * inverse)
        slope = 1.0 - share + bend + steepness * (share - 1.0) + decay * theta_slope
        # Left of its lowest point the equation falls: towards expiry's boundary is the way out.
        step = error / max(spot * slope, 1e-12)
        now -= max(min(step, _LONGEST_STEP), -_LONGEST_STEP)
        top = block[TOP + a]
        work[a] = max(min(now, top - 1e-9), top + block[DEPTH + a])
    for a in range(LANES):
        block[CURRENT + a] = work[a]
