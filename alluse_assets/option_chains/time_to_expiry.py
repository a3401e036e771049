"""How long an option still has: to 16:00 in New York on its last trading day, in years of 365 days."""

from __future__ import annotations

from datetime import time

import polars as pl

SECONDS_A_YEAR = 365 * 86_400
_EXPIRY_TIME = time(16, 0)


def years_left() -> pl.Expr:
    """Years of 365 days from ``quote_ts`` to 16:00 in New York on ``expiry``; 0 when that has passed."""
    expiry_instant = (
        pl.col("expiry")
        .dt.combine(_EXPIRY_TIME)
        .dt.replace_time_zone("America/New_York")
        .dt.convert_time_zone("UTC")
    )
    seconds_left = (expiry_instant - pl.col("quote_ts")).dt.total_microseconds() / 1e6
    return (seconds_left.clip(lower_bound=0.0) / SECONDS_A_YEAR).round(12)
