"""The compiled loops of pricing: everything Numba turns into machine code, and nothing else.

One file on purpose: Numba's cache on disk watches only the file of the function it compiled, so a
kernel that called another file's kernel would go on running the old code after an edit there.

No fastmath and no reductions across rows: a row's result depends on that row alone. Kernels take
checked arguments; what is missing, impossible or without a root is judged in ``value_rows``,
``implied_volatility_rows`` and ``greeks_rows`` and answered with NaN (and a status), never raised.

Sources: Haug, The Complete Guide to Option Pricing Formulas, 2nd ed. (values and Greeks); Leisen and
Reimer, Binomial models for option valuation: examining and improving convergence, 1996 (the tree).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Division by zero gives infinity or NaN as in NumPy, instead of an exception out of a million rows.
compiled = njit(cache=True, nogil=True, error_model="numpy")

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Option(NamedTuple):
    """One contract in its market: spot and strike in USD, years to expiry, rate and yield per year."""

    spot: float
    strike: float
    years: float
    rate: float
    dividend_yield: float
    is_call: bool


class OptionColumns(NamedTuple):
    """Options as columns of one length."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    dividend_yield: Floats
    is_call: Flags
    is_american: Flags


OK, NO_QUOTE, ZERO_TIME, BELOW_INTRINSIC, ABOVE_BOUND, NO_VEGA, BAD_INPUT, NOT_CONVERGED = range(8)

VOLATILITY_LOW = 1e-4
VOLATILITY_HIGH = 10.0
# Relative to the spot: below the first, a time value is rounding noise; below the second (per unit of
# volatility), a cent of quote is a hundred points of volatility and more, so a root would say nothing.
PRICE_NOISE = 1e-9
VEGA_FLOOR = 1e-5
# A Peizer-Pratt exponent beyond this leaves the tree without two branches.
BRANCH_LIMIT = 600.0
# Beyond these the tree's outer nodes overflow: the deviation (volatility * sqrt(years)), and it times
# sqrt(steps), which is about the logarithm of the outermost node over the spot.
DEVIATION_LIMIT = 40.0
SPREAD_LIMIT = 600.0
# Bumps of the early exercise premium: wide enough to pass over the tree's kinks.
VOLATILITY_BUMP = 0.01
RATE_BUMP = 0.002


@compiled
def normal_cdf(x: float) -> float:
    """Standard normal distribution function, accurate in both tails."""
    return 0.5 * math.erfc(-x * 0.7071067811865476)


@compiled
def normal_density(x: float) -> float:
    """Standard normal density."""
    return 0.3989422804014327 * math.exp(-0.5 * x * x)


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
def is_never_exercised_early(option: Option) -> bool:
    """Whether waiting always pays, so that the American value is the European one (Merton 1973)."""
    if option.is_call:
        return option.dividend_yield <= 0.0 and option.rate >= 0.0
    return option.rate <= 0.0 and option.dividend_yield >= 0.0


@compiled
def riskless_american(option: Option) -> float:
    """American value without volatility: the best discounted payoff along the forward."""
    spot, strike, years, rate, dividend_yield, is_call = option
    sign = 1.0 if is_call else -1.0
    best = max(sign * (spot - strike), 0.0)
    at_expiry = sign * (spot * math.exp(-dividend_yield * years) - strike * math.exp(-rate * years))
    best = max(best, at_expiry)
    if rate != dividend_yield and rate * dividend_yield > 0.0:
        moment = math.log(rate * strike / (dividend_yield * spot)) / (rate - dividend_yield)
        if 0.0 < moment < years:
            payoff = sign * (spot * math.exp(-dividend_yield * moment) - strike * math.exp(-rate * moment))
            best = max(best, payoff)
    return best


@compiled
def early_exercise_premium(
    option: Option,
    vol: float,
    steps: int,
    american: Floats,
    european_values: Floats,
    nodes: Floats,
    premium: Floats,
) -> None:
    """American less European value on one Leisen-Reimer tree, and its slope and curvature by the spot.

    The two roll back on the same nodes, so their discretisation errors cancel. Writes into ``premium``:
    the premium, its first and second derivative by the spot, and 1 where immediate exercise is best
    (else 0). ``american``, ``european_values`` and ``nodes`` are scratch of ``steps`` + 1.
    """
    spot, strike, years, rate, dividend_yield, is_call = option
    sign = 1.0 if is_call else -1.0
    intrinsic = sign * (spot - strike)
    deviation = vol * math.sqrt(years)
    closed = european(option, vol)
    if deviation > DEVIATION_LIMIT or deviation * math.sqrt(steps) > SPREAD_LIMIT:
        premium[:] = math.nan
        return
    branches = deviation > 0.0
    d1 = 0.0
    d2 = 0.0
    width = (steps + 1.0 / 3.0 + 0.1 / (steps + 1)) ** 2 / (steps + 1.0 / 6.0)
    if branches:
        d1 = (math.log(spot / strike) + (rate - dividend_yield) * years) / deviation + 0.5 * deviation
        d2 = d1 - deviation
        branches = max(d1 * d1, d2 * d2) / width < BRANCH_LIMIT
    if not branches:
        best = riskless_american(option)
        premium[0] = max(best - closed, 0.0)
        premium[1] = 0.0
        premium[2] = 0.0
        premium[3] = 1.0 if intrinsic > 0.0 and best <= intrinsic + PRICE_NOISE * spot else 0.0
        return
    # Peizer-Pratt inversion; the small probability of each pair is made directly, not as 1 - large.
    tail = math.exp(-d2 * d2 / width)
    small = 0.25 * tail / (0.5 + 0.5 * math.sqrt(1.0 - tail))
    up, down = (1.0 - small, small) if d2 > 0.0 else (small, 1.0 - small)
    tail = math.exp(-d1 * d1 / width)
    small = 0.25 * tail / (0.5 + 0.5 * math.sqrt(1.0 - tail))
    share_up, share_down = (1.0 - small, small) if d1 > 0.0 else (small, 1.0 - small)
    dt = years / steps
    growth = math.exp((rate - dividend_yield) * dt)
    discount = math.exp(-rate * dt)
    rise = growth * share_up / up
    fall = growth * share_down / down
    weight_up = discount * up
    weight_down = discount * down
    ratio = rise / fall
    unfall = 1.0 / fall
    node = spot * fall**steps
    for j in range(steps + 1):
        nodes[j] = node
        value = max(sign * (node - strike), 0.0)
        american[j] = value
        european_values[j] = value
        node *= ratio
    upper = middle = lower = 0.0
    slope_up = slope_down = 0.0
    for level in range(steps - 1, -1, -1):
        for j in range(level + 1):
            node = nodes[j] * unfall
            nodes[j] = node
            now = sign * (node - strike)
            hold = weight_up * american[j + 1] + weight_down * american[j]
            american[j] = now if now > hold else hold
            european_values[j] = weight_up * european_values[j + 1] + weight_down * european_values[j]
        if level == 2:
            lower = american[0] - european_values[0]
            middle = american[1] - european_values[1]
            upper = american[2] - european_values[2]
        elif level == 1:
            slope_down = american[0] - european_values[0]
            slope_up = american[1] - european_values[1]
    premium[0] = american[0] - european_values[0]
    premium[1] = (slope_up - slope_down) / (spot * (rise - fall))
    top = (upper - middle) / (spot * rise * (rise - fall))
    bottom = (middle - lower) / (spot * fall * (rise - fall))
    premium[2] = (top - bottom) / (0.5 * spot * (rise * rise - fall * fall))
    premium[3] = 1.0 if intrinsic > 0.0 and american[0] <= intrinsic + PRICE_NOISE * spot else 0.0


@compiled
def american(option: Option, vol: float, steps: int, scratch: Floats) -> float:
    """American value: European closed form plus the tree's early exercise premium, never below exercise."""
    closed = european(option, vol)
    if option.years <= 0.0 or is_never_exercised_early(option):
        return closed
    intrinsic = option.spot - option.strike if option.is_call else option.strike - option.spot
    premium = scratch[3]
    early_exercise_premium(option, vol, steps, scratch[0], scratch[1], scratch[2], premium)
    if premium[3] == 1.0:
        return intrinsic
    value: float = max(closed + premium[0], intrinsic)
    return value


@compiled
def is_priceable(option: Option, vol: float) -> bool:
    """Whether a value exists: finite arguments, positive spot and strike, no negative time or volatility."""
    spot, strike, years, rate, dividend_yield, _ = option
    if not (spot > 0.0 and strike > 0.0 and years >= 0.0 and vol >= 0.0):
        return False
    return math.isfinite(spot + strike + years + rate + dividend_yield + vol)


@compiled
def option_at(columns: OptionColumns, i: int) -> Option:
    """Row ``i`` as an option."""
    return Option(
        columns.spot[i],
        columns.strike[i],
        columns.years[i],
        columns.rate[i],
        columns.dividend_yield[i],
        columns.is_call[i],
    )


@compiled
def value_rows(columns: OptionColumns, vol: Floats, steps: int, out: Floats) -> None:
    """Values row by row; NaN where no value exists."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.size):
        option = option_at(columns, i)
        if not is_priceable(option, vol[i]):
            out[i] = math.nan
        elif columns.is_american[i]:
            out[i] = american(option, vol[i], steps, scratch)
        else:
            out[i] = european(option, vol[i])


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


@compiled
def implied_volatility_rows(
    price: Floats, columns: OptionColumns, steps: int, out: Floats, status: NDArray[np.int8]
) -> None:
    """Implied volatilities row by row; NaN wherever ``status`` is not OK."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.size):
        option = option_at(columns, i)
        vol = math.nan
        if math.isnan(price[i]):
            code = NO_QUOTE
        elif not is_priceable(option, 0.0) or not math.isfinite(price[i]):
            code = BAD_INPUT
        elif option.years == 0.0:
            code = ZERO_TIME
        elif columns.is_american[i]:
            vol, code = american_implied(price[i], option, steps, scratch)
        else:
            vol, code = european_implied(price[i], option)
        out[i] = vol
        status[i] = code


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


@compiled
def american_greeks(option: Option, vol: float, steps: int, scratch: Floats, out: Floats) -> None:
    """Greeks of the American value in the units of ``european_greeks``, into ``out``.

    The European Greeks plus those of the early exercise premium: delta and gamma from the tree's first
    levels, theta from the Black-Scholes equation (which holds while the option is kept), vega and rho by
    central differences. Where immediate exercise is best the option is the payoff: delta 1, the rest 0.
    """
    spot, strike, years, rate, dividend_yield, is_call = option
    european_greeks(option, vol, out)
    if is_never_exercised_early(option):
        return
    sign = 1.0 if is_call else -1.0
    a, b, c, premium = scratch[0], scratch[1], scratch[2], scratch[3]
    early_exercise_premium(option, vol, steps, a, b, c, premium)
    if premium[3] == 1.0:
        out[0] = sign
        out[1:] = 0.0
        return
    value = european(option, vol) + premium[0]
    out[0] = min(max(out[0] + premium[1], -1.0), 1.0)
    out[1] = max(out[1] + premium[2], 0.0)
    drift = (rate - dividend_yield) * spot * out[0]
    out[2] = rate * value - drift - 0.5 * vol * vol * spot * spot * out[1]
    bump = min(VOLATILITY_BUMP, 0.5 * vol)
    early_exercise_premium(option, vol + bump, steps, a, b, c, premium)
    above = premium[0]
    early_exercise_premium(option, vol - bump, steps, a, b, c, premium)
    out[3] = max(out[3] + (above - premium[0]) / (2.0 * bump), 0.0)
    early_exercise_premium(
        Option(spot, strike, years, rate + RATE_BUMP, dividend_yield, is_call), vol, steps, a, b, c, premium
    )
    above = premium[0]
    early_exercise_premium(
        Option(spot, strike, years, rate - RATE_BUMP, dividend_yield, is_call), vol, steps, a, b, c, premium
    )
    out[4] += (above - premium[0]) / (2.0 * RATE_BUMP)


@compiled
def greeks_rows(columns: OptionColumns, vol: Floats, steps: int, out: Floats) -> None:
    """Greeks row by row into the (rows, 5) array ``out``; NaN where time, volatility or value is missing."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.shape[0]):
        option = option_at(columns, i)
        if not is_priceable(option, vol[i]) or option.years == 0.0 or vol[i] == 0.0:
            out[i, :] = math.nan
        elif columns.is_american[i]:
            american_greeks(option, vol[i], steps, scratch, out[i])
        else:
            european_greeks(option, vol[i], out[i])
