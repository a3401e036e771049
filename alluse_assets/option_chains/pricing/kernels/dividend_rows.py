"""The loops over columns for American options with cash dividends."""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_block import Rows
from alluse_assets.option_chains.pricing.kernels.american_grid import GRID_DEVIATION_LIMIT, grid_value
from alluse_assets.option_chains.pricing.kernels.american_limits import riskless_american
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.dividend_greeks import dividend_greeks
from alluse_assets.option_chains.pricing.kernels.dividend_search import dividend_implied
from alluse_assets.option_chains.pricing.kernels.options import (
    DAYS_A_YEAR,
    DEVIATION_LOW,
    POINTS,
    Codes,
    Floats,
    GreekColumns,
    Option,
    OptionColumns,
    is_priceable,
    option_at,
)


@compiled
def dividend_rows(
    columns: OptionColumns, vol: Floats, first: Rows, times: Floats, amounts: Floats, out: Floats
) -> None:
    """Values with cash dividends; row i's are those from ``first[i]`` to ``first[i + 1]``."""
    for i in range(out.size):
        option = option_at(columns, i)
        start, stop = first[i], first[i + 1]
        if _is_for_grid(option, vol[i]):
            out[i] = grid_value(option, vol[i], times[start:stop], amounts[start:stop])
        elif is_priceable(option, vol[i]) and option.years == 0.0:
            out[i] = riskless_american(option)
        else:
            out[i] = math.nan


@compiled
def dividend_implied_rows(
    price: Floats,
    columns: OptionColumns,
    first: Rows,
    times: Floats,
    amounts: Floats,
    out: Floats,
    status: Codes,
) -> None:
    """Implied volatilities with cash dividends; NaN wherever ``status`` is not OK."""
    for i in range(out.size):
        start, stop = first[i], first[i + 1]
        option = option_at(columns, i)
        out[i], status[i] = dividend_implied(price[i], option, times[start:stop], amounts[start:stop])


@compiled
def dividend_greeks_rows(
    columns: OptionColumns, vol: Floats, first: Rows, times: Floats, amounts: Floats, out: GreekColumns
) -> None:
    """Greeks with cash dividends; NaN where time, volatility or value is missing."""
    for i in range(vol.size):
        start, stop = first[i], first[i + 1]
        option = option_at(columns, i)
        delta = gamma = theta = vega = rho = math.nan
        if _is_for_grid(option, vol[i]):
            delta, gamma, theta, vega, rho = dividend_greeks(
                option, vol[i], times[start:stop], amounts[start:stop]
            )
        out.delta[i] = delta
        out.gamma[i] = gamma
        out.theta_per_day[i] = theta / DAYS_A_YEAR
        out.vega_per_point[i] = vega / POINTS
        out.rho_per_point[i] = rho / POINTS


@compiled
def _is_for_grid(option: Option, vol: float) -> bool:
    deviation = vol * math.sqrt(option.years)
    return is_priceable(option, vol) and DEVIATION_LOW <= deviation <= GRID_DEVIATION_LIMIT
