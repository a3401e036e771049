"""The table of entry decisions: why each account did or did not trade a ticker, from the journal.

Beside ``candidates``, which has every contract that was looked at, this has every decision that followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.tables import ACCOUNT, money
from alluse_assets.market_data.tables import UTC_MICROSECONDS

ENTRY_DECISIONS = Table(
    name="entry_decisions",
    description="One decision per account, ticker and right on its entry sessions: taken, or why not.",
    grain="one account, ticker and right at one instant",
    layer="core",
    key=("session", "account", "symbol", "right", "decided_at"),
    columns=(
        Column("session", pl.Date, "Trading session of the decision.", "date"),
        ACCOUNT,
        Column("kind", pl.String, "Account kind.", allowed=("gen", "rev", "com")),
        Column("symbol", pl.String, "Underlying."),
        Column("right", pl.String, "P put, C call.", allowed=("C", "P")),
        Column("decided_at", UTC_MICROSECONDS, "When; later looks that decide alike are no row.", "UTC"),
        Column("week", pl.Date, "Monday of the trading week.", "date"),
        Column(
            "outcome",
            pl.String,
            "order when one was placed, asked_under_floor when a person was asked first; else why none was.",
        ),
        Column("considered", pl.Int64, "Contracts looked at.", "contracts listed", low=0),
        Column("passed", pl.Int64, "Contracts that passed the market's screen.", "contracts listed", low=0),
        Column(
            "floor_alone",
            pl.Int64,
            "Contracts that the premium floor alone refused.",
            "contracts listed",
            low=0,
        ),
        Column("refused", pl.String, "What the screen refused: reason and how often, most frequent first."),
        Column("chosen", pl.String, "Contract that was ordered or asked about; null when none.", "", True),
        Column("contracts", pl.Int64, "Contracts ordered or asked about.", "contracts", low=0),
        money("nav", "The account's NAV at the decision; for puts.", True),
        money("deployable", "Cash that could be committed; for puts.", True),
        Column("adjusted_basis", pl.Float64, "Basis of the shares; for calls.", "USD per share", True),
    ),
)


def project_entry_decisions(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``ENTRY_DECISIONS`` from a book's events."""
    rows = [_row(event) for event in events if event.type == EventType.ENTRY_DECIDED]
    return pl.DataFrame(rows, schema=ENTRY_DECISIONS.schema, orient="row").sort(ENTRY_DECISIONS.key)


def _row(event: Event) -> tuple[Any, ...]:
    p: Any = event.payload
    refused = sorted(p["refused"].items(), key=lambda item: (-item[1], item[0]))
    basis = p.get("adjusted_basis")
    return (
        date.fromisoformat(p["session"]),
        p["account"],
        p["kind"],
        p["symbol"],
        p["right"],
        event.effective_at,
        date.fromisoformat(p["week"]),
        p["outcome"],
        p["considered"],
        len(p["passed"]),
        p["floor_alone"],
        ", ".join(f"{reason} {count}" for reason, count in refused),
        p["chosen"],
        p["contracts"],
        Decimal(p["nav"]) if "nav" in p else None,
        Decimal(p["deployable"]) if "deployable" in p else None,
        None if basis is None else float(basis),
    )
