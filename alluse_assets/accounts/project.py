"""Projects a book's opening and its configuration's versions into tables. Pure, like every projection."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.accounts.config_in_force import config_state
from alluse_assets.accounts.tables import BOOK_TERMS, CONFIG_VERSIONS, OPENING_PATH
from alluse_assets.base.config.canonical_form import Change
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


def project_config_versions(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``CONFIG_VERSIONS``; none before the book is opened."""
    state = config_state(events)
    rows = []
    for version in state.config_history.versions:
        session = version.after or date.fromisoformat(state.opened["first_session"])
        for change in version.changes or (Change(OPENING_PATH, None, None),):
            rows.append(
                (
                    session,
                    version.number,
                    change.path,
                    setting_text(change.before),
                    setting_text(change.after),
                    version.at,
                    version.by,
                    version.approved_by,
                    version.why,
                    version.rolled_back_to,
                    version.fingerprint,
                )
            )
    return pl.DataFrame(rows, schema=CONFIG_VERSIONS.schema, orient="row").sort(CONFIG_VERSIONS.key)


def setting_text(value: Any) -> str | None:
    """A canonical value as people read it; None for an empty one."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
