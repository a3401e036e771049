"""What an option, a column of options and an answer are to the kernels, and the limits of both."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.compilation import compiled

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]


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


class GreekColumns(NamedTuple):
    """Columns of Greeks, in the units that their names and ``greeks.Greeks`` say."""

    delta: Floats
    gamma: Floats
    theta_per_day: Floats
    vega_per_point: Floats
    rho_per_point: Floats


OK, NO_QUOTE, ZERO_TIME, BELOW_INTRINSIC, ABOVE_BOUND, NO_VEGA, BAD_INPUT, NOT_CONVERGED = range(8)

DAYS_A_YEAR = 365.0
POINTS = 100.0
VOLATILITY_LOW = 1e-4
VOLATILITY_HIGH = 10.0
# Relative to the larger of the two legs: a European time value below the first is rounding noise, a vega (per
# unit of volatility) below the second turns rounding noise into more than 1e-8 of volatility.
TIME_VALUE_NOISE = 1e-12
ROUNDING_FLOOR = 2e-8
# What a value has to move by per unit of volatility for a root to say anything, relative to the spot and
# in USD, the smaller of the two: below it a cent of quote is a hundred points of volatility and more.
VEGA_FLOOR = 1e-5
VEGA_FLOOR_USD = 0.01
# Relative to the spot: an American time value below this says nothing.
PRICE_NOISE = 1e-9
# Volatility * sqrt(years) below which nothing moves, and beyond which no American value is tried.
DEVIATION_LOW = 1e-9
DEVIATION_LIMIT = 40.0


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


@compiled
def judged(price: float, option: Option) -> int:
    """OK where ``price`` may have a volatility, else what is missing."""
    if math.isnan(price):
        return NO_QUOTE
    if not is_priceable(option, 0.0) or not math.isfinite(price):
        return BAD_INPUT
    return ZERO_TIME if option.years == 0.0 else OK
