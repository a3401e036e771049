"""The loops over columns for European options; rows of another exercise style are left as they are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels import european_blocks as blocks
from alluse_assets.option_chains.pricing.kernels.compilation import compiled, inlined
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
def european_value_rows(columns: OptionColumns, vol: Floats, out: Floats) -> None:
    """Values; NaN where none exists."""
    block = np.zeros(blocks.SIZE)
    rows = np.empty(blocks.BLOCK, np.int64)
    for start in range(0, out.size, blocks.BLOCK):
        count = 0
        for i in range(start, min(start + blocks.BLOCK, out.size)):
            if not columns.is_american[i]:
                option = option_at(columns, i)
                out[i] = math.nan
                if is_priceable(option, vol[i]):
                    blocks.put(block, count, option)
                    block[blocks.VOLATILITY + count] = vol[i]
                    rows[count] = i
                    count += 1
        blocks.discount(block, count)
        blocks.value(block, count)
        for k in range(count):
            out[rows[k]] = block[blocks.VALUE + k]


@compiled
def european_implied_rows(price: Floats, columns: OptionColumns, out: Floats, status: Codes) -> None:
    """Implied volatilities; NaN wherever ``status`` is not OK."""
    block = np.zeros(blocks.SIZE)
    rows = np.empty(blocks.BLOCK, np.int64)
    for start in range(0, out.size, blocks.BLOCK):
        stop = min(start + blocks.BLOCK, out.size)
        count = _gather_quotes(price, columns, start, stop, block, rows, out, status)
        blocks.discount(block, count)
        blocks.invert(block, count)
        for k in range(count):
            out[rows[k]] = block[blocks.VOLATILITY + k]
            status[rows[k]] = int(block[blocks.STATUS + k])


@compiled
def european_greeks_rows(columns: OptionColumns, vol: Floats, out: GreekColumns) -> None:
    """Greeks; NaN where time, volatility or value is missing."""
    block = np.zeros(blocks.SIZE)
    rows = np.empty(blocks.BLOCK, np.int64)
    for start in range(0, vol.size, blocks.BLOCK):
        count = 0
        for i in range(start, min(start + blocks.BLOCK, vol.size)):
            if not columns.is_american[i]:
                option = option_at(columns, i)
                _no_greeks(out, i)
                if is_priceable(option, vol[i]) and option.years > 0.0 and vol[i] > 0.0:
                    blocks.put(block, count, option)
                    block[blocks.VOLATILITY + count] = vol[i]
                    rows[count] = i
                    count += 1
        blocks.discount(block, count)
        blocks.greeks(block, count)
        for k in range(count):
            _set_greeks(out, rows[k], block, k)


@compiled
def european_chain_rows(
    price: Floats,
    columns: OptionColumns,
    places: float,
    out: Floats,
    status: Codes,
    greeks: GreekColumns,
) -> None:
    """Implied volatilities, rounded to 1 / ``places``, and the Greeks at the rounded ones."""
    block = np.zeros(blocks.SIZE)
    rows = np.empty(blocks.BLOCK, np.int64)
    for start in range(0, out.size, blocks.BLOCK):
        stop = min(start + blocks.BLOCK, out.size)
        count = _gather_quotes(price, columns, start, stop, block, rows, out, status)
        blocks.discount(block, count)
        blocks.invert(block, count)
        for k in range(count):
            block[blocks.VOLATILITY + k] = np.rint(block[blocks.VOLATILITY + k] * places) / places
        blocks.greeks(block, count)
        for i in range(start, stop):
            if not columns.is_american[i]:
                _no_greeks(greeks, i)
        for k in range(count):
            out[rows[k]] = block[blocks.VOLATILITY + k]
            status[rows[k]] = int(block[blocks.STATUS + k])
            if status[rows[k]] == OK:
                _set_greeks(greeks, rows[k], block, k)


@compiled
def _gather_quotes(
    price: Floats,
    columns: OptionColumns,
    start: int,
    stop: int,
    block: Floats,
    rows: NDArray[np.int64],
    out: Floats,
    status: Codes,
) -> int:
    """European rows that may have a volatility into ``block``, which they are into ``rows``; their number."""
    count = 0
    for i in range(start, stop):
        if not columns.is_american[i]:
            option = option_at(columns, i)
            code = judged(price[i], option)
            if code == OK:
                blocks.put(block, count, option)
                block[blocks.PRICE + count] = price[i]
                rows[count] = i
                count += 1
            else:
                out[i] = math.nan
                status[i] = code
    return count


@inlined
def _no_greeks(out: GreekColumns, i: int) -> None:
    out.delta[i] = out.gamma[i] = out.theta_per_day[i] = out.vega_per_point[i] = out.rho_per_point[i] = (
        math.nan
    )


@inlined
def _set_greeks(out: GreekColumns, i: int, block: Floats, k: int) -> None:
    out.delta[i] = block[blocks.DELTA + k]
    out.gamma[i] = block[blocks.GAMMA + k]
    out.theta_per_day[i] = block[blocks.THETA + k] / DAYS_A_YEAR
    out.vega_per_point[i] = block[blocks.VEGA + k] / POINTS
    out.rho_per_point[i] = block[blocks.RHO + k] / POINTS
