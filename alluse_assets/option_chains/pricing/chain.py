"""Implied volatility and Greeks of a chain in one pass: each option's discounting is done once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.greeks import Greeks, cut, empty_greeks, shaped
from alluse_assets.option_chains.pricing.implied_volatility import ImpliedVolatility
from alluse_assets.option_chains.pricing.kernels.american_implied_rows import american_implied_rows
from alluse_assets.option_chains.pricing.kernels.american_rows import (
    american_greeks_rows,
    american_rounded_rows,
)
from alluse_assets.option_chains.pricing.kernels.european_rows import european_chain_rows
from alluse_assets.option_chains.pricing.kernels.options import OptionColumns
from alluse_assets.option_chains.pricing.rows import (
    common_shape,
    each_part,
    floats,
    option_columns,
)


def implied_volatility_and_greeks(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    is_american: ArrayLike,
    decimals: int = 12,
    threads: int = 1,
) -> tuple[ImpliedVolatility, Greeks]:
    """What ``implied_volatility`` gives, rounded to ``decimals``, and what ``greeks`` gives for the rounded.

    Greeks are NaN wherever the volatility's status is not ok.
    """
    shape = common_shape(price, spot, strike, years, rate, dividend_yield, is_call, is_american)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, is_american)
    prices = floats(price, shape)
    volatility = np.empty(prices.size)
    status = np.empty(prices.size, dtype=np.int8)
    out = empty_greeks(prices.size)
    places = 10.0**decimals

    def part(columns: OptionColumns, rows: slice) -> None:
        vol, codes, sensitivities = volatility[rows], status[rows], cut(out, rows)
        european_chain_rows(prices[rows], columns, places, vol, codes, sensitivities)
        american_implied_rows(prices[rows], columns, vol, codes)
        american_rounded_rows(columns, places, vol)
        american_greeks_rows(columns, floats(vol, vol.shape), sensitivities)

    each_part(part, columns, threads)
    return ImpliedVolatility(volatility.reshape(shape), status.reshape(shape)), shaped(out, shape)
