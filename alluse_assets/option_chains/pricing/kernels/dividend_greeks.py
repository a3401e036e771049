"""Greeks of American options with cash dividends, from the grid that gives the value.

Delta and gamma are those of the parabola through the values at today's spot and its neighbours; theta follows
from the Black-Scholes equation, which holds while the option is kept and until the next ex-date; vega and rho
compare values on one grid at slightly different volatilities and rates. Where immediate exercise is best the
option is the payoff: delta 1, the rest 0.
"""

from __future__ import annotations

from alluse_assets.option_chains.pricing.kernels.american_grid import grid_of, values_now
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.options import Floats, Option

# Relative to the volatility, and absolute. Exercise begins at one of the grid's spots or the next: smaller
# differences would be of that.
_VOLATILITY_BUMP = 1e-2
_RATE_BUMP = 1e-3


@compiled
def dividend_greeks(
    option: Option, vol: float, times: Floats, amounts: Floats
) -> tuple[float, float, float, float, float]:
    """Delta, gamma, theta per year, vega and rho per unit."""
    spot, strike, years, rate, dividend_yield, is_call = option
    grid = grid_of(option, vol, vol, times, amounts)
    values = values_now(option, grid, times, amounts)
    here = grid.middle
    value, below, above = values[here], values[here - 1], values[here + 1]
    if value <= (spot - strike if is_call else strike - spot):
        return 1.0 if is_call else -1.0, 0.0, 0.0, 0.0, 0.0
    lower, upper = spot - grid.spots[here - 1], grid.spots[here + 1] - spot
    fall, rise = (value - below) / lower, (above - value) / upper
    delta = (fall * upper + rise * lower) / (upper + lower)
    delta = min(max(delta, 0.0), 1.0) if is_call else max(min(delta, 0.0), -1.0)
    gamma = max(2.0 * (rise - fall) / (upper + lower), 0.0)
    theta = rate * value - (rate - dividend_yield) * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    bump = vol * _VOLATILITY_BUMP
    dearer = _value(option, vol, vol + bump, times, amounts)
    cheaper = _value(option, vol, vol - bump, times, amounts)
    vega = max((dearer - cheaper) / (2.0 * bump), 0.0)
    higher = Option(spot, strike, years, rate + _RATE_BUMP, dividend_yield, is_call)
    lesser = Option(spot, strike, years, rate - _RATE_BUMP, dividend_yield, is_call)
    rho = _value(higher, vol, vol, times, amounts) - _value(lesser, vol, vol, times, amounts)
    return delta, gamma, theta, vega, rho / (2.0 * _RATE_BUMP)


@compiled
def _value(option: Option, spacing_vol: float, vol: float, times: Floats, amounts: Floats) -> float:
    grid = grid_of(option, spacing_vol, vol, times, amounts)
    value: float = values_now(option, grid, times, amounts)[grid.middle]
    return value
