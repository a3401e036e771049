"""American value and Greeks: a Leisen-Reimer tree's early exercise premium over the European closed form.

Source: Leisen and Reimer, Binomial models for option valuation: examining and improving convergence, 1996.
"""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.european import european, european_greeks
from alluse_assets.option_chains.pricing.kernels.options import (
    BRANCH_LIMIT,
    DEVIATION_LIMIT,
    PRICE_NOISE,
    RATE_BUMP,
    SPREAD_LIMIT,
    VOLATILITY_BUMP,
    Floats,
    Option,
)


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
def american_greeks(option: Option, vol: float, steps: int, scratch: Floats, out: Floats) -> None:
    """Greeks of the American value in the units of ``european_greeks``, into ``out``.

    The European Greeks plus those of the early exercise premium: delta and gamma from the tree's first
    levels, theta from the Black-Scholes equation (which holds while the option is kept), vega and rho by
    central differences. Where immediate exercise is best the option is the payoff: delta 1, the rest 0.
    """
    spot, strike, years, rate, dividend_yield, is_call = option
    out[0], out[1], out[2], out[3], out[4] = european_greeks(option, vol)
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
