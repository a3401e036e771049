"""The port to a journal store. ``adapters/postgres/journal.py`` implements it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head, RecordedEvent

BookKind = Literal["live", "paper", "replay"]


@dataclass(frozen=True, slots=True)
class BookRow:
    """A book that the store knows."""

    name: str
    kind: BookKind
    created_at: datetime


class JournalStore(Protocol):
    """Append-only events per book. An append is one transaction: all of it or nothing."""

    def books(self) -> list[BookRow]:
        """Every book, by name."""

    def create_book(self, book: str, kind: BookKind) -> None:
        """Make a book; doing it twice with the same kind changes nothing."""

    def head(self, book: str) -> Head:
        """Where the book's journal ends."""

    def append(self, book: str, events: Sequence[Event], after: Head) -> Head:
        """Append ``events`` behind ``after`` and return the new head.

        Applying the same events behind the same head twice is applying them once: after a connection
        was lost around COMMIT the keys are looked up before anything is tried again.

        Raises:
            ConflictError: the book's journal goes on behind ``after`` with other events.
        """

    def read(
        self, book: str, after_seq: int = 0, types: Collection[str] | None = None
    ) -> Iterator[RecordedEvent]:
        """The book's events behind ``after_seq``, in order; only those of ``types``, unless it is None."""

    def lease(self, book: str, wait_seconds: float) -> AbstractContextManager[None]:
        """Be the one process that writes to the book.

        Raises:
            ConflictError: another process still holds the book after ``wait_seconds``.
        """
