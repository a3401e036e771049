"""The volatility behind a European price.

The price is reduced to that of an option out of the money in units of sqrt(share * cash), a function of
the moneyness and of the deviation (volatility * sqrt(years)) only. The search starts from the deviation that
Bachelier's model would need, brought to Black's by the expansion that ties the two, which is within 1e-4 for
most quotes; Householder's fourth-order step then needs one or two evaluations.

Sources: Jaeckel, Let's be rational, 2015 (reduction, scaled error functions); Choi, Kim and Kwak, Numerical
approximation of the implied volatility under arithmetic Brownian motion, 2009 (the start's variable);
Hagan, Kumar, Lesniewski and Woodward, Managing smile risk, 2002 (Bachelier's against Black's volatility).
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm, scaled_erfc
from alluse_assets.option_chains.pricing.kernels.european import Legs, legs_of, vega_of
from alluse_assets.option_chains.pricing.kernels.options import (
    ABOVE_BOUND,
    BELOW_INTRINSIC,
    NO_VEGA,
    NOT_CONVERGED,
    OK,
    ROUNDING_FLOOR,
    TIME_VALUE_NOISE,
    VEGA_FLOOR,
    VEGA_FLOOR_USD,
    VOLATILITY_HIGH,
    VOLATILITY_LOW,
    Option,
)

_DEVIATION_HIGH = 1e3


@compiled
def european_implied(price: float, option: Option) -> tuple[float, int]:
    """``european_root``, refused as NO_VEGA where the value hardly moves with volatility."""
    legs = legs_of(option)
    vol, status = european_root_of(price, option, legs)
    if status == OK and vega_of(legs, vol, math.sqrt(option.years)) < vega_floor(legs, option):
        return math.nan, NO_VEGA
    return vol, status


@compiled
def european_root(price: float, option: Option) -> tuple[float, int]:
    """The volatility at which the European value is ``price``, and OK; or NaN and why there is none."""
    return european_root_of(price, option, legs_of(option))


@compiled
def european_root_of(price: float, option: Option, legs: Legs) -> tuple[float, int]:
    """``european_root`` where the legs are known already."""
    status = price_status(time_value_of(price, option, legs), legs)
    if status != OK:
        return math.nan, status
    moneyness, target, distance = reduced(price, option, legs)
    return volatility_status(black_deviation(moneyness, target, distance) / math.sqrt(option.years))


@inlined
def time_value_of(price: float, option: Option, legs: Legs) -> float:
    """What ``price`` is above the discounted payoff of the forward."""
    payoff = legs.share - legs.cash if option.is_call else legs.cash - legs.share
    return price - max(payoff, 0.0)


@inlined
def price_status(time_value: float, legs: Legs) -> int:
    """OK where a time value can have a volatility, else why it has none."""
    noise = TIME_VALUE_NOISE * max(legs.share, legs.cash)
    if time_value < -noise:
        return BELOW_INTRINSIC
    if time_value <= noise:
        return NO_VEGA
    return OK if time_value < min(legs.share, legs.cash) - noise else ABOVE_BOUND


@inlined
def volatility_status(vol: float) -> tuple[float, int]:
    """``vol`` and OK where it is one that is answered, else NaN and why not."""
    if math.isnan(vol):
        return math.nan, NOT_CONVERGED
    if vol > VOLATILITY_HIGH:
        return math.nan, ABOVE_BOUND
    if vol < VOLATILITY_LOW:
        return math.nan, NO_VEGA
    return vol, OK


@inlined
def vega_floor(legs: Legs, option: Option) -> float:
    """The vega, USD per unit of volatility, below which a root says nothing.

    A price is known to the last bits of the larger leg: where vega is over the last term, these are worth
    less than 1e-8 of volatility.
    """
    rounding = ROUNDING_FLOOR * max(legs.share, legs.cash)
    return max(min(VEGA_FLOOR * option.spot, VEGA_FLOOR_USD), rounding)


@inlined
def reduced(price: float, option: Option, legs: Legs) -> tuple[float, float, float]:
    """Moneyness -|ln(share / cash)|, and time value and |share - cash| in units of sqrt(share * cash)."""
    unit = 1.0 / (math.sqrt(legs.share) * math.sqrt(legs.cash))
    target = time_value_of(price, option, legs) * unit
    return -abs(legs.log_ratio), target, abs(legs.share - legs.cash) * unit


@compiled
def black_deviation(moneyness: float, target: float, distance: float) -> float:
    """The deviation at which the reduced option is worth ``target``; NaN if not found in 100 steps.

    Every evaluation narrows a bracket, which catches a step that leaves it.
    """
    low, high = 0.0, _DEVIATION_HIGH
    s = bachelier_deviation(moneyness, target, distance)
    if not low < s < high:
        s = math.sqrt(-2.0 * moneyness) + target
    for _ in range(100):
        value, slope = reduced_value(moneyness, s)
        if value > target:
            high = s
        else:
            low = s
        step = step_to_root(logarithm_near(value / target), moneyness, s, value, slope)
        new = s + step
        if low < new < high:
            if is_last(step, moneyness, s):
                return new
        elif abs(step) <= 4e-16 * s or high - low <= 4e-16 * high:
            return s
        elif low == 0.0 or high == _DEVIATION_HIGH:
            new = s * (0.25 if low == 0.0 else 4.0)
        else:
            new = 0.5 * (low + high)
        s = new
    return math.nan


@inlined
def reduced_value(moneyness: float, deviation: float) -> tuple[float, float]:
    """Value of the reduced option and its derivative by the deviation."""
    h = moneyness / deviation
    t = 0.5 * deviation
    bell = exponential(-0.5 * (h * h + t * t))
    near = scaled_erfc(abs(h + t) * 0.7071067811865476)
    far = scaled_erfc((t - h) * 0.7071067811865476)
    most = exponential(0.5 * moneyness)
    value = 0.5 * bell * (near - far) if h + t < 0.0 else most - 0.5 * bell * (near + far)
    return value, 0.3989422804014327 * bell


@inlined
def step_to_root(error: float, moneyness: float, deviation: float, value: float, slope: float) -> float:
    """Householder's third-order step for the logarithm of the value, ``error`` too large now."""
    inverse = 1.0 / deviation
    h = moneyness * inverse
    relative = slope / value
    second = h * h * inverse - 0.25 * deviation - relative
    third = second * second - 3.0 * h * h * inverse * inverse - 0.25 - relative * second
    newton = -error / relative
    step = newton * (1.0 + 0.5 * second * newton)
    return step / (1.0 + newton * (second + third * newton * (1.0 / 6.0)))


@inlined
def is_last(step: float, moneyness: float, deviation: float) -> bool:
    """Whether what is left after ``step``, which is of its fourth power, is below the last digits."""
    h = moneyness / deviation
    return abs(step) * (1.0 + h * h) <= 1e-3 * deviation


@inlined
def logarithm_near(ratio: float) -> float:
    """About ln(``ratio``): Pade's approximation, whose error is of the sixth power of ``ratio`` - 1."""
    u = ratio - 1.0
    return u * (30.0 + u * (21.0 + u)) / (30.0 + u * (36.0 + 9.0 * u))


@inlined
def bachelier_deviation(moneyness: float, target: float, distance: float) -> float:
    """About the deviation of a reduced option: Bachelier's, times the ratio of Black's to it."""
    straddle = 2.0 * target + distance
    ratio = distance / straddle
    eta = 2.0 * ratio / logarithm(1.0 + distance / target) if ratio > 1e-6 else 1.0
    # straddle**2 * eta * p is Bachelier's variance, fitted within 1e-4 up to nine deviations.
    eta2 = eta * eta
    eta4 = eta2 * eta2
    p0 = (0.25356801538206175 + 1.0512185719557081 * eta) + (
        -0.7091676564388963 + 7.9843539098303316 * eta
    ) * eta2
    p4 = (-25.02165263445371 + 42.167177014997186 * eta) + (
        -40.879923533637964 + 21.433963104402274 * eta
    ) * eta2
    p8 = -4.708747315581239
    eta8 = eta4 * eta4
    p = (p0 + p4 * eta4) + p8 * eta8
    square = moneyness * moneyness
    bachelier = straddle * math.sqrt(eta * p)
    bachelier /= 1.0 + square * (1.0 / 24.0 + square * (1.0 / 1920.0))
    second = (1.0 - square * (1.0 / 120.0)) * (1.0 / 24.0)
    s = bachelier
    for _ in range(3):
        variance = s * s
        s = bachelier * (1.0 + variance * (second + variance * (1.0 / 5760.0)))
    return s
