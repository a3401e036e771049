"""Implied volatility: the volatility at which the model's value is the price, or why there is none.

Nothing is guessed: a price without a volatility gives NaN and a status, never an exception and never
a number that the price does not support. Methods: see ``kernels.european_root`` and
``kernels.american_search``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.kernels.american_implied_rows import american_implied_rows
from alluse_assets.option_chains.pricing.kernels.european_rows import european_implied_rows
from alluse_assets.option_chains.pricing.kernels.options import Codes, Floats, OptionColumns
from alluse_assets.option_chains.pricing.rows import (
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
