"""Greeks in a trader's units: per calendar day and per point.

European Greeks are closed forms (Haug, chapter 2); American ones add those of the early exercise premium
(see ``kernels.american_greeks``). With cash dividends all come from a grid (``kernels.dividend_greeks``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.kernels.american_rows import american_greeks_rows
from alluse_assets.option_chains.pricing.kernels.dividend_rows import dividend_greeks_rows
from alluse_assets.option_chains.pricing.kernels.european_rows import european_greeks_rows
from alluse_assets.option_chains.pricing.kernels.options import Floats, GreekColumns, OptionColumns
from alluse_assets.option_chains.pricing.rows import (
    ROWS_ON_THE_GRID,
    cash_dividends,
    common_shape,
    each_part,
    floats,
    option_columns,
)


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities of one long option on one share.

    ``delta`` per USD of spot, ``gamma`` delta per USD of spot, ``theta_per_day`` USD per calendar day
    that passes, ``vega_per_point`` and ``rho_per_point`` USD per 0.01 of volatility and of the rate.
    """

    delta: Floats
    gamma: Floats
    theta_per_day: Floats
    vega_per_point: Floats
    rho_per_point: Floats


def greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    is_american: ArrayLike,
    threads: int = 1,
) -> Greeks:
    """Greeks of the shape the arguments broadcast to; NaN without time, volatility or valid arguments."""
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call, is_american)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, is_american)
    vol = floats(volatility, shape)
    out = empty_greeks(vol.size)

    def part(columns: OptionColumns, rows: slice) -> None:
        european_greeks_rows(columns, vol[rows], cut(out, rows))
        american_greeks_rows(columns, vol[rows], cut(out, rows))

    each_part(part, columns, threads)
    return shaped(out, shape)


def greeks_with_dividends(
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
) -> Greeks:
    """Greeks of ``american.american_value_with_dividends``; dividends as there, NaN where ``greeks`` are NaN.

    ``theta_per_day`` is the pace until the next ex-date: what the ex-date itself takes or gives is not in it.

    Raises:
        ValueError: offsets that do not fit, ex-dates out of order, or an amount below zero or missing.
    """
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, True)
    vol = floats(volatility, shape)
    out = empty_greeks(vol.size)
    paid = cash_dividends(vol.size, dividend_offsets, dividend_years, dividend_amounts)

    def part(columns: OptionColumns, rows: slice) -> None:
        dividend_greeks_rows(columns, vol[rows], paid.first(rows), paid.years, paid.amounts, cut(out, rows))

    each_part(part, columns, threads, ROWS_ON_THE_GRID)
    return shaped(out, shape)


def empty_greeks(count: int) -> GreekColumns:
    """Columns for the kernels to write to."""
    return GreekColumns(*(np.empty(count) for _ in GreekColumns._fields))


def cut(columns: GreekColumns, rows: slice) -> GreekColumns:
    """Those rows of all columns."""
    return GreekColumns(*(column[rows] for column in columns))


def shaped(columns: GreekColumns, shape: tuple[int, ...]) -> Greeks:
    """What the kernels wrote, of the shape that was asked for."""
    return Greeks(*(column.reshape(shape) for column in columns))
