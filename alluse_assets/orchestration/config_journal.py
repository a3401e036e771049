"""Appends a configuration change to a book's journal: read, decide, append, under the book's lease.

One append is one transaction, so whoever is killed here has changed everything or nothing. Two people at
once take turns: the second one decides on what the first one left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from alluse_assets.accounts.config_in_force import CONFIG_EVENTS, config_state
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.base.config.config_manager import StoredVersion
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head
from alluse_assets.journal.store import BookKind, JournalStore
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.orchestration.book_config import stored_versions

_LEASE_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BookNow:
    """A book as it is: its kind, its state, where its journal ends, and the time that it is in it."""

    kind: BookKind
    state: BookState
    head: Head
    at: datetime


Decide = Callable[[BookNow], Event]


def kind_of(store: JournalStore, book: str) -> BookKind:
    """The kind of a book.

    Raises:
        JournalError: there is no such book.
    """
    kinds = {row.name: row.kind for row in store.books()}
    if book not in kinds:
        raise JournalError(f"there is no book {book!r}; there are: {', '.join(sorted(kinds)) or 'none yet'}")
    return kinds[book]


def read_book(store: JournalStore, book: str, clock: Callable[[], datetime]) -> BookNow:
    """The book at the end of its journal, whether it is opened or not.

    A replay is in the time of its last event; any other book in the clock's, which never goes back.

    Raises:
        JournalError: there is no such book.
    """
    kind = kind_of(store, book)
    state, head, last = BookState(), Head(), _EPOCH
    for row in store.read(book):
        state, head, last = apply(state, row.event), row.head, row.event.effective_at
    return BookNow(kind, state, head, last if kind == "replay" else max(last, clock()))


def read_book_now(store: JournalStore, book: str, clock: Callable[[], datetime]) -> BookNow:
    """An opened book at the end of its journal; its time is as in ``read_book``.

    Raises:
        JournalError: there is no such book, or it is not opened yet.
    """
    now = read_book(store, book, clock)
    if now.state.config_history.current is None:
        raise JournalError(f"book {book!r} is not opened yet: until then its profile is what to change")
    return now


def read_versions(store: JournalStore, book: str) -> list[StoredVersion]:
    """The versions of a book's configuration in order, by what each one set.

    Raises:
        JournalError: there is no such book, or it is not opened yet.
    """
    state = config_state(row.event for row in store.read(book, types=CONFIG_EVENTS))
    if state.config_history.current is None:
        known = ", ".join(row.name for row in store.books()) or "none yet"
        raise JournalError(f"there is no opened book {book!r}; there are: {known}")
    return stored_versions(state.config_history)


def append_decided(
    store: JournalStore,
    anchors: AnchorFiles | None,
    book: str,
    clock: Callable[[], datetime],
    decide: Decide,
) -> tuple[Event, BookState]:
    """Append what ``decide`` says of the book as it is; the event and the state after it.

    Raises:
        ConflictError: another process writes to the book.
        ConfigError: ``decide`` refuses; nothing is appended.
        JournalError: there is no such book, or it is not opened yet.
    """
    with store.lease(book, _LEASE_SECONDS):
        now = read_book_now(store, book, clock)
        event = decide(now)
        head = store.append(book, [event], now.head)
        if anchors is not None:
            anchors.add(book, head)
    return event, apply(now.state, event)
