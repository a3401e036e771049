"""The table of what a person was asked and what became of it, projected from the journal.

Migration ``approvals`` makes a view of the same columns that reads the journal as it is now, for the app
and the API.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl

from alluse_assets.base.calendar import NEW_YORK, new_york_text
from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.execution.tables import UTC_MICROSECONDS
from alluse_assets.journal.canonical import canonical_payload
from alluse_assets.journal.event_types import EventType

STATES = ("open", "approved", "refused", "used", "expired")
"""Open: nobody has answered. Approved: a yes that was not used yet."""

APPROVAL_EVENTS = (
    EventType.APPROVAL_REQUESTED,
    EventType.APPROVAL_ANSWERED,
    EventType.APPROVAL_USED,
    EventType.APPROVAL_EXPIRED,
)
"""All that the table needs of a journal."""

APPROVALS = Table(
    name="approvals",
    description=(
        "What a person was asked: exactly what would be done, why it asks, who answered what, and what "
        "became of the answer. In a replay the configured policy answers."
    ),
    grain="one request",
    layer="core",
    key=("session", "approval"),
    columns=(
        Column("session", pl.Date, "Day in New York on which it was asked.", "date"),
        Column("approval", pl.String, "Id of the request: its kind and a name."),
        Column("kind", pl.String, "What is asked: order, roll, config, fork, merge, ..."),
        Column("account", pl.String, "Trading account, where one is concerned.", "", True),
        Column("subject", pl.String, "Exactly what a yes is for.", "canonical JSON"),
        Column("subject_hash", pl.String, "SHA-256 of the subject: what an answer binds to.", "hexadecimal"),
        Column("reasons", pl.List(pl.String), "Why a person is asked."),
        Column("requested_by", pl.String, "Who wants it."),
        Column("requested_at", UTC_MICROSECONDS, "When it was asked.", "UTC"),
        Column("expires_at", UTC_MICROSECONDS, "Last instant of an answer and of its use.", "UTC"),
        Column("state", pl.String, "Where it is.", allowed=STATES),
        Column("answer", pl.String, "yes, no; null while nobody has answered.", "", True),
        Column("answered_by", pl.String, "Who answered.", "", True),
        Column("answered_at", UTC_MICROSECONDS, "When.", "UTC", True),
        Column("why", pl.String, "Words of who answered.", "", True),
        Column("ended_at", UTC_MICROSECONDS, "When it was used or expired.", "UTC", True),
    ),
)


def project_approvals(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``APPROVALS`` from a book's events."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        p: Any = event.payload
        if event.type == EventType.APPROVAL_REQUESTED:
            found[p["approval"]] = _requested(event, p)
        elif event.type == EventType.APPROVAL_ANSWERED:
            found[p["approval"]] |= {
                "state": "approved" if p["answer"] == "yes" else "refused",
                "answer": p["answer"],
                "answered_by": p["by"],
                "answered_at": event.effective_at,
                "why": p["why"] or None,
            }
        elif event.type in (EventType.APPROVAL_USED, EventType.APPROVAL_EXPIRED):
            state = "used" if event.type == EventType.APPROVAL_USED else "expired"
            found[p["approval"]] |= {"state": state, "ended_at": event.effective_at}
    return pl.DataFrame(list(found.values()), schema=APPROVALS.schema).sort(APPROVALS.key)


def late_are_expired(approvals: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Rows of ``APPROVALS`` where an open or unused request whose time is over is expired.

    The journal says so only after the book's next step. Not for a replay, which has its own clock.
    """
    late = pl.col("state").is_in(["open", "approved"]) & (pl.col("expires_at") < now)
    return approvals.with_columns(state=pl.when(late).then(pl.lit("expired")).otherwise("state"))


def what_became_of(events: Iterable[Event], given: str) -> str | None:
    """In words how a request ended, for whoever would answer it; None where none of that name ever was.

    Args:
        events: of the book.
        given: its id, or the beginning of it; of several that begin so it is the one asked last.
    """
    rows = [row for row in project_approvals(events).rows(named=True) if row["approval"].startswith(given)]
    if not given or not rows:
        return None
    row = max(rows, key=lambda row: (row["approval"] == given, row["requested_at"]))
    said = "nobody had answered"
    if row["answer"]:
        words = f": {row['why']}" if row["why"] else ""
        said = f"{row['answered_by']} said {row['answer']} {new_york_text(row['answered_at'])}{words}"
    at = new_york_text(row["ended_at"]) if row["ended_at"] else "before"
    became = {"used": f"was used {at}", "expired": f"expired {at}"}.get(row["state"], "is over")
    return f"approval {row['approval']}: it {became}, {said}"


def _requested(event: Event, p: Any) -> dict[str, Any]:
    orders = p["subject"].get("orders") or [{}]
    return {
        "session": event.effective_at.astimezone(NEW_YORK).date(),
        "approval": p["approval"],
        "kind": p["kind"],
        "account": p["subject"].get("account") or orders[0].get("account"),
        "subject": canonical_payload(p["subject"]),
        "subject_hash": p["hash"],
        "reasons": p["reasons"],
        "requested_by": p["requested_by"],
        "requested_at": event.effective_at,
        "expires_at": datetime.fromisoformat(p["expires_at"]),
        "state": "open",
        "answer": None,
        "answered_by": None,
        "answered_at": None,
        "why": None,
        "ended_at": None,
    }
