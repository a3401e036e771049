"""The volatility behind an American price where cash dividends are known.

The search of ``american_search``, over values of the grid. It begins at the European volatility of the spot
without the dividends' present value, and its end is looked at once more: a root is one only if its value is
the price.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_grid import GRID_DEVIATION_LIMIT, grid_value
from alluse_assets.option_chains.pricing.kernels.american_search import SEARCHING, Search, advanced
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.european import european_vega
from alluse_assets.option_chains.pricing.kernels.european_root import european_root
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
    judged,
)

_GUESS = 0.5
# Of the spot, for a year or less: what the value at a root may be off the price by.
_MISS = 1e-10


@compiled
def dividend_implied(price: float, option: Option, times: Floats, amounts: Floats) -> tuple[float, int]:
    """The volatility at which the grid's value is ``price``, and OK; or NaN and why there is none."""
    code = judged(price, option)
    if code != OK:
        return math.nan, code
    time_value = price - max(
        option.spot - option.strike if option.is_call else option.strike - option.spot, 0.0
    )
    noise = PRICE_NOISE * option.spot
    if time_value < -noise:
        return math.nan, BELOW_INTRINSIC
    if time_value <= noise:
        return math.nan, NO_VEGA
    highest = min(VOLATILITY_HIGH, GRID_DEVIATION_LIMIT / math.sqrt(option.years))
    if price >= _bound(option):
        return math.nan, ABOVE_BOUND
    guess = _first_guess(price, option, times, amounts, highest)
    search = Search(VOLATILITY_LOW, highest, guess, european_vega(option, guess), 0.0, 0.0, 0.0)
    code = SEARCHING
    while code == SEARCHING:
        value = grid_value(option, search.now, times, amounts)
        if not math.isfinite(value):
            return math.nan, NOT_CONVERGED
        search, code = advanced(search, value, price, option)
    if code == OK:
        code = _confirmed(price, option, times, amounts, search.now, highest)
    return (search.now if code == OK else math.nan), code


@compiled
def _bound(option: Option) -> float:
    """What no volatility brings the value above: the share, or the strike, at its best time."""
    if option.is_call:
        return option.spot * max(1.0, math.exp(-option.dividend_yield * option.years))
    return option.strike * max(1.0, math.exp(-option.rate * option.years))


@compiled
def _first_guess(price: float, option: Option, times: Floats, amounts: Floats, highest: float) -> float:
    spot, strike, years, rate, dividend_yield, is_call = option
    for k in range(times.size):
        if 0.0 < times[k] <= years:
            spot -= amounts[k] * math.exp(-rate * times[k])
    guess, status = math.nan, NOT_CONVERGED
    if spot > 0.0:
        guess, status = european_root(price, Option(spot, strike, years, rate, dividend_yield, is_call))
    if status != OK:
        guess = _GUESS
    return min(max(guess, 2.0 * VOLATILITY_LOW), 0.5 * highest)


@compiled
def _confirmed(
    price: float, option: Option, times: Floats, amounts: Floats, vol: float, highest: float
) -> int:
    """OK where the value at ``vol`` is ``price``."""
    miss = abs(grid_value(option, vol, times, amounts) - price)
    if miss <= _MISS * option.spot * max(1.0, math.sqrt(option.years)):
        return OK
    return ABOVE_BOUND if vol >= highest * (1.0 - 1e-8) else NOT_CONVERGED
