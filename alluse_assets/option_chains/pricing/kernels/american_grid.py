"""American options by finite differences: cash dividends, and the boundaries of negative rates.

Slower than the boundary's equation by a factor of hundreds, and free in what it can price. The Black-Scholes
equation in the logarithm of the spot on a grid that moves with the forward, so that nothing drifts however
small the volatility; its coefficients keep the share's own value exactly, however wide the steps. Crank and
Nicolson in time with implicit half steps after every jump (Rannacher), early exercise by splitting off what
it adds at each step (Ikonen and Toivanen), which is exact to second order whatever region is exercised. On
an ex-date the spot falls by the dividend, never below a thousandth of itself; the holder may exercise just
before.

Sources: Ikonen and Toivanen, Operator splitting methods for American option pricing, 2004; Rannacher, Finite
element solution of diffusion problems with irregular data, 1984; Haug, Haug and Lewis, Back to basics: a new
approach to the discrete dividend problem, 2003 (why the spot falls, and not an escrowed part of it).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from alluse_assets.option_chains.pricing.kernels.american_block import as_put
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
from alluse_assets.option_chains.pricing.kernels.european import european
from alluse_assets.option_chains.pricing.kernels.options import Floats, Option

GRID_DEVIATION_LIMIT = 25.0
"""Volatility * sqrt(years) up to which the grid's spots are numbers."""

# Half the width of the grid in standard deviations of the spot at expiry, and its steps over that. Where
# dividends make it wider, steps are added up to the most; then they grow.
_REACH = 6.0
_HALF = 200
_MOST_HALF = 1000
_STEPS = 200
_SHORTEST_PERIOD = 16
_SMOOTHING = 4


class Grid(NamedTuple):
    """Spots of today, what exercise pays there at some time, and the coefficients: down, here, up.

    ``strike`` and ``carry`` (rate less yield) give what exercise pays later: spots grow with carry.
    """

    spots: Floats
    payoff: Floats
    middle: int
    step: float
    down: float
    here: float
    up: float
    strike: float
    carry: float
    is_call: bool


@compiled
def grid_value(option: Option, vol: float, times: Floats, amounts: Floats) -> float:
    """American value with cash dividends of ``amounts`` USD at ``times`` years from now, in ascending order.

    Dividends now or earlier, and after expiry, do not count. Volatility and time are above zero.
    """
    grid = grid_of(option, vol, vol, times, amounts)
    value: float = values_now(option, grid, times, amounts)[grid.middle]
    return value


@compiled
def two_boundary_value(option: Option, vol: float) -> float:
    """American value where rate and yield are both below zero, by the put that it is worth as much as."""
    none = np.empty(0)
    spot, strike, years, rate, dividend_yield = as_put(option)
    put = Option(spot, strike, years, rate, dividend_yield, False)
    value: float = max(grid_value(put, vol, none, none), european(option, vol))
    return value


@compiled
def grid_of(option: Option, spacing_vol: float, vol: float, times: Floats, amounts: Floats) -> Grid:
    """The grid for ``vol``, as wide and fine as ``spacing_vol`` needs it."""
    spot, strike, years, rate, dividend_yield, is_call = option
    paid = 0.0
    for k in range(times.size):
        if 0.0 < times[k] <= years:
            paid += amounts[k]
    fall = -math.log(max(1.0 - paid / spot, 1e-3))
    deviation = spacing_vol * math.sqrt(years)
    half_width = _REACH * deviation + 0.5 * deviation * deviation + fall
    # The number of steps is whole, their size is not rounded: a value has no jump in volatility.
    step = max(_REACH * deviation / _HALF, half_width / _MOST_HALF)
    middle = math.ceil(half_width / step)
    spots = np.empty(2 * middle + 1)
    for j in range(spots.size):
        spots[j] = spot * math.exp(step * (j - middle))
    pace = 0.5 * (vol / step) * (vol / step)
    up, down = pace * math.exp(-0.5 * step), pace * math.exp(0.5 * step)
    carry = rate - dividend_yield
    payoff = np.empty(spots.size)
    return Grid(spots, payoff, middle, step, down, -(down + up) - rate, up, strike, carry, is_call)


@compiled
def values_now(option: Option, grid: Grid, times: Floats, amounts: Floats) -> Floats:
    """American values at all of the grid's spots."""
    values = _smoothed_payoff(option, grid)
    scratch = np.empty((4, values.size))
    later = option.years
    k = times.size - 1
    while True:
        while k >= 0 and (times[k] > option.years or amounts[k] == 0.0):
            k -= 1
        earlier = times[k] if k >= 0 and times[k] > 0.0 else 0.0
        if later > earlier:
            share = (later - earlier) / option.years
            steps = max(math.ceil(_STEPS * share), _SHORTEST_PERIOD)
            _roll_back(grid, values, earlier, later, steps, scratch)
        if earlier == 0.0:
            return values
        _fall(grid, values, amounts[k] * math.exp(-grid.carry * earlier), scratch[0])
        later = earlier
        k -= 1


@compiled
def _pay(grid: Grid, years: float) -> None:
    """What exercise pays in ``years`` from now, into the grid."""
    growth = math.exp(grid.carry * years)
    for j in range(grid.spots.size):
        gain = grid.spots[j] * growth - grid.strike
        grid.payoff[j] = max(gain if grid.is_call else -gain, 0.0)


@compiled
def _smoothed_payoff(option: Option, grid: Grid) -> Floats:
    """The payoff at expiry, averaged over the cell that holds the strike: its kink may lie anywhere in it.

    The share's part is scaled so that it averages to what it is at the node: no jump as the strike moves on.
    """
    _pay(grid, option.years)
    values = grid.payoff.copy()
    strike = option.strike * math.exp(-grid.carry * option.years)
    half = math.exp(0.5 * grid.step)
    share = 2.0 * math.sinh(0.5 * grid.step)
    for j in range(values.size):
        low, high = grid.spots[j] / half, grid.spots[j] * half
        if low < strike < high:
            if option.is_call:
                average = (high - strike) / share - strike * math.log(high / strike) / grid.step
            else:
                average = strike * math.log(strike / low) / grid.step - (strike - low) / share
            values[j] = max(values[j], average * option.strike / strike)
    return values


@compiled
def _roll_back(grid: Grid, values: Floats, earlier: float, later: float, steps: int, scratch: Floats) -> None:
    """``values`` from ``later`` to ``earlier``, in ``steps``; the first ones are halved and implicit."""
    scratch[3, :] = 0.0
    _pay(grid, later)
    for j in range(values.size):
        values[j] = max(values[j], grid.payoff[j])
    dt = (later - earlier) / steps
    for k in range(_SMOOTHING):
        _pay(grid, later - 0.5 * dt * (k + 1))
        _step(grid, values, 0.5 * dt, 1.0, scratch)
    done = _SMOOTHING // 2
    for k in range(done, steps):
        _pay(grid, earlier + dt * (steps - 1 - k))
        _step(grid, values, dt, 0.5, scratch)


@compiled
def _step(grid: Grid, values: Floats, dt: float, implicit: float, scratch: Floats) -> None:
    """One step back: the equation with the last step's exercise gain, then exercise where it pays."""
    ratio, right, gain = scratch[0], scratch[1], scratch[3]
    explicit = 1.0 - implicit
    down, here, up = grid.down, grid.here, grid.up
    a, b, c = -implicit * dt * down, 1.0 - implicit * dt * here, -implicit * dt * up
    last = values.size - 1
    # At the ends the option is worth what it was, or exercise: far from anything that matters.
    ratio[0] = 0.0
    right[0] = values[0]
    for j in range(1, last):
        known = values[j] + dt * gain[j]
        if explicit > 0.0:
            known += explicit * dt * (down * values[j - 1] + here * values[j] + up * values[j + 1])
        pivot = 1.0 / (b - a * ratio[j - 1])
        ratio[j] = c * pivot
        right[j] = (known - a * right[j - 1]) * pivot
    right[last] = values[last]
    before = right[last]
    for j in range(last - 1, 0, -1):
        before = right[j] - ratio[j] * before
        held = before - dt * gain[j]
        now = max(held, grid.payoff[j])
        gain[j] = (now - held) / dt
        values[j] = now


@inlined
def _fall(grid: Grid, values: Floats, amount: float, after: Floats) -> None:
    """``values`` before the spot falls by ``amount``, by cubic interpolation."""
    after[:] = values
    first = math.log(grid.spots[0])
    for j in range(values.size):
        spot = max(grid.spots[j] - amount, 1e-3 * grid.spots[j])
        place = (math.log(spot) - first) / grid.step
        k = min(max(math.floor(place), 1), values.size - 3)
        t = max(place, 0.0) - k
        values[j] = (
            -after[k - 1] * t * (t - 1.0) * (t - 2.0) / 6.0
            + after[k] * (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0
            - after[k + 1] * (t + 1.0) * t * (t - 2.0) / 2.0
            + after[k + 2] * (t + 1.0) * t * (t - 1.0) / 6.0
        )
