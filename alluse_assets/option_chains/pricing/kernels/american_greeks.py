"""Greeks of the early exercise premium, and with the European ones of the American option.

Delta and gamma differentiate Kim's integral; theta follows from the Black-Scholes equation, which holds while
the option is kept; vega and rho compare premiums at a slightly higher volatility and rate, worked out in
lanes of their own. Where immediate exercise is best the option is the payoff: delta 1, the rest 0. Where the
time value comes in (``american_premium.is_coming_in``) they are those of the option that is kept; no implied
volatility lies there.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_block import (
    LANES,
    RATE,
    YIELD,
    as_put,
    put_in,
)
from alluse_assets.option_chains.pricing.kernels.american_grid import two_boundary_value
from alluse_assets.option_chains.pricing.kernels.american_premium import is_exercised
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.european import european, european_greeks
from alluse_assets.option_chains.pricing.kernels.options import Floats, Option

LANES_AN_OPTION = 3
"""The option, with more volatility, with a higher rate."""

# Small enough for a difference to be a slope to seven digits, large beside the last bits of a premium.
_VOLATILITY_BUMP = 1e-5
_RATE_BUMP = 1e-6
_GRID_BUMP = 1e-3


@compiled
def bumped_in(block: Floats, lane: int, option: Option, vol: float) -> None:
    """``option`` into three lanes from ``lane`` on."""
    put = as_put(option)
    deviation = vol * math.sqrt(option.years)
    put_in(block, lane, put, deviation)
    put_in(block, lane + 1, put, deviation * (1.0 + _VOLATILITY_BUMP))
    put_in(block, lane + 2, put, deviation)
    block[(YIELD if option.is_call else RATE) + lane + 2] += _RATE_BUMP * option.years


@compiled
def greeks_at(
    block: Floats, work: Floats, lane: int, option: Option, vol: float
) -> tuple[float, float, float, float, float]:
    """Delta, gamma, theta per year, vega and rho per unit, from the premium and its slopes in ``work``."""
    spot, _, _, rate, dividend_yield, is_call = option
    put = as_put(option)
    strike = put.strike
    value = european(option, vol) + strike * max(work[lane], 0.0)
    if is_exercised(block, lane) or value <= strike - put.spot:
        return 1.0 if is_call else -1.0, 0.0, 0.0, 0.0, 0.0
    delta, gamma, _, vega, rho = european_greeks(option, vol)
    premium, slope, bend = work[lane], work[LANES + lane], work[2 * LANES + lane]
    delta += premium - slope if is_call else slope * strike / spot
    delta = min(max(delta, -1.0), 1.0)
    gamma = max(gamma + (bend - slope) * strike / (spot * spot), 0.0)
    vega = max(vega + strike * (work[lane + 1] - premium) / (vol * _VOLATILITY_BUMP), 0.0)
    rho += strike * (work[lane + 2] - premium) / _RATE_BUMP
    theta = rate * value - (rate - dividend_yield) * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    return delta, gamma, theta, vega, rho


@compiled
def grid_greeks(option: Option, vol: float) -> tuple[float, float, float, float, float]:
    """The same by central differences of the grid's values, for options with two boundaries."""
    spot, strike, years, rate, dividend_yield, is_call = option
    value = two_boundary_value(option, vol)
    if value <= (spot - strike if is_call else strike - spot):
        return 1.0 if is_call else -1.0, 0.0, 0.0, 0.0, 0.0
    step = 0.5 * vol * math.sqrt(years) * spot * 0.1
    above = two_boundary_value(Option(spot + step, strike, years, rate, dividend_yield, is_call), vol)
    below = two_boundary_value(Option(spot - step, strike, years, rate, dividend_yield, is_call), vol)
    delta = (above - below) / (2.0 * step)
    gamma = (above - 2.0 * value + below) / (step * step)
    up, down = vol * (1.0 + _GRID_BUMP), vol * (1.0 - _GRID_BUMP)
    vega = (two_boundary_value(option, up) - two_boundary_value(option, down)) / (up - down)
    bump = 1e-4
    above = two_boundary_value(Option(spot, strike, years, rate + bump, dividend_yield, is_call), vol)
    below = two_boundary_value(Option(spot, strike, years, rate - bump, dividend_yield, is_call), vol)
    rho = (above - below) / (2.0 * bump)
    theta = rate * value - (rate - dividend_yield) * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    return delta, gamma, theta, vega, rho
