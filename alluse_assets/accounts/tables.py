"""The table of what a book was opened with, projected from the journal's first event.

Only descriptions belong here; ``project`` makes the row.
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
