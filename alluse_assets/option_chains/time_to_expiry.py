"""How long an option still has: to 16:00 New York on its last day, or 9:30 where it settles at the open."""

from __future__ import annotations

from collections.abc import Collection
from datetime import time

import polars as pl

SECONDS_A_YEAR = 365 * 86_400
_CLOSE, _OPEN = time(16, 0), time(9, 30)
_OSI_TAIL = 15


def years_left(settled_at_open: Collection[str] = ()) -> pl.Expr:
    """Years of 365 days from ``quote_ts`` to 16:00 in New York on ``expiry``; 0 when that has passed.

    Args:
        settled_at_open: option roots (SPX) that are settled at 9:30 of that day; with any, column
            ``contract_symbol`` is read.
    """
    years = _years_to(_CLOSE)
    if not settled_at_open:
        return years
    root = pl.col("contract_symbol").str.head(-_OSI_TAIL)
    return pl.when(root.is_in(sorted(settled_at_open))).then(_years_to(_OPEN)).otherwise(years)


def _years_to(end: time) -> pl.Expr:
    instant = (
        pl.col("expiry").dt.combine(end).dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")
    )
    seconds_left = (instant - pl.col("quote_ts")).dt.total_microseconds() / 1e6
    return (seconds_left.clip(lower_bound=0.0) / SECONDS_A_YEAR).round(12)
