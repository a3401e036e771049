"""What an option, a column of options and an answer are to the kernels, and the limits of both."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.compilation import compiled

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Option(NamedTuple):
    """One contract in its market: spot and strike in USD, years to expiry, rate and yield per year."""

    spot: float
    strike: float
    years: float
    rate: float
    dividend_yield: float
    is_call: bool


class OptionColumns(NamedTuple):
    """Options as columns of one length."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    dividend_yield: Floats
    is_call: Flags
    is_american: Flags


OK, NO_QUOTE, ZERO_TIME, BELOW_INTRINSIC, ABOVE_BOUND, NO_VEGA, BAD_INPUT, NOT_CONVERGED = range(8)

VOLATILITY_LOW = 1e-4
VOLATILITY_HIGH = 10.0
# Relative to the spot: below the first, a time value is rounding noise; below the second (per unit of
# volatility), a cent of quote is a hundred points of volatility and more, so a root would say nothing.
PRICE_NOISE = 1e-9
VEGA_FLOOR = 1e-5
# A Peizer-Pratt exponent beyond this leaves the tree without two branches.
BRANCH_LIMIT = 600.0
# Beyond these the tree's outer nodes overflow: the deviation (volatility * sqrt(years)), and it times
# sqrt(steps), which is about the logarithm of the outermost node over the spot.
DEVIATION_LIMIT = 40.0
SPREAD_LIMIT = 600.0
# Bumps of the early exercise premium: wide enough to pass over the tree's kinks.
VOLATILITY_BUMP = 0.01
RATE_BUMP = 0.002


@compiled
def is_priceable(option: Option, vol: float) -> bool:
    """Whether a value exists: finite arguments, positive spot and strike, no negative time or volatility."""
    spot, strike, years, rate, dividend_yield, _ = option
    if not (spot > 0.0 and strike > 0.0 and years >= 0.0 and vol >= 0.0):
        return False
    return math.isfinite(spot + strike + years + rate + dividend_yield + vol)


@compiled
def option_at(columns: OptionColumns, i: int) -> Option:
    """Row ``i`` as an option."""
    return Option(
        columns.spot[i],
        columns.strike[i],
        columns.years[i],
        columns.rate[i],
        columns.dividend_yield[i],
        columns.is_call[i],
    )
