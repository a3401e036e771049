"""The volatility behind an American price: where the search begins, how it goes on, when it ends.

The value rises with volatility without jumps, so every evaluation narrows a bracket. The first guess is the
European volatility of the price, which is too high, but not by much; the first step goes by the European
vega, the others by the last two values (secant), each kept inside the bracket. In the money it is the root of
the time value that is brought to the price's: where exercise begins, that is what runs straight. A value that
is exercise and nothing more has no slope, and moves the bracket only.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from alluse_assets.option_chains.pricing.kernels.american_block import as_put
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.european import european_vega, legs_of
from alluse_assets.option_chains.pricing.kernels.european_root import european_root, vega_floor
from alluse_assets.option_chains.pricing.kernels.options import (
    ABOVE_BOUND,
    BAD_INPUT,
    BELOW_INTRINSIC,
    NO_VEGA,
    NOT_CONVERGED,
    OK,
    PRICE_NOISE,
    VOLATILITY_HIGH,
    VOLATILITY_LOW,
    Floats,
    Option,
)

SEARCHING = -1
"""The status of a search that needs another value."""

_MOST_STEPS = 100
_CLOSE = 2e-10
_FAR = 1e-5
# Of spot and strike: what the last bits of a value may be off by.
_ROUNDING = 4e-15
# Nothing is listed for a tenth of it; some thousands further on the method has no value to search with.
_LONGEST_YEARS = 1000.0
# Where the European option has no volatility for the price.
_GUESS = 1.0


class Search(NamedTuple):
    """Where a search is: the bracket, the volatility whose value it needs, and what it needed before."""

    low: float
    high: float
    now: float
    slope: float
    before: float
    error_before: float
    steps: float


@compiled
def begun(price: float, option: Option, judgement: int) -> tuple[Search, int]:
    """The search for the volatility of ``price``, and SEARCHING; or a status why there is none."""
    nothing = Search(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if judgement != OK:
        return nothing, judgement
    if option.years > _LONGEST_YEARS:
        return nothing, BAD_INPUT
    noise = PRICE_NOISE * option.spot
    put = as_put(option)
    legs = legs_of(option)
    forward_payoff = legs.share - legs.cash if option.is_call else legs.cash - legs.share
    time_value = price - max(put.strike - put.spot, forward_payoff, 0.0)
    if time_value < -noise:
        return nothing, BELOW_INTRINSIC
    if time_value <= noise:
        return nothing, NO_VEGA
    guess, status = european_root(price, option)
    if status != OK:
        guess = _GUESS
    slope = european_vega(option, guess)
    return Search(VOLATILITY_LOW, VOLATILITY_HIGH, guess, slope, 0.0, 0.0, 0.0), SEARCHING


@inlined
def advanced(search: Search, value: float, price: float, option: Option) -> tuple[Search, int]:
    """The search after ``value`` at ``now``, and its status; the root is ``now`` once OK."""
    low, high, now, slope, before, error_before, steps = search
    if value > price:
        high = now
    else:
        low = now
    put = as_put(option)
    exercise = put.strike - put.spot
    error, dollars = value - price, 1.0
    is_flat = exercise > 0.0 and value <= exercise
    if exercise > 0.0:
        error = math.sqrt(max(value - exercise, 0.0)) - math.sqrt(price - exercise)
        dollars = 2.0 * math.sqrt(price - exercise)
    new, doubt = -1.0, 1.0
    if not is_flat:
        if before > 0.0:
            slope_before = slope
            slope = (error - error_before) / (now - before)
            doubt = max(abs(slope - slope_before) / abs(slope), 10.0 * abs(now - before) / now)
        elif exercise > 0.0:
            slope /= 2.0 * math.sqrt(value - exercise)
        new = now - error / slope if slope > 0.0 else -1.0
        if (before - new) * (now - new) < 0.0 and abs(now - before) > _FAR * now:
            # Between two points on both sides the slope at the root can be any other.
            doubt = 1.0
        before, error_before = now, error
    is_met = abs(value - price) <= _ROUNDING * (option.spot + option.strike)
    # What the next step leaves is this step times how wrong the slope may be; a slope that was another one
    # just now says nothing yet.
    is_last = low <= new <= high and doubt <= 0.5 and abs(new - now) * doubt <= _CLOSE
    status = SEARCHING
    if is_met or is_last:
        new = now if is_met else new
        status = OK if slope * dollars >= vega_floor(legs_of(option), option) else NO_VEGA
    elif low >= VOLATILITY_HIGH - _CLOSE:
        status = ABOVE_BOUND
    elif high <= VOLATILITY_LOW + _CLOSE:
        status = NO_VEGA
    elif high - low <= _CLOSE:
        new, status = 0.5 * (low + high), OK
    elif steps >= _MOST_STEPS:
        status = NOT_CONVERGED
    elif not low < new < high or (steps > 8.0 and steps % 4.0 == 0.0):
        # A secant that creeps along a flat stretch is broken off by halving every fourth time.
        new = 0.5 * (low + high)
    return Search(low, high, new, slope, before, error_before, steps + 1.0), status


@inlined
def keep(searches: Floats, lane: int, search: Search) -> None:
    """``search`` into row ``lane``."""
    for k in range(7):
        searches[lane, k] = search[k]


@inlined
def kept(searches: Floats, lane: int) -> Search:
    """Row ``lane`` as a search."""
    row = searches[lane]
    return Search(row[0], row[1], row[2], row[3], row[4], row[5], row[6])
