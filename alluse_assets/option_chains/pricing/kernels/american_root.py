"""The volatility behind an American price."""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american import american, is_never_exercised_early
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.european import european_vega
from alluse_assets.option_chains.pricing.kernels.european_root import european_implied, european_root
from alluse_assets.option_chains.pricing.kernels.options import (
    ABOVE_BOUND,
    BELOW_INTRINSIC,
    NO_VEGA,
    NOT_CONVERGED,
    OK,
    PRICE_NOISE,
    VEGA_FLOOR,
    VOLATILITY_HIGH,
    VOLATILITY_LOW,
    Floats,
    Option,
)


@compiled
def american_implied(price: float, option: Option, steps: int, scratch: Floats) -> tuple[float, int]:
    """The volatility at which the American value is ``price``, and OK; or NaN and why there is none.

    An American option is worth at least the European one, so the European root is an upper bound and,
    the premium being small, a close one: one Newton step by the European vega, then secant steps on
    the tree, each kept inside the bracket.
    """
    spot, strike = option.spot, option.strike
    if is_never_exercised_early(option):
        return european_implied(price, option)
    noise = PRICE_NOISE * spot
    intrinsic = max(spot - strike if option.is_call else strike - spot, 0.0)
    if price < intrinsic - noise:
        return math.nan, BELOW_INTRINSIC
    if price <= intrinsic + noise:
        return math.nan, NO_VEGA
    high, status = european_root(price, option)
    if status == ABOVE_BOUND:
        high = VOLATILITY_HIGH
    elif status != OK:
        return math.nan, status
    low = VOLATILITY_LOW
    x = high
    error = american(option, x, steps, scratch) - price
    if error < -noise:
        return math.nan, ABOVE_BOUND if status == ABOVE_BOUND else NOT_CONVERGED
    slope = european_vega(option, x)
    for iteration in range(100):
        new = x - error / slope if slope > 0.0 else -1.0
        if abs(new - x) <= 1e-7:
            if slope < VEGA_FLOOR * spot:
                return math.nan, NO_VEGA
            return new, OK
        # A secant that creeps along a flat stretch is broken off by halving every fourth time.
        if not low < new < high or (iteration > 8 and iteration % 4 == 0):
            new = 0.5 * (low + high)
        new_error = american(option, new, steps, scratch) - price
        if new_error > 0.0:
            high = new
        else:
            low = new
        if high - low < 1e-10:
            # The value jumps or is flat here: the tree cannot tell volatilities apart.
            return math.nan, NO_VEGA
        slope = (new_error - error) / (new - x)
        x, error = new, new_error
    return math.nan, NOT_CONVERGED
