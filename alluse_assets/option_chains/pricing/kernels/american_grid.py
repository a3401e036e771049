"""American options by finite differences: cash dividends, and the boundaries of negative rates.

Slower than the boundary's equation by a factor of hundreds, and free in what it can price. The Black-Scholes
equation in the logarithm of the spot, Crank and Nicolson in time with implicit half steps after every jump
(Rannacher), early exercise by splitting off what it adds at each step (Ikonen and Toivanen), which is exact
to second order whatever region is exercised. On an ex-date the spot falls by the dividend, never below a
thousandth of itself; the holder may exercise just before.

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

_HALF = 200
_SIZE = 2 * _HALF + 1
_STEPS = 200
_SHORTEST_PERIOD = 16
_SMOOTHING = 4
# Half the width of the grid in standard deviations of the spot at expiry.
_REACH = 6.0


class _Grid(NamedTuple):
    """Spots, what exercise pays there, and the coefficients of the equation: down, here, up."""

    spots: Floats
    payoff: Floats
    step: float
    down: float
    here: float
    up: float


@compiled
def grid_value(option: Option, vol: float, times: Floats, amounts: Floats) -> float:
    """American value with cash dividends of ``amounts`` USD at ``times`` years from now, in ascending order.

    Dividends now or earlier, and after expiry, do not count. Volatility and time are above zero.
    """
    grid = _grid(option, vol, times, amounts)
    values = _smoothed_payoff(option, grid)
    scratch = np.empty((4, _SIZE))
    later = option.years
    k = times.size - 1
    while True:
        while k >= 0 and (times[k] > option.years or amounts[k] == 0.0):
            k -= 1
        earlier = times[k] if k >= 0 and times[k] > 0.0 else 0.0
        if later > earlier:
            share = (later - earlier) / option.years
            steps = max(math.ceil(_STEPS * share), _SHORTEST_PERIOD)
            _roll_back(grid, values, later - earlier, steps, scratch)
        if earlier == 0.0:
            value: float = values[_HALF]
            return value
        _fall(grid, values, amounts[k], scratch[0])
        later = earlier
        k -= 1


@compiled
def two_boundary_value(option: Option, vol: float) -> float:
    """American value where rate and yield are both below zero, by the put that it is worth as much as."""
    none = np.empty(0)
    spot, strike, years, rate, dividend_yield = as_put(option)
    put = Option(spot, strike, years, rate, dividend_yield, False)
    value: float = max(grid_value(put, vol, none, none), european(option, vol))
    return value


@compiled
def _grid(option: Option, vol: float, times: Floats, amounts: Floats) -> _Grid:
    spot, strike, years, rate, dividend_yield, is_call = option
    carry = rate - dividend_yield
    paid = 0.0
    for k in range(times.size):
        if 0.0 < times[k] <= years:
            paid += amounts[k]
    fall = -math.log(max(1.0 - paid / spot, 1e-3))
    half_width = _REACH * vol * math.sqrt(years) + abs(carry - 0.5 * vol * vol) * years + fall
    step = half_width / _HALF
    spots = np.empty(_SIZE)
    payoff = np.empty(_SIZE)
    for j in range(_SIZE):
        spots[j] = spot * math.exp(step * (j - _HALF))
        payoff[j] = max(spots[j] - strike if is_call else strike - spots[j], 0.0)
    variance = vol * vol
    diffusion = 0.5 * variance / (step * step)
    drift = 0.5 * (carry - 0.5 * variance) / step
    return _Grid(spots, payoff, step, diffusion - drift, -2.0 * diffusion - rate, diffusion + drift)


@compiled
def _smoothed_payoff(option: Option, grid: _Grid) -> Floats:
    """The payoff, averaged over the cell that holds the strike: its kink may lie anywhere in it."""
    values = grid.payoff.copy()
    half = math.exp(0.5 * grid.step)
    for j in range(_SIZE):
        low, high, strike = grid.spots[j] / half, grid.spots[j] * half, option.strike
        if low < strike < high:
            if option.is_call:
                values[j] = (high - strike - strike * math.log(high / strike)) / grid.step
            else:
                values[j] = (strike * math.log(strike / low) - (strike - low)) / grid.step
    return values


@compiled
def _roll_back(grid: _Grid, values: Floats, years: float, steps: int, scratch: Floats) -> None:
    """``values`` by ``years`` earlier, in ``steps``; the first ones are halved and implicit."""
    scratch[3, :] = 0.0
    for j in range(_SIZE):
        values[j] = max(values[j], grid.payoff[j])
    dt = years / steps
    for _ in range(_SMOOTHING):
        _step(grid, values, 0.5 * dt, 1.0, scratch)
    for _ in range(steps - _SMOOTHING // 2):
        _step(grid, values, dt, 0.5, scratch)


@compiled
def _step(grid: _Grid, values: Floats, dt: float, implicit: float, scratch: Floats) -> None:
    """One step back: the equation with the last step's exercise gain, then exercise where it pays."""
    ratio, right, gain = scratch[0], scratch[1], scratch[3]
    explicit = 1.0 - implicit
    down, here, up = grid.down, grid.here, grid.up
    a, b, c = -implicit * dt * down, 1.0 - implicit * dt * here, -implicit * dt * up
    last = _SIZE - 1
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
def _fall(grid: _Grid, values: Floats, amount: float, after: Floats) -> None:
    """``values`` before the spot falls by ``amount``, by cubic interpolation."""
    after[:] = values
    first = math.log(grid.spots[0])
    for j in range(_SIZE):
        spot = max(grid.spots[j] - amount, 1e-3 * grid.spots[j])
        place = (math.log(spot) - first) / grid.step
        k = min(max(math.floor(place), 1), _SIZE - 3)
        t = max(place, 0.0) - k
        values[j] = (
            -after[k - 1] * t * (t - 1.0) * (t - 2.0) / 6.0
            + after[k] * (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0
            - after[k + 1] * (t + 1.0) * t * (t - 2.0) / 2.0
            + after[k + 2] * (t + 1.0) * t * (t - 1.0) / 6.0
        )
