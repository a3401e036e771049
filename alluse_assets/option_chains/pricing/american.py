"""American options: the value of early exercise along the boundary where it begins, and cash dividends.

``american_value`` takes dividends as a yield and works along the exercise boundary
(``kernels.american_boundary``): within 1e-4 of the spot of the exact value, on average within 2e-6 of it,
from a day to three years and from 1% to 500% of volatility (docs/decisions/american-values.md). Options that
never pay to exercise early are European in closed form (Merton 1973). ``american_value_with_dividends`` takes
amounts and ex-dates and works on a grid (``kernels.american_grid``), hundreds of times slower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alluse_assets.option_chains.pricing.kernels.american_rows import american_value_rows
from alluse_assets.option_chains.pricing.kernels.dividend_rows import dividend_rows
from alluse_assets.option_chains.pricing.kernels.european_rows import european_value_rows
from alluse_assets.option_chains.pricing.kernels.options import Floats, OptionColumns
from alluse_assets.option_chains.pricing.rows import common_shape, each_part, floats, option_columns


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
    ``american_value`` is NaN, and without volatility before expiry.

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
    offsets = np.array(dividend_offsets, dtype=np.int64)
    times = np.array(dividend_years, dtype=np.float64)
    amounts = np.array(dividend_amounts, dtype=np.float64)
    _check_dividends(vol.size, offsets, times, amounts)

    def part(columns: OptionColumns, rows: slice) -> None:
        dividend_rows(columns, vol[rows], offsets[rows.start : rows.stop + 1], times, amounts, out[rows])

    each_part(part, columns, threads)
    return out.reshape(shape)


def _check_dividends(options: int, offsets: NDArray[np.int64], times: Floats, amounts: Floats) -> None:
    if offsets.shape != (options + 1,):
        raise ValueError(
            f"dividend_offsets: {offsets.size} for {options} options: give one more than options"
        )
    if times.shape != amounts.shape or times.ndim != 1:
        raise ValueError(f"dividend_years: {times.shape}, dividend_amounts: {amounts.shape}: give one each")
    if offsets[0] != 0 or offsets[-1] != times.size or (np.diff(offsets) < 0).any():
        raise ValueError(f"dividend_offsets: must rise from 0 to {times.size}, the number of dividends")
    if not (np.isfinite(times).all() and np.isfinite(amounts).all() and (amounts >= 0).all()):
        raise ValueError("dividends: an ex-date or amount is missing, not finite or below zero")
    falls = np.flatnonzero(np.diff(times) < 0) + 1
    if not np.isin(falls, offsets).all():
        raise ValueError("dividend_years: give the ex-dates of each option in ascending order")
