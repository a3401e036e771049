"""A block of American options in four numbers each, and the columns that are worked out of them.

Every option is seen as a put on one unit of strike: a call is the put that sells strike for share, with rate
and yield exchanged (McDonald and Schroder 1998), and time appears only in volatility * sqrt(years),
rate * years and yield * years. Passes over a block have no branches, so the compiler turns them into vector
instructions; all columns that are read lie in one array at fixed places, those written in a second one, so
that it can tell that they do not overlap. No pass reads another lane: what an option gets does not depend
on which others are there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.american_nodes import NODES
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm, scaled_erfc
from alluse_assets.option_chains.pricing.kernels.options import Floats, Option

Rows = NDArray[np.int64]

LANES = 64

# What is known: volatility * sqrt(years), rate and yield * years, ln(spot / strike).
DEVIATION, RATE, YIELD, MONEYNESS = (LANES * k for k in range(4))
# Logarithm of the boundary over the strike at expiry, and of the perpetual boundary over that.
TOP, DEPTH = (LANES * k for k in range(4, 6))
# The boundary's logarithm at each node, its squared distance from ``TOP``, and one node's copy.
LOGARITHM, SQUARE = LANES * 6, LANES * (6 + NODES)
CURRENT = LANES * (6 + 2 * NODES)
# What the start needs at one node; see ``american_start``.
DISCOUNT, FADE, STEEPNESS, DECAY = (CURRENT + LANES * k for k in range(1, 5))
# One over the deviation.
INVERSE = CURRENT + LANES * 5
BLOCK_SIZE = CURRENT + LANES * 6

WORK_SIZE = LANES * 6
"""Of the second array; its first columns are a pass's results."""


class Put(NamedTuple):
    """An option as the put it is worth as much as: spot, strike, years, rate and yield per year."""

    spot: float
    strike: float
    years: float
    rate: float
    dividend_yield: float


@inlined
def as_put(option: Option) -> Put:
    """``option``, or the put that a call is worth as much as."""
    spot, strike, years, rate, dividend_yield, is_call = option
    if is_call:
        return Put(strike, spot, years, dividend_yield, rate)
    return Put(spot, strike, years, rate, dividend_yield)


@compiled
def put_in(block: Floats, lane: int, put: Put, deviation: float) -> None:
    """``put`` into ``lane``; deviation is volatility * sqrt(years), above zero."""
    block[DEVIATION + lane] = deviation
    block[RATE + lane] = put.rate * put.years
    block[YIELD + lane] = put.dividend_yield * put.years
    block[MONEYNESS + lane] = logarithm(put.spot / put.strike)


@inlined
def copied(block: Floats, lane: int, to: int) -> None:
    """What ``put_in`` wrote into ``lane``, into lane ``to``."""
    for first in (DEVIATION, RATE, YIELD, MONEYNESS):
        block[first + to] = block[first + lane]


@inlined
def bell_and_cdf(x: float) -> tuple[float, float]:
    """exp(-x**2 / 2) and the standard normal distribution function."""
    bell = exponential(-0.5 * x * x)
    tail = 0.5 * bell * scaled_erfc(abs(x) * 0.7071067811865476)
    return bell, (tail if x < 0.0 else 1.0 - tail)


@inlined
def interpolated(block: Floats, weights: Floats, first: int, a: int) -> float:
    """The boundary's squared logarithm of lane ``a`` where ``weights`` from ``first`` on say."""
    square: float = (
        weights[first] * block[SQUARE + a]
        + weights[first + 1] * block[SQUARE + LANES + a]
        + weights[first + 2] * block[SQUARE + 2 * LANES + a]
        + weights[first + 3] * block[SQUARE + 3 * LANES + a]
        + weights[first + 4] * block[SQUARE + 4 * LANES + a]
        + weights[first + 5] * block[SQUARE + 5 * LANES + a]
    )
    return max(square, 0.0)


@inlined
def within_bounds(block: Floats, logarithm_now: float, a: int) -> float:
    """A boundary's logarithm, not above expiry's nor below the perpetual one."""
    top: float = block[TOP + a]
    bottom: float = top + block[DEPTH + a]
    return max(min(logarithm_now, top - 1e-12), bottom)
