"""The tables of weeks: the market mode guessed and confirmed, and what each week turned out to be.

Only descriptions belong here; ``project`` makes the rows.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.ledger.tables import ACCOUNT
from alluse_assets.weeks.market_mode import MarketMode
from alluse_assets.weeks.week_types import WeekType

_MODES = tuple(mode.value for mode in MarketMode)
_TYPES = tuple(kind.value for kind in WeekType)

MARKET_MODES = Table(
    name="market_modes",
    description=(
        "The market mode guessed before each week and the one its own bars confirmed, with both measures: "
        "move is the net move in ATR x root sessions, efficiency the net move / the sum of daily moves."
    ),
    grain="one trading week",
    layer="core",
    key=("session",),
    columns=(
        Column("session", pl.Date, "The session before which the week's mode was guessed.", "date"),
        Column("week", pl.Date, "Monday of the trading week.", "date"),
        Column("guess", pl.String, "Mode guessed from earlier weeks.", allowed=_MODES),
        Column("guess_move", pl.Float64, "Move of the weeks before.", "ATR x root sessions"),
        Column("guess_efficiency", pl.Float64, "Path efficiency of the weeks before.", "share", False, 0, 1),
        Column("confirmed", pl.String, "Mode the week had; null until it is over.", "", True, allowed=_MODES),
        Column("move", pl.Float64, "The week's own move.", "ATR x root sessions", True),
        Column("efficiency", pl.Float64, "The week's own path efficiency.", "share", True, 0, 1),
        Column(
            "was_right", pl.Boolean, "Whether the guess was right; null until the week is over.", "", True
        ),
        Column("weeks_judged", pl.Int32, "Weeks confirmed so far, this one included.", "weeks", low=0),
        Column("weeks_right", pl.Int32, "Guesses right so far.", "weeks", low=0),
        Column(
            "hit_rate", pl.Float64, "weeks_right / weeks_judged; null before the first.", "share", True, 0, 1
        ),
    ),
)

WEEK_TYPES = Table(
    name="week_types",
    description="What each finished week turned out to be for each account and ticker: exactly one type.",
    grain="one account and ticker in one finished trading week",
    layer="out",
    key=("session", "account", "symbol"),
    columns=(
        Column("session", pl.Date, "The week's last session.", "date"),
        Column("week", pl.Date, "Monday of the trading week.", "date"),
        ACCOUNT,
        Column("kind", pl.String, "Account kind.", allowed=("gen", "rev", "com")),
        Column("symbol", pl.String, "Underlying."),
        Column(
            "week_type", pl.String, "The first type of the protocol's table that matches.", allowed=_TYPES
        ),
        Column("legs", pl.List(pl.String), "The types of all legs and holdings of the week, in that order."),
        Column("facts", pl.String, "The facts that led to the type, as JSON; prices in USD per share."),
    ),
)
