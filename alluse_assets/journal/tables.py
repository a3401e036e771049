"""The journal itself as tables, for those who want to read the truth and not what was made of it.

Only descriptions and the plain listing belong here.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.journal.canonical import canonical_payload
from alluse_assets.journal.chain import RecordedEvent

UTC_MICROSECONDS = pl.Datetime("us", "UTC")
_SEQ = Column("seq", pl.Int64, "Place in the book's journal, from 1 without a gap.", low=1)
_DAY = Column("session", pl.Date, "New York date on which the event took effect.", "date")

JOURNAL = Table(
    name="journal",
    description="Every event of the book in order, chained by hashes: everything else follows from it.",
    grain="one event",
    layer="raw",
    key=("session", "seq"),
    columns=(
        _DAY,
        _SEQ,
        Column("type", pl.String, "What happened, for example order.filled."),
        Column("version", pl.Int32, "Version of the type's payload.", low=1),
        Column("effective_at", UTC_MICROSECONDS, "When it took effect.", "UTC"),
        Column(
            "recorded_at", UTC_MICROSECONDS, "When it was written down; no hash of the chain has it.", "UTC"
        ),
        Column("actor", pl.String, "Who says so: a rule, a broker, a person."),
        Column("key", pl.String, "Idempotency key, unique in the book."),
        Column("cause", pl.String, "Key of the event that led to it.", "", True),
        Column("payload", pl.String, "Details, as canonical JSON; amounts are decimal text."),
        Column("prev_hash", pl.String, "Hash of the event before it.", "hexadecimal"),
        Column("hash", pl.String, "SHA-256 over prev_hash and the event's canonical bytes.", "hexadecimal"),
    ),
)

POSTINGS = Table(
    name="postings",
    description="The money of the journal in double entry; the lines of an event sum to zero.",
    grain="one line of one event",
    layer="raw",
    key=("session", "seq", "line"),
    columns=(
        _DAY,
        _SEQ,
        Column("line", pl.Int32, "Line of the event, from 1.", low=1),
        Column("type", pl.String, "The event's type."),
        Column("account", pl.String, "Trading account."),
        Column("ledger_account", pl.String, "Account of the chart."),
        Column("amount", pl.Decimal(20, 2), "Debits positive, credits negative.", "USD"),
        Column("currency", pl.String, "Currency of the amount."),
        Column("instrument", pl.String, "Ticker or OCC symbol, where units moved.", "", True),
        Column("quantity", pl.Int64, "Units that came (positive) or went.", "shares or contracts"),
    ),
)


def list_journal(rows: Iterable[RecordedEvent]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of ``JOURNAL`` and of ``POSTINGS``."""
    events, lines = [], []
    for row in rows:
        event = row.event
        day = event.effective_at.astimezone(NEW_YORK).date()
        events.append(
            (
                day,
                row.seq,
                str(event.type),
                event.version,
                event.effective_at,
                row.recorded_at,
                event.actor,
                event.key,
                event.cause,
                canonical_payload(event.payload),
                row.prev_hash.hex(),
                row.hash.hex(),
            )
        )
        lines += [
            (
                day,
                row.seq,
                number,
                str(event.type),
                line.account,
                str(line.ledger_account),
                line.amount,
                line.currency,
                line.instrument,
                line.quantity,
            )
            for number, line in enumerate(event.postings, start=1)
        ]
    return (
        pl.DataFrame(events, schema=JOURNAL.schema, orient="row"),
        pl.DataFrame(lines, schema=POSTINGS.schema, orient="row"),
    )
