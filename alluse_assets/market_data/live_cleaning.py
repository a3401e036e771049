"""Cleaning quotes of shares and bars of minutes: which rows are believed, and by which rule others are not.

Bounds, types and keys come from the tables' descriptions; here are the rules that need more than one
column, or the calendar. Daily bars are in ``cleaning``.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.quarantine import Rule, screen, typed_columns
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.cleaning import sessions_within, source_column
from alluse_assets.market_data.tables import INTRADAY_BARS, SHARE_QUOTES


def clean_share_quotes(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of SHARE_QUOTES) and refused ones (of QUARANTINE).

    Args:
        frame: SHARE_QUOTES' columns; ``session`` is derived from ``quote_ts`` and need not be there.
        calendar: says which dates are sessions.
        source: the name of where the rows came from; also fills an absent ``source``.

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    prepared = _with_session(frame, SHARE_QUOTES, "quote_ts", source)
    bid, ask = pl.col("bid"), pl.col("ask")
    rules = (
        _session_rule(prepared, calendar),
        Rule("no_quote", "bid and ask are present and not both zero", (bid == 0) & (ask == 0)),
        Rule("ask_below_bid", "ask is at or above bid", ask < bid),
    )
    return screen(frame, prepared, SHARE_QUOTES, rules, source)


def clean_intraday_bars(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of INTRADAY_BARS) and refused ones (of QUARANTINE).

    Bars that begin before the open or at or after the close are of the extended hours and are refused.

    Args:
        frame: INTRADAY_BARS' columns; ``session`` is derived from ``bar_ts`` and need not be there.
        calendar: says which dates are sessions, and when they open and close.
        source: the name of where the rows came from; also fills an absent ``source``.

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    prepared = _with_session(frame, INTRADAY_BARS, "bar_ts", source)
    sessions = sessions_within(calendar, prepared["session"])
    hours = pl.DataFrame(
        {
            "session": sessions,
            "opens": [calendar.open_time(day) for day in sessions],
            "closes": [calendar.close_time(day) for day in sessions],
        },
        schema={"session": pl.Date, "opens": pl.Datetime("us", "UTC"), "closes": pl.Datetime("us", "UTC")},
    )
    known = prepared.select("session").join(hours, on="session", how="left", maintain_order="left")
    begins = pl.col("bar_ts")
    rules = (
        _session_rule(prepared, calendar),
        Rule(
            "outside_session",
            "the bar begins in the regular session",
            (begins < pl.lit(known["opens"])) | (begins >= pl.lit(known["closes"])),
        ),
        Rule("high_below_low", "high is at or above low", pl.col("high") < pl.col("low")),
        Rule(
            "outside_high_low",
            "open and close lie between low and high",
            (pl.max_horizontal("open", "close") > pl.col("high"))
            | (pl.min_horizontal("open", "close") < pl.col("low")),
        ),
    )
    return screen(frame, prepared, INTRADAY_BARS, rules, source)


def _with_session(frame: pl.DataFrame, table: Table, instant: str, source: str) -> pl.DataFrame:
    return typed_columns(frame, table, derived=("session", "source")).with_columns(
        pl.col(instant).dt.convert_time_zone(NEW_YORK.key).dt.date().alias("session"),
        source_column(frame, source),
    )


def _session_rule(prepared: pl.DataFrame, calendar: TradingCalendar) -> Rule:
    sessions = sessions_within(calendar, prepared["session"])
    return Rule(
        "not_a_session", "the New York date is a session", ~pl.col("session").is_in(sessions.implode())
    )
