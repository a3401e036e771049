"""The table of alerts, projected from the journal. Only its description belongs here."""

from __future__ import annotations

import polars as pl

from alluse_assets.alerts.alert import PRIORITIES, AlertType
from alluse_assets.alerts.states import AlertState
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.journal.tables import UTC_MICROSECONDS

ALERTS = Table(
    name="alerts",
    description=(
        "Every alert of the book: what a person should know, how urgent it is, the orders that are ready for "
        "it, and who answered it. Whether it was sent is no part of the book: alluse alerts shows that."
    ),
    grain="one alert",
    layer="out",
    key=("session", "alert"),
    columns=(
        Column("session", pl.Date, "New York date on which it was raised.", "date"),
        Column("alert", pl.String, "Its id, unique in the book."),
        Column("raised_at", UTC_MICROSECONDS, "When what it tells of became true.", "UTC"),
        Column("type", pl.String, "What it is about.", allowed=tuple(kind.value for kind in AlertType)),
        Column("priority", pl.String, "How urgent it is.", allowed=PRIORITIES),
        Column("account", pl.String, "Trading account concerned.", "", True),
        Column("symbol", pl.String, "Underlying concerned.", "", True),
        Column("text", pl.String, "What is the matter, in words."),
        Column("script", pl.String, "Orders that are ready for it, as JSON; an empty list where none are."),
        Column("question", pl.Boolean, "Whether a person is asked for a decision."),
        Column("dedup_key", pl.String, "Alerts with the same key are one matter.", "", True),
        Column("actor", pl.String, "Which rule or process raised it."),
        Column("state", pl.String, "Where it stands.", allowed=tuple(state.value for state in AlertState)),
        Column("acknowledged_at", UTC_MICROSECONDS, "When somebody began to look after it.", "UTC", True),
        Column("acknowledged_by", pl.String, "Who did.", "", True),
        Column("resolved_at", UTC_MICROSECONDS, "When it was over.", "UTC", True),
        Column("resolved_by", pl.String, "Who said so.", "", True),
        Column("resolved_why", pl.String, "Why it is over.", "", True),
    ),
)
