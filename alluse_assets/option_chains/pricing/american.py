"""American options: the value of early exercise along the boundary where it begins, and cash dividends.

``american_value`` takes dividends as a yield and works along the exercise boundary
(``kernels.american_boundary``): within 1e-4 of the spot of the exact value, on average within 2e-6 of it,
from a day to three years and from 1% to 500% of volatility (docs/decisions/american-values.md). Options that
never pay to exercise early are European in closed form (Merton 1973). ``american_value_with_dividends`` takes
amounts and ex-dates and works on a grid (``kernels.american_grid``), hundreds of times slower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.kernels.american_rows import american_value_rows
from alluse_assets.option_chains.pricing.kernels.dividend_rows import dividend_rows
from alluse_assets.option_chains.pricing.kernels.european_rows import european_value_rows
from alluse_assets.option_chains.pricing.kernels.options import Floats, OptionColumns
from alluse_assets.option_chains.pricing.rows import (
    ROWS_ON_THE_GRID,
    cash_dividends,
    common_shape,
    each_part,
    floats,
    option_columns,
)


def american_value(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    threads: int = 1,
) -> Floats:
    """Values in USD per share, of the shape the arguments broadcast to.

    Never below immediate exercise nor below the European value. At zero time it is the payoff. NaN
    where an argument is missing, not finite or negative (spot and strike: not positive), and where
    volatility * sqrt(years) is over 40.
    """
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, True)
    vol = floats(volatility, shape)
    out = np.empty(vol.size)

    def part(columns: OptionColumns, rows: slice) -> None:
        european_value_rows(columns, vol[rows], out[rows])
        american_value_rows(columns, vol[rows], out[rows])

    each_part(part, columns, threads)
    return out.reshape(shape)


def american_value_with_dividends(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    dividend_offsets: ArrayLike,
    dividend_years: ArrayLike,
    dividend_amounts: ArrayLike,
    threads: int = 1,
) -> Floats:
    """Values in USD per share with known cash dividends, of the shape the options broadcast to.

    The spot falls by the amount on the ex-date, and the holder may exercise just before; between ex-dates it
    has the volatility. What is paid now or earlier, or after expiry, does not count. NaN where
    ``american_value`` is NaN, without volatility before expiry, and where volatility * sqrt(years) is over
    25.

    Args:
        dividend_yield: what is paid continuously beside the cash dividends; 0 as a rule.
        dividend_offsets: one more than options, not falling: option i (in C order) has the dividends from
            offset i up to offset i + 1.
        dividend_years: years of 365 days from now to each ex-date, ascending for each option.
        dividend_amounts: USD per share, not negative.

    Raises:
        ValueError: offsets that do not fit, ex-dates out of order, or an amount below zero or missing.
    """
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, True)
    vol = floats(volatility, shape)
    out = np.empty(vol.size)
    paid = cash_dividends(vol.size, dividend_offsets, dividend_years, dividend_amounts)

    def part(columns: OptionColumns, rows: slice) -> None:
        dividend_rows(columns, vol[rows], paid.first(rows), paid.years, paid.amounts, out[rows])

    each_part(part, columns, threads, ROWS_ON_THE_GRID)
    return out.reshape(shape)
