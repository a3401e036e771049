"""The hash chain over a book's journal, and the seal over what the chain leaves out.

``hash`` chains the canonical bytes: equal inputs give equal hashes on any book and machine.
``seal`` chains the hash with the book's name and the recording time, so that those cannot be changed
unseen either. Both start from 32 zero bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from alluse_assets.base.events import Event, instant_text
from alluse_assets.journal.canonical import canonical_bytes

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a book's journal ends; ``seq`` 0 and zero hashes for an empty one."""

    seq: int = 0
    hash: bytes = GENESIS
    seal: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event at its place in the journal."""

    seq: int
    event: Event
    recorded_at: datetime
    prev_hash: bytes
    hash: bytes
    seal: bytes
    stored_payload: str | None = None
    """The payload's text as a store has it; None where there is no store."""

    @property
    def head(self) -> Head:
        """The journal's head when this is its last event."""
        return Head(self.seq, self.hash, self.seal)


def link(book: str, head: Head, event: Event, recorded_at: datetime) -> RecordedEvent:
    """``event`` chained behind ``head``."""
    seq = head.seq + 1
    digest = hashlib.sha256(head.hash + canonical_bytes(seq, event)).digest()
    seal = hashlib.sha256(head.seal + digest + f"{book}\n{instant_text(recorded_at)}".encode()).digest()
    return RecordedEvent(seq, event, recorded_at, head.hash, digest, seal)
