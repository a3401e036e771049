"""The event envelope: what every entry of the journal looks like before it gets its sequence number.

Event *types* and what they mean live in ``journal/event_types.py``; this is only their common shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]
"""What a payload may hold. No floats: a decimal is text, so that its bytes are the same everywhere."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of double entry. Debits are positive; the lines of an event sum to zero per currency.

    ``quantity`` counts shares or contracts (short ones negative) where ``instrument`` is named.
    """

    account: str
    ledger_account: str
    amount: Decimal
    instrument: str | None = None
    quantity: int = 0
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, not yet in a journal.

    ``key`` is the idempotency key, unique per book, and does not contain the book's name.
    ``cause`` is the key of the event that led to this one.
    """

    type: str
    effective_at: datetime
    actor: str
    key: str
    payload: Mapping[str, Json] = field(default_factory=dict)
    postings: tuple[Posting, ...] = ()
    cause: str | None = None
    version: int = 1


def instant_text(moment: datetime) -> str:
    """An aware time as canonical text in UTC with microseconds only where there are any.

    Raises:
        ValueError: the time has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
