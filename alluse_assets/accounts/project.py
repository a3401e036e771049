"""Projects the opening of a book into its table. Pure, like every projection."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.base.config.config_manager import from_canonical
from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType


def project_book_terms(events: Iterable[Event]) -> pl.DataFrame:
    """The row of ``BOOK_TERMS``; none before the book is opened."""
    rows = []
    for event in events:
        if event.type != EventType.BOOK_OPENED:
            continue
        opened: Any = event.payload
        market = from_canonical(opened["config"]).market.source
        rows.append(
            {
                "session": date.fromisoformat(opened["first_session"]),
                "profile": opened["profile"],
                "lump_sum": Decimal(opened["lump_sum"]),
                "market": market,
                "model_priced": market == "sample",
                "rules_not_active": list(opened["rules_not_active"]),
                "config_fingerprint": opened["config_fingerprint"],
            }
        )
    return pl.DataFrame(rows, schema=BOOK_TERMS.schema)
