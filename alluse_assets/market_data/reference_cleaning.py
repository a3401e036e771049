"""Cleaning what is known beside prices: interest rates, corporate actions, earnings dates.

Bounds, types and keys come from the tables' descriptions; here are the rules that need more than one
column, or the calendar.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.quarantine import Rule, screen, typed_columns
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.cleaning import sessions_within, source_column
from alluse_assets.market_data.tables import CORPORATE_ACTIONS, EARNINGS_DATES, RATES


def clean_rates(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of RATES) and refused ones (of QUARANTINE).

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    return screen(frame, _prepared(frame, RATES, source), RATES, (), source)


def clean_corporate_actions(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of CORPORATE_ACTIONS) and refused ones (of QUARANTINE).

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    prepared = _prepared(frame, CORPORATE_ACTIONS, source)
    sessions = sessions_within(calendar, prepared["ex_date"])
    rules = (
        Rule("not_a_session", "ex_date is a session of XNYS", ~pl.col("ex_date").is_in(sessions.implode())),
        Rule(
            "split_without_ratio",
            "a split has a ratio",
            (pl.col("kind") == "split") & pl.col("ratio").is_null(),
        ),
        Rule(
            "dividend_without_amount",
            "a dividend has an amount",
            (pl.col("kind") == "dividend") & pl.col("amount").is_null(),
        ),
    )
    return screen(frame, prepared, CORPORATE_ACTIONS, rules, source)


def clean_earnings_dates(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of EARNINGS_DATES) and refused ones (of QUARANTINE).

    Companies report on any day, so no calendar is asked.

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    return screen(frame, _prepared(frame, EARNINGS_DATES, source), EARNINGS_DATES, (), source)


def _prepared(frame: pl.DataFrame, table: Table, source: str) -> pl.DataFrame:
    return typed_columns(frame, table, derived=("source",)).with_columns(source_column(frame, source))
