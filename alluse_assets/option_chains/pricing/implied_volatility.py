"""Implied volatility: the volatility at which the model's value is the price, or why there is none.

Nothing is guessed: a price without a volatility gives NaN and a status, never an exception and never
a number that the price does not support. Methods: see ``kernels.european_root``,
``kernels.american_search`` and ``kernels.dividend_search``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.kernels.american_implied_rows import american_implied_rows
from alluse_assets.option_chains.pricing.kernels.dividend_rows import dividend_implied_rows
from alluse_assets.option_chains.pricing.kernels.european_rows import european_implied_rows
from alluse_assets.option_chains.pricing.kernels.options import Codes, Floats, OptionColumns
from alluse_assets.option_chains.pricing.rows import (
    ROWS_ON_THE_GRID,
    cash_dividends,
    common_shape,
    each_part,
    floats,
    option_columns,
)
from alluse_assets.option_chains.tables import IV_STATUSES

STATUS_NAMES = IV_STATUSES
"""What the status codes 0 to 7 say.

- ``no_quote``: the price is NaN.
- ``zero_time``: nothing is left for a volatility to act in.
- ``below_intrinsic``: cheaper than exercising (or than the discounted forward payoff).
- ``above_bound``: dearer than at 1000% volatility.
- ``no_vega``: the time value is rounding noise or under that of 0.01% volatility, or the value moves by
  less than a 100,000th of the spot per unit of volatility: any number would be noise.
- ``bad_input``: spot or strike not positive, or something not finite.
- ``not_converged``: no root found in 100 steps.
"""


@dataclass(frozen=True, slots=True)
class ImpliedVolatility:
    """``volatility`` per year, NaN wherever ``status`` (a code of ``STATUS_NAMES``) is not 0."""

    volatility: Floats
    status: Codes


def implied_volatility(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    is_american: ArrayLike,
    threads: int = 1,
) -> ImpliedVolatility:
    """Volatilities of ``price`` (USD per share), of the shape the arguments broadcast to.

    Between 0.0001 and 10 where the status is ok. Negative ``years`` count as bad input.
    """
    shape = common_shape(price, spot, strike, years, rate, dividend_yield, is_call, is_american)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, is_american)
    prices = floats(price, shape)
    out = np.empty(prices.size)
    status = np.empty(prices.size, dtype=np.int8)

    def part(columns: OptionColumns, rows: slice) -> None:
        european_implied_rows(prices[rows], columns, out[rows], status[rows])
        american_implied_rows(prices[rows], columns, out[rows], status[rows])

    each_part(part, columns, threads)
    return ImpliedVolatility(out.reshape(shape), status.reshape(shape))


def implied_volatility_with_dividends(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    dividend_offsets: ArrayLike,
    dividend_years: ArrayLike,
    dividend_amounts: ArrayLike,
    threads: int = 1,
) -> ImpliedVolatility:
    """Volatilities at which ``american.american_value_with_dividends`` is ``price``; dividends as there.

    ``below_intrinsic`` is cheaper than exercise now; what exercise before an ex-date pays without any
    volatility is ``no_vega``. Above 1000%, or volatility * sqrt(years) of 25, is ``above_bound``.

    Raises:
        ValueError: offsets that do not fit, ex-dates out of order, or an amount below zero or missing.
    """
    shape = common_shape(price, spot, strike, years, rate, dividend_yield, is_call)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, True)
    prices = floats(price, shape)
    out = np.empty(prices.size)
    status = np.empty(prices.size, dtype=np.int8)
    paid = cash_dividends(prices.size, dividend_offsets, dividend_years, dividend_amounts)

    def part(columns: OptionColumns, rows: slice) -> None:
        first = paid.first(rows)
        dividend_implied_rows(prices[rows], columns, first, paid.years, paid.amounts, out[rows], status[rows])

    each_part(part, columns, threads, ROWS_ON_THE_GRID)
    return ImpliedVolatility(out.reshape(shape), status.reshape(shape))
