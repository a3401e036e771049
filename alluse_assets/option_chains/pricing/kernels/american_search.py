"""The volatility behind an American price: where the search begins, how it goes on, when it ends.

The value rises with volatility without jumps, so every evaluation narrows a bracket. The first guess is the
European volatility of the price, out of the money, and in the money that of the time value over exercise;
the first step goes by the European vega, the others by the last two values (secant), each kept inside the
bracket.
"""

from __future__ import annotations

from typing import NamedTuple

from alluse_assets.option_chains.pricing.kernels.american_block import as_put
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.european import european_vega, legs_of
from alluse_assets.option_chains.pricing.kernels.european_root import european_root, vega_floor
from alluse_assets.option_chains.pricing.kernels.options import (
    ABOVE_BOUND,
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
# Of spot and strike: what the last bits of a value may be off by.
_ROUNDING = 4e-15


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
    noise = PRICE_NOISE * option.spot
    put = as_put(option)
    legs = legs_of(option)
    forward_payoff = max(legs.share - legs.cash if option.is_call else legs.cash - legs.share, 0.0)
    time_value = price - max(put.strike - put.spot, forward_payoff)
    if time_value < -noise:
        return nothing, BELOW_INTRINSIC
    if time_value <= noise:
        return nothing, NO_VEGA
    guess, status = european_root(forward_payoff + time_value, option)
    if status != OK:
        guess = VOLATILITY_HIGH if status == ABOVE_BOUND else 0.2
    slope = european_vega(option, guess)
    return Search(VOLATILITY_LOW, VOLATILITY_HIGH, guess, slope, 0.0, 0.0, 0.0), SEARCHING


@inlined
def advanced(search: Search, error: float, option: Option) -> tuple[Search, int]:
    """The search after the value at ``now`` was ``error`` above the price; the root is ``now`` once OK."""
    low, high, now, slope, before, error_before, steps = search
    if error > 0.0:
        high = now
    else:
        low = now
    doubt = 1.0
    if steps > 0.0:
        slope_before = slope
        slope = (error - error_before) / (now - before)
        # The second derivative hardly exceeds four times the spot.
        curved = 2.0 * option.spot * abs(now - before)
        doubt = max(abs(slope - slope_before), curved) / abs(slope)
    new = now - error / slope if slope > 0.0 else -1.0
    step = abs(new - now)
    status = SEARCHING
    # What the next step leaves is this step times how wrong the slope may be; a slope that was another one
    # just now says nothing yet.
    is_met = abs(error) <= _ROUNDING * (option.spot + option.strike)
    if is_met or (low <= new <= high and doubt <= 0.5 and step * doubt <= _CLOSE):
        new = now if is_met else new
        status = OK if slope >= vega_floor(legs_of(option), option) else NO_VEGA
    elif low >= VOLATILITY_HIGH - _CLOSE:
        status = ABOVE_BOUND
    elif high - low <= _CLOSE:
        status = NO_VEGA
    elif steps >= _MOST_STEPS:
        status = NOT_CONVERGED
    elif not low < new < high or (steps > 8.0 and steps % 4.0 == 0.0):
        # A secant that creeps along a flat stretch is broken off by halving every fourth time.
        new = 0.5 * (low + high)
    return Search(low, high, new, slope, now, error, steps + 1.0), status


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
