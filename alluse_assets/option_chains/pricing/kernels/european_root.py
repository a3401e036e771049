"""The volatility behind a European price."""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.european import european_vega
from alluse_assets.option_chains.pricing.kernels.normal import normal_cdf
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
    Option,
)


@compiled
def normalised_black(moneyness: float, deviation: float) -> float:
    """Out-of-the-money Black value over sqrt(share * cash); ``moneyness`` is -|ln(share / cash)|."""
    half = math.exp(0.5 * moneyness)
    ratio = moneyness / deviation
    return half * normal_cdf(ratio + 0.5 * deviation) - normal_cdf(ratio - 0.5 * deviation) / half


@compiled
def black_deviation(moneyness: float, target: float) -> float:
    """The deviation (volatility * sqrt(years)) at which ``normalised_black`` is ``target``; NaN if not found.

    Newton's steps from the inflection point: on the value above it; below it on its logarithm against
    1 / deviation**2, which is nearly a straight line there. A bracket catches what leaves it.
    """
    inflection = math.sqrt(-2.0 * moneyness)
    low, high = 0.0, 1e3
    s = inflection if inflection > 1e-8 else target * 2.5066282746310002
    on_logarithm = inflection > 1e-8 and normalised_black(moneyness, s) > target
    for _ in range(100):
        value = normalised_black(moneyness, s)
        if value > target:
            high = s
        else:
            low = s
        ratio = moneyness / s
        slope = 0.3989422804014327 * math.exp(-0.5 * ratio * ratio - 0.125 * s * s)
        new = -1.0
        if slope > 0.0 and value > 0.0:
            if on_logarithm:
                inverse = 1.0 / (s * s) + 2.0 * value * math.log(value / target) / (slope * s * s * s)
                new = 1.0 / math.sqrt(inverse) if inverse > 0.0 else -1.0
            else:
                new = s - (value - target) / slope
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - s) <= 1e-10 * s:
            return new
        s = new
    return math.nan


@compiled
def european_root(price: float, option: Option) -> tuple[float, int]:
    """The volatility at which the European value is ``price``, and OK; or NaN and why there is none."""
    spot, strike, years, rate, dividend_yield, is_call = option
    share = spot * math.exp(-dividend_yield * years)
    cash = strike * math.exp(-rate * years)
    forward_payoff = share - cash if is_call else cash - share
    time_value = price - max(forward_payoff, 0.0)
    noise = PRICE_NOISE * spot
    if time_value < -noise:
        return math.nan, BELOW_INTRINSIC
    if time_value <= noise:
        return math.nan, NO_VEGA
    if time_value >= min(share, cash) - noise:
        return math.nan, ABOVE_BOUND
    deviation = black_deviation(-abs(math.log(share / cash)), time_value / math.sqrt(share * cash))
    if math.isnan(deviation):
        return math.nan, NOT_CONVERGED
    vol = deviation / math.sqrt(years)
    if vol > VOLATILITY_HIGH:
        return math.nan, ABOVE_BOUND
    if vol < VOLATILITY_LOW:
        return math.nan, NO_VEGA
    return vol, OK


@compiled
def european_implied(price: float, option: Option) -> tuple[float, int]:
    """``european_root``, refused as NO_VEGA where the value hardly moves with volatility."""
    vol, status = european_root(price, option)
    if status == OK and european_vega(option, vol) < VEGA_FLOOR * option.spot:
        return math.nan, NO_VEGA
    return vol, status
