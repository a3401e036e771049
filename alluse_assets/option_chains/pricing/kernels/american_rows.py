"""The loops over columns for American options; rows of another exercise style are left as they are."""

from __future__ import annotations

import math

import numpy as np

from alluse_assets.option_chains.pricing.kernels.american import american, american_greeks
from alluse_assets.option_chains.pricing.kernels.american_root import american_implied
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.options import (
    DAYS_A_YEAR,
    OK,
    POINTS,
    Codes,
    Floats,
    GreekColumns,
    OptionColumns,
    is_priceable,
    judged,
    option_at,
)


@compiled
def american_value_rows(columns: OptionColumns, vol: Floats, steps: int, out: Floats) -> None:
    """Values; NaN where none exists."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.size):
        if columns.is_american[i]:
            option = option_at(columns, i)
            possible = is_priceable(option, vol[i])
            out[i] = american(option, vol[i], steps, scratch) if possible else math.nan


@compiled
def american_implied_rows(
    price: Floats, columns: OptionColumns, steps: int, out: Floats, status: Codes
) -> None:
    """Implied volatilities; NaN wherever ``status`` is not OK."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.size):
        if columns.is_american[i]:
            option = option_at(columns, i)
            vol, code = math.nan, judged(price[i], option)
            if code == OK:
                vol, code = american_implied(price[i], option, steps, scratch)
            out[i] = vol
            status[i] = code


@compiled
def american_greeks_rows(columns: OptionColumns, vol: Floats, steps: int, out: GreekColumns) -> None:
    """Greeks; NaN where time, volatility or value is missing."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    row = np.empty(5)
    for i in range(vol.size):
        if columns.is_american[i]:
            option = option_at(columns, i)
            row[:] = math.nan
            if is_priceable(option, vol[i]) and option.years > 0.0 and vol[i] > 0.0:
                american_greeks(option, vol[i], steps, scratch, row)
            out.delta[i] = row[0]
            out.gamma[i] = row[1]
            out.theta_per_day[i] = row[2] / DAYS_A_YEAR
            out.vega_per_point[i] = row[3] / POINTS
            out.rho_per_point[i] = row[4] / POINTS


@compiled
def american_chain_rows(
    price: Floats,
    columns: OptionColumns,
    steps: int,
    places: float,
    out: Floats,
    status: Codes,
    greeks: GreekColumns,
) -> None:
    """Implied volatilities, rounded to 1 / ``places``, and the Greeks at the rounded ones."""
    american_implied_rows(price, columns, steps, out, status)
    for i in range(out.size):
        if columns.is_american[i]:
            out[i] = np.rint(out[i] * places) / places
    american_greeks_rows(columns, out, steps, greeks)
