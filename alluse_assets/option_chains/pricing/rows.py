"""From what callers pass to what the kernels take: broadcast columns, split over threads.

No formula belongs here. Kernels let go of the interpreter's lock, so plain threads share the work;
each row is computed alone, so the split changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alluse_assets.option_chains.pricing.kernels.options import Flags, Floats, OptionColumns

Number = TypeVar("Number", np.float64, np.bool_)

# Below this many rows a thread costs more than it saves.
ROWS_A_THREAD = 2_000
# The same for rows on the grid, which take a millisecond each and not a microsecond.
ROWS_ON_THE_GRID = 8
_CHUNKS_A_THREAD = 8


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="pricing")


def floats(values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """``values`` spread over ``shape`` as one flat float64 column; a view where they are that already."""
    return _column(np.asarray(values, dtype=np.float64), shape)


def _flags(values: ArrayLike, shape: tuple[int, ...]) -> Flags:
    return _column(np.asarray(values, dtype=np.bool_), shape)


def _column(values: NDArray[Number], shape: tuple[int, ...]) -> NDArray[Number]:
    column = np.ascontiguousarray(np.broadcast_to(values, shape)).reshape(-1).view()
    # Arrow's buffers may not be written to. Numba compiles once for arrays that may and once for those that
    # may not: here all may not.
    column.flags.writeable = False
    return column


def common_shape(*values: ArrayLike) -> tuple[int, ...]:
    """The shape that all ``values`` broadcast to.

    Raises:
        ValueError: they do not broadcast together.
    """
    return np.broadcast_shapes(*(np.shape(v) for v in values))


def option_columns(
    shape: tuple[int, ...],
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    is_american: ArrayLike,
) -> OptionColumns:
    """The arguments as columns of one length; what never pays to exercise early counts as European."""
    rates, yields, calls = floats(rate, shape), floats(dividend_yield, shape), _flags(is_call, shape)
    early = _flags(is_american, shape)
    if early.any():
        early = _flags(early & _may_pay_early(rates, yields, calls), early.shape)
    return OptionColumns(
        floats(spot, shape), floats(strike, shape), floats(years, shape), rates, yields, calls, early
    )


class CashDividends(NamedTuple):
    """Ex-dates in years from now and USD per share; option i has those from offset i up to offset i + 1."""

    offsets: NDArray[np.int64]
    years: Floats
    amounts: Floats

    def first(self, rows: slice) -> NDArray[np.int64]:
        """The offsets of ``rows`` and the end of the last."""
        return self.offsets[rows.start : rows.stop + 1]


def cash_dividends(options: int, offsets: ArrayLike, years: ArrayLike, amounts: ArrayLike) -> CashDividends:
    """The dividends of ``options`` options.

    Raises:
        ValueError: offsets that do not fit, ex-dates out of order, or an amount below zero or missing.
    """
    paid = CashDividends(
        np.array(offsets, dtype=np.int64),
        np.array(years, dtype=np.float64),
        np.array(amounts, dtype=np.float64),
    )
    if paid.offsets.shape != (options + 1,):
        raise ValueError(
            f"dividend_offsets: {paid.offsets.size} for {options} options: give one more than options"
        )
    if paid.years.shape != paid.amounts.shape or paid.years.ndim != 1:
        raise ValueError(
            f"dividend_years: {paid.years.shape}, dividend_amounts: {paid.amounts.shape}: give one each"
        )
    size = paid.years.size
    if paid.offsets[0] != 0 or paid.offsets[-1] != size or (np.diff(paid.offsets) < 0).any():
        raise ValueError(f"dividend_offsets: must rise from 0 to {size}, the number of dividends")
    if not (np.isfinite(paid.years).all() and np.isfinite(paid.amounts).all() and (paid.amounts >= 0).all()):
        raise ValueError("dividends: an ex-date or amount is missing, not finite or below zero")
    falls = np.flatnonzero(np.diff(paid.years) < 0) + 1
    if not np.isin(falls, paid.offsets).all():
        raise ValueError("dividend_years: give the ex-dates of each option in ascending order")
    return paid


def _may_pay_early(rate: Floats, dividend_yield: Floats, is_call: Flags) -> Flags:
    """Where an American option can be worth more than the European one (Merton 1973).

    A put earns interest on the strike and gives up dividends of a spot below it; a call the other way round.
    """
    earned = np.where(is_call, dividend_yield, rate)
    lost = np.where(is_call, rate, dividend_yield)
    return (earned > 0.0) | (lost < earned)


def _cut(columns: OptionColumns, rows: slice) -> OptionColumns:
    return OptionColumns(
        columns.spot[rows],
        columns.strike[rows],
        columns.years[rows],
        columns.rate[rows],
        columns.dividend_yield[rows],
        columns.is_call[rows],
        columns.is_american[rows],
    )


def each_part(
    kernel: Callable[[OptionColumns, slice], None],
    columns: OptionColumns,
    threads: int,
    rows_a_thread: int = ROWS_A_THREAD,
) -> None:
    """Call ``kernel`` with parts of ``columns`` and the rows they are, until all rows have been."""
    count = columns.spot.size
    if threads <= 1 or count < 2 * rows_a_thread:
        kernel(columns, slice(0, count))
        return
    # More parts than threads: boundaries cost more than closed forms, and sorted input bunches them.
    size = max(rows_a_thread, -(-count // (threads * _CHUNKS_A_THREAD)))
    parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    for done in [_pool(threads).submit(kernel, _cut(columns, part), part) for part in parts]:
        done.result()
