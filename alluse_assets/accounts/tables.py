"""The tables of what a book was opened with and of every version of its configuration since.

Only descriptions belong here; ``project`` makes the rows.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.ledger.tables import money

BOOK_TERMS = Table(
    name="book_terms",
    description=(
        "What the book was opened with, and what a reader of its figures has to know: where its prices come "
        "from, and which configured rules nothing acts on yet."
    ),
    grain="the book",
    layer="out",
    key=("session",),
    columns=(
        Column("session", pl.Date, "The book's first session.", "date"),
        Column("profile", pl.String, "Name of the profile it was opened with."),
        money("lump_sum", "Money it was opened with.", low=0),
        Column("market", pl.String, "Market that it trades: sample or files."),
        Column("model_priced", pl.Boolean, "Whether a model priced its options and VIX, not a market."),
        Column("rules_not_active", pl.List(pl.String), "Rules that are configured and not acted on."),
        Column("config_fingerprint", pl.String, "SHA-256 over its configuration.", "hexadecimal"),
    ),
)

OPENING_PATH = "*"

CONFIG_VERSIONS = Table(
    name="config_versions",
    description=(
        "Every version of the book's configuration: who changed which setting when, and why. Version 1 is "
        "what the book was opened with. Orders name the version that they were decided under."
    ),
    grain="one setting that a version changed",
    layer="out",
    key=("session", "version", "path"),
    columns=(
        Column(
            "session",
            pl.Date,
            "Last session closed when it came, so it counts from the next one; the first for the opening.",
            "date",
        ),
        Column("version", pl.Int32, "Number of the version.", low=1),
        Column("path", pl.String, f"The setting; {OPENING_PATH} in version 1: all of them."),
        Column(
            "value_before", pl.String, "Its value before, as JSON or plain text; null if empty.", "", True
        ),
        Column("value_after", pl.String, "Its value from then on; null if empty.", "", True),
        Column("changed_at", pl.Datetime("us", "UTC"), "When, in the book's own time.", "UTC"),
        Column("changed_by", pl.String, "Who asked for it."),
        Column("approved_by", pl.String, "Who approved it; null where nobody had to.", "", True),
        Column("why", pl.String, "The reason given."),
        Column(
            "rolled_back_to", pl.Int32, "The version whose values it brought back; else null.", "", True, 1
        ),
        Column("config_fingerprint", pl.String, "SHA-256 over the whole of it.", "hexadecimal"),
    ),
)
