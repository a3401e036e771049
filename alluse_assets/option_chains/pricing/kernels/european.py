"""European value, vega and Greeks in closed form.

Source: Haug, The Complete Guide to Option Pricing Formulas, 2nd ed., generalised Black-Scholes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.elementary import exponential, logarithm
from alluse_assets.option_chains.pricing.kernels.normal import normal_cdf_beside, normal_density
from alluse_assets.option_chains.pricing.kernels.options import Option


class Legs(NamedTuple):
    """What changes hands at expiry, discounted, in USD, and the logarithm of ``share`` over ``cash``."""

    share: float
    cash: float
    log_ratio: float


@inlined
def legs_of(option: Option) -> Legs:
    """The two legs of ``option``."""
    share = option.spot * exponential(-option.dividend_yield * option.years)
    cash = option.strike * exponential(-option.rate * option.years)
    return Legs(share, cash, logarithm(share / cash))


@compiled
def european(option: Option, vol: float) -> float:
    """Black-Scholes-Merton value; the discounted payoff of the forward when time or volatility is zero."""
    return european_of(legs_of(option), option, vol)


@inlined
def european_of(legs: Legs, option: Option, vol: float) -> float:
    """``european`` where the legs are known already."""
    share, cash, log_ratio = legs
    sign = 1.0 if option.is_call else -1.0
    deviation = vol * math.sqrt(option.years)
    d1 = log_ratio / deviation + 0.5 * deviation
    density = normal_density(d1)
    share_leg = share * normal_cdf_beside(sign * d1, density)
    # The densities of d1 and d2, weighted with their legs, are the same number.
    cash_leg = cash * normal_cdf_beside(sign * (d1 - deviation), density * share / cash)
    value = sign * (share_leg - cash_leg) if deviation > 0.0 else sign * (share - cash)
    return max(value, 0.0)


@compiled
def european_vega(option: Option, vol: float) -> float:
    """Derivative of the European value by volatility, per unit of volatility."""
    return vega_of(legs_of(option), vol, math.sqrt(option.years))


@inlined
def vega_of(legs: Legs, vol: float, root_years: float) -> float:
    """``european_vega`` from what is known of the option already."""
    deviation = vol * root_years
    vega = legs.share * normal_density(legs.log_ratio / deviation + 0.5 * deviation) * root_years
    return vega if deviation > 0.0 else 0.0


@compiled
def european_greeks(option: Option, vol: float) -> tuple[float, float, float, float, float]:
    """Delta, gamma, theta per year, vega per unit, rho per unit of the European value."""
    return european_greeks_of(legs_of(option), option, vol)


@inlined
def european_greeks_of(legs: Legs, option: Option, vol: float) -> tuple[float, float, float, float, float]:
    """``european_greeks`` where the legs are known already."""
    spot, _, years, rate, dividend_yield, is_call = option
    share, cash, log_ratio = legs
    sign = 1.0 if is_call else -1.0
    root_years = math.sqrt(years)
    deviation = vol * root_years
    d1 = log_ratio / deviation + 0.5 * deviation
    density = normal_density(d1)
    share_leg = sign * share * normal_cdf_beside(sign * d1, density)
    cash_leg = sign * cash * normal_cdf_beside(sign * (d1 - deviation), density * share / cash)
    vega = share * density * root_years
    theta = dividend_yield * share_leg - rate * cash_leg - 0.5 * vega * vol / years
    return share_leg / spot, share * density / (spot * spot * deviation), theta, vega, years * cash_leg
