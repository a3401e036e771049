"""Cleaning an option's daily trades: which rows are believed, and by which rule the others are not."""

from __future__ import annotations

import polars as pl

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.quarantine import Rule, screen, typed_columns
from alluse_assets.market_data.cleaning import sessions_within, source_column
from alluse_assets.option_chains.quotes import contract_rules, expiry_rule, with_trading_expiries
from alluse_assets.option_chains.tables import OPTION_BARS


def clean_option_bars(
    frame: pl.DataFrame, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` into good rows (of OPTION_BARS) and refused ones (of QUARANTINE).

    Args:
        frame: OPTION_BARS' columns; ``volume``, ``trades`` and ``source`` may be absent.
        calendar: says which dates are sessions.
        source: the name of where the rows came from; also fills an absent ``source``.

    Raises:
        DataError: a column is missing, or of another kind altogether.
    """
    prepared = typed_columns(frame, OPTION_BARS, derived=("source",)).with_columns(
        pl.col("contract_symbol").str.replace_all(" ", "", literal=True), source_column(frame, source)
    )
    prepared = with_trading_expiries(prepared)
    sessions = sessions_within(calendar, prepared["ts"])
    high, low = pl.col("high"), pl.col("low")
    rules = (
        Rule("not_a_session", "ts is a session of XNYS", ~pl.col("ts").is_in(sessions.implode())),
        Rule("expired", "the contract had not expired before the session", pl.col("expiry") < pl.col("ts")),
        Rule("high_below_low", "high is at or above low", high < low),
        Rule(
            "outside_high_low",
            "open and close lie between low and high",
            (pl.max_horizontal("open", "close") > high) | (pl.min_horizontal("open", "close") < low),
        ),
        *contract_rules(),
        expiry_rule(prepared, calendar),
    )
    return screen(frame, prepared, OPTION_BARS, rules, source)
