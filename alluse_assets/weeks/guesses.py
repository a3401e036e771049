"""The table of market-mode guesses: what each week is traded on, known before it begins.

Beside ``tables.MARKET_MODES``, which is projected from the journal and has what the week turned out to
be; this one is made from bars alone, before anything is traded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.weeks.market_mode import MarketMode, ModeReading

MODE_GUESSES = Table(
    name="market_mode_guesses",
    description="The market mode guessed for each week from the weeks before it. It moves the put band.",
    grain="one trading week",
    layer="core",
    key=("week",),
    columns=(
        Column("week", pl.Date, "Monday of the trading week.", "date"),
        Column("mode", pl.String, "Guessed mode.", allowed=tuple(mode.value for mode in MarketMode)),
        Column("move", pl.Float64, "Net move of the weeks before.", "ATR x root sessions"),
        Column("efficiency", pl.Float64, "Net move / sum of the daily moves.", "share", low=0, high=1),
        Column("first", pl.Date, "First session that was looked at.", "date"),
        Column("last", pl.Date, "Last session that was looked at, always before the week.", "date"),
    ),
)


def guess_rows(readings: Iterable[ModeReading]) -> pl.DataFrame:
    """The rows of ``MODE_GUESSES``."""
    rows = [
        (
            date.fromisoformat(reading.week),
            reading.mode.value,
            float(reading.move),
            float(reading.efficiency),
            reading.first,
            reading.last,
        )
        for reading in readings
    ]
    return pl.DataFrame(rows, schema=MODE_GUESSES.schema, orient="row")
