"""Cleaning daily bars: which rows are believed, and by which rule the others are not.

Bounds, types and keys come from the table's description; here are the rules that need more than one
column, or the calendar.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.quarantine import Rule, screen, typed_columns
from alluse_assets.market_data.tables import BARS

_PRICES = ("open", "high", "low", "close")


def clean_bars(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of BARS) and refused ones (of QUARANTINE).

    Args:
        frame: BARS' columns; ``volume`` and ``source`` may be absent, others are ignored.
        calendar: says which dates are sessions.
        source: the name of where the rows came from; also fills an absent ``source``.

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    prepared = typed_columns(frame, BARS, derived=("source",)).with_columns(source_column(frame, source))
    sessions = sessions_within(calendar, prepared["ts"])
    rules = (
        Rule(
            "not_a_session",
            "ts is a session of XNYS",
            pl.col("ts").is_in(sessions.implode()).not_(),
        ),
        Rule(
            "negative_price",
            "prices are above zero",
            pl.any_horizontal(pl.col(name) <= 0 for name in _PRICES),
        ),
        Rule("high_below_low", "high is at or above low", pl.col("high") < pl.col("low")),
        Rule(
            "outside_high_low",
            "open and close lie between low and high",
            (pl.max_horizontal("open", "close") > pl.col("high"))
            | (pl.min_horizontal("open", "close") < pl.col("low")),
        ),
    )
    return screen(frame, prepared, BARS, rules, source)


def source_column(frame: pl.DataFrame, source: str) -> pl.Expr:
    """The rows' own ``source`` where they have one, else ``source``."""
    own = pl.col("source").cast(pl.String) if "source" in frame.columns else pl.lit(None, pl.String)
    return own.fill_null(source).alias("source")


def sessions_within(calendar: TradingCalendar, dates: pl.Series) -> pl.Series:
    """The calendar's sessions from the first to the last of ``dates``, as far as the calendar goes."""
    known = dates.filter(dates.is_between(calendar.first_day, calendar.horizon))
    first, last = known.min(), known.max()
    found = calendar.sessions(first, last) if isinstance(first, date) and isinstance(last, date) else []
    return pl.Series(found, dtype=pl.Date)
