"""European value, vega and Greeks in closed form.

Source: Haug, The Complete Guide to Option Pricing Formulas, 2nd ed., generalised Black-Scholes.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.normal import normal_cdf, normal_density
from alluse_assets.option_chains.pricing.kernels.options import Floats, Option


@compiled
def european(option: Option, vol: float) -> float:
    """Black-Scholes-Merton value; the discounted payoff of the forward when time or volatility is zero."""
    spot, strike, years, rate, dividend_yield, is_call = option
    sign = 1.0 if is_call else -1.0
    share = spot * math.exp(-dividend_yield * years)
    cash = strike * math.exp(-rate * years)
    deviation = vol * math.sqrt(years)
    if deviation <= 0.0:
        return max(sign * (share - cash), 0.0)
    d1 = math.log(share / cash) / deviation + 0.5 * deviation
    return max(sign * (share * normal_cdf(sign * d1) - cash * normal_cdf(sign * (d1 - deviation))), 0.0)


@compiled
def european_vega(option: Option, vol: float) -> float:
    """Derivative of the European value by volatility, per unit of volatility."""
    spot, strike, years, rate, dividend_yield, _ = option
    deviation = vol * math.sqrt(years)
    if deviation <= 0.0:
        return 0.0
    share = spot * math.exp(-dividend_yield * years)
    d1 = math.log(share / (strike * math.exp(-rate * years))) / deviation + 0.5 * deviation
    return share * normal_density(d1) * math.sqrt(years)


@compiled
def european_greeks(option: Option, vol: float, out: Floats) -> None:
    """Delta, gamma, theta per year, vega per unit, rho per unit of the European value, into ``out``."""
    spot, strike, years, rate, dividend_yield, is_call = option
    sign = 1.0 if is_call else -1.0
    fade = math.exp(-dividend_yield * years)
    cash = strike * math.exp(-rate * years)
    deviation = vol * math.sqrt(years)
    d1 = math.log(spot * fade / cash) / deviation + 0.5 * deviation
    share_leg = sign * spot * fade * normal_cdf(sign * d1)
    cash_leg = sign * cash * normal_cdf(sign * (d1 - deviation))
    density = fade * normal_density(d1)
    out[0] = sign * fade * normal_cdf(sign * d1)
    out[1] = density / (spot * deviation)
    out[2] = -0.5 * spot * density * vol / math.sqrt(years) + dividend_yield * share_leg - rate * cash_leg
    out[3] = spot * density * math.sqrt(years)
    out[4] = years * cash_leg
