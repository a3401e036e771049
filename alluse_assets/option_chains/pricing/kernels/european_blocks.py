"""European formulas over blocks of rows that stay in the processor's nearest cache.

Every pass is a loop without branches over one block, which the compiler turns into vector instructions. All
columns of a block lie in one array, ``BLOCK`` apart, so that it can tell that they do not overlap. A row's
result does not depend on the others: no pass reads another row, and vector and scalar arithmetic are the
same. What an exercise or a status means is in ``european`` and ``european_root``; what a column of the
caller's is, in ``european_rows``.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.european import (
    Legs,
    european_greeks_of,
    european_of,
    legs_of,
    vega_of,
)
from alluse_assets.option_chains.pricing.kernels.european_root import (
    bachelier_deviation,
    black_deviation,
    is_last,
    logarithm_near,
    price_status,
    reduced,
    reduced_value,
    step_to_root,
    time_value_of,
    vega_floor,
    volatility_status,
)
from alluse_assets.option_chains.pricing.kernels.options import (
    NO_VEGA,
    OK,
    Floats,
    Option,
)

BLOCK = 256
# Where the columns begin: the options, what is known of them, what is found.
SPOT, STRIKE, YEARS, RATE, DIVIDEND_YIELD, IS_CALL = (BLOCK * k for k in range(6))
PRICE, SHARE, CASH, LOG_RATIO, MONEYNESS, TARGET, DISTANCE = (BLOCK * k for k in range(6, 13))
DEVIATION, STEP, VOLATILITY, VEGA, STATUS, VALUE = (BLOCK * k for k in range(13, 19))
DELTA, GAMMA, THETA, RHO = (BLOCK * k for k in range(19, 23))
SIZE = BLOCK * 23


@inlined
def put(block: Floats, k: int, option: Option) -> None:
    """``option`` into row ``k``."""
    block[SPOT + k] = option.spot
    block[STRIKE + k] = option.strike
    block[YEARS + k] = option.years
    block[RATE + k] = option.rate
    block[DIVIDEND_YIELD + k] = option.dividend_yield
    block[IS_CALL + k] = 1.0 if option.is_call else 0.0


@inlined
def _option(block: Floats, k: int) -> Option:
    return Option(
        block[SPOT + k],
        block[STRIKE + k],
        block[YEARS + k],
        block[RATE + k],
        block[DIVIDEND_YIELD + k],
        block[IS_CALL + k] > 0.5,
    )


@inlined
def _legs(block: Floats, k: int) -> Legs:
    return Legs(block[SHARE + k], block[CASH + k], block[LOG_RATIO + k])


@compiled
def discount(block: Floats, count: int) -> None:
    """The legs of the first ``count`` rows; before all that follow."""
    for k in range(count):
        legs = legs_of(_option(block, k))
        block[SHARE + k] = legs.share
        block[CASH + k] = legs.cash
        block[LOG_RATIO + k] = legs.log_ratio


@compiled
def value(block: Floats, count: int) -> None:
    """VALUE at VOLATILITY."""
    for k in range(count):
        block[VALUE + k] = european_of(_legs(block, k), _option(block, k), block[VOLATILITY + k])


@compiled
def greeks(block: Floats, count: int) -> None:
    """DELTA, GAMMA, THETA per year, VEGA and RHO per unit at VOLATILITY."""
    for k in range(count):
        delta, gamma, theta, vega, rho = european_greeks_of(
            _legs(block, k), _option(block, k), block[VOLATILITY + k]
        )
        block[DELTA + k] = delta
        block[GAMMA + k] = gamma
        block[THETA + k] = theta
        block[VEGA + k] = vega
        block[RHO + k] = rho


@compiled
def invert(block: Floats, count: int) -> None:
    """VOLATILITY behind PRICE, and STATUS; what ``european_root.european_implied`` says."""
    for k in range(count):
        moneyness, target, distance = reduced(block[PRICE + k], _option(block, k), _legs(block, k))
        block[MONEYNESS + k] = moneyness
        block[TARGET + k] = target
        block[DISTANCE + k] = distance
    for k in range(count):
        block[DEVIATION + k] = bachelier_deviation(
            block[MONEYNESS + k], block[TARGET + k], block[DISTANCE + k]
        )
    for k in range(count):
        s = block[DEVIATION + k]
        worth, slope = reduced_value(block[MONEYNESS + k], s)
        error = logarithm_near(worth / block[TARGET + k])
        block[STEP + k] = step_to_root(error, block[MONEYNESS + k], s, worth, slope)
    _settle(block, count)
    for k in range(count):
        block[VEGA + k] = vega_of(_legs(block, k), block[VOLATILITY + k], math.sqrt(block[YEARS + k]))
    for k in range(count):
        if block[STATUS + k] == OK and block[VEGA + k] < vega_floor(_legs(block, k), _option(block, k)):
            block[STATUS + k] = NO_VEGA
            block[VOLATILITY + k] = math.nan


@compiled
def _settle(block: Floats, count: int) -> None:
    """Judge every row; search on where one step was not enough, as for one row in fifty."""
    for k in range(count):
        legs = _legs(block, k)
        vol = math.nan
        status = price_status(time_value_of(block[PRICE + k], _option(block, k), legs), legs)
        if status == OK:
            s, step, moneyness = block[DEVIATION + k], block[STEP + k], block[MONEYNESS + k]
            found = s + step
            if not (s > 0.0 and is_last(step, moneyness, s)):
                found = black_deviation(moneyness, block[TARGET + k], block[DISTANCE + k])
            vol, status = volatility_status(found / math.sqrt(block[YEARS + k]))
        block[VOLATILITY + k] = vol
        block[STATUS + k] = status
