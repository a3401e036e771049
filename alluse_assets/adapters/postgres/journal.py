"""The journal store on PostgreSQL. The tables and what they enforce are in migration 0002.

One append is one SERIALIZABLE transaction by COPY. After a connection that was lost around COMMIT the
journal's head is read again before anything is tried twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors

from alluse_assets.adapters.postgres.connect import Pool
from alluse_assets.adapters.postgres.lease import lease
from alluse_assets.base.errors import ConflictError, JournalError
from alluse_assets.base.events import Event, Posting
from alluse_assets.journal.canonical import canonical_payload
from alluse_assets.journal.chain import Head, RecordedEvent, link
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookKind, BookRow

_ATTEMPTS = 6
_TRANSIENT = (errors.SerializationFailure, errors.DeadlockDetected, psycopg.OperationalError)
_KNOWN_TYPES = frozenset(EventType)
_COPY_JOURNAL = (
    "COPY alluse.journal (book, seq, type, version, effective_at, recorded_at, actor, cause, key, payload, "
    "prev_hash, hash, seal) FROM STDIN"
)
_COPY_POSTING = (
    "COPY alluse.posting (book, seq, line, account, ledger_account, currency, amount, instrument, quantity) "
    "FROM STDIN"
)
_EVENTS = """
SELECT j.seq, j.type, j.version, j.effective_at, j.recorded_at, j.actor, j.cause, j.key, j.payload::text,
       j.prev_hash, j.hash, j.seal,
       (SELECT array_agg(ARRAY[p.account, p.ledger_account, p.amount::text, p.instrument, p.quantity::text,
                               p.currency] ORDER BY p.line)
        FROM alluse.posting p WHERE p.book = j.book AND p.seq = j.seq)
FROM alluse.journal j WHERE j.book = %s AND j.seq > %s
"""
_READ = f"{_EVENTS} ORDER BY j.seq"
_READ_TYPES = f"{_EVENTS} AND j.type = ANY(%s) ORDER BY j.seq"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PostgresJournal:
    """``JournalStore`` over a pool in the application's role."""

    def __init__(self, pool: Pool, clock: Callable[[], datetime] = _utc_now) -> None:
        """``clock`` gives the recording time, which no hash that decisions depend on contains."""
        self._pool = pool
        self._clock = clock

    def books(self) -> list[BookRow]:
        """Every book, by name."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT book, kind, created_at FROM alluse.book ORDER BY book"
            ).fetchall()
        return [BookRow(*row) for row in rows]

    def create_book(self, book: str, kind: BookKind) -> None:
        """Make a book; doing it twice with the same kind changes nothing.

        Raises:
            JournalError: the name cannot be one, or the book exists with another kind.
        """
        with self._pool.connection() as connection:
            try:
                connection.execute(
                    "INSERT INTO alluse.book (book, kind) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    [book, kind],
                )
            except errors.CheckViolation as error:
                raise JournalError(
                    f"book name {book!r}: use lower-case letters, digits, '.', '_' and '-', at most 63"
                ) from error
            row = connection.execute("SELECT kind FROM alluse.book WHERE book = %s", [book]).fetchone()
        if row is None or row[0] != kind:
            raise JournalError(f"book {book!r} exists as a {row and row[0]} book, not as {kind}")

    def head(self, book: str) -> Head:
        """Where the book's journal ends."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT seq, hash, seal FROM alluse.journal WHERE book = %s ORDER BY seq DESC LIMIT 1", [book]
            ).fetchone()
        return Head(*row) if row else Head()

    def append(self, book: str, events: Sequence[Event], after: Head) -> Head:
        """Append behind ``after`` in one transaction; see ``JournalStore.append``."""
        unknown = sorted({event.type for event in events} - _KNOWN_TYPES)
        if unknown:
            raise JournalError(f"unknown event type {unknown[0]!r}")
        if not events:
            return after
        for attempt in range(_ATTEMPTS):
            recorded_at = self._clock()
            recorded = []
            head = after
            for event in events:
                entry = link(book, head, event, recorded_at)
                recorded.append(entry)
                head = entry.head
            try:
                self._write(book, recorded)
                return head
            except errors.UniqueViolation as error:
                return self._already_applied(book, recorded, after, error)
            except _TRANSIENT as error:
                now = self.head(book)
                if now.seq != after.seq:
                    return self._already_applied(book, recorded, after, error)
                if attempt + 1 == _ATTEMPTS:
                    raise JournalError(
                        f"book {book}: could not append after {_ATTEMPTS} tries: {error}"
                    ) from error
                time.sleep(0.02 * 2**attempt)
            except psycopg.DatabaseError as error:
                raise JournalError(f"book {book}: the database refused the events: {error}") from error
        raise AssertionError("unreachable")

    def read(
        self, book: str, after_seq: int = 0, types: Collection[str] | None = None
    ) -> Iterator[RecordedEvent]:
        """The book's events behind ``after_seq``, in order, in batches; see ``JournalStore.read``."""
        with self._pool.connection() as connection, connection.cursor(name="journal_read") as cursor:
            cursor.itersize = 5_000
            try:
                if types is None:
                    cursor.execute(_READ, [book, after_seq])
                else:
                    cursor.execute(_READ_TYPES, [book, after_seq, [str(kind) for kind in types]])
                for row in cursor:
                    yield _recorded(row)
            except (psycopg.DataError, ValueError, TypeError) as error:
                raise JournalError(
                    f"the journal of book {book!r} holds what no event can be: {error}"
                ) from error

    def count_postings(self, book: str) -> int:
        """Postings under the book's name, whether an event of it has them or not."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT count(*) FROM alluse.posting WHERE book = %s", [book]).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def lease(self, book: str, wait_seconds: float) -> Iterator[None]:
        """Be the one process that writes to the book; see ``JournalStore.lease``."""
        with lease(self._pool, f"book {book}", wait_seconds) as held:
            if not held:
                raise ConflictError(
                    f"book {book!r} is being written by another process; wait for it to end and try again"
                )
            yield

    def _write(self, book: str, recorded: Sequence[RecordedEvent]) -> None:
        with self._pool.connection() as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    with cursor.copy(_COPY_JOURNAL) as copy:
                        for entry in recorded:
                            copy.write_row(_journal_row(book, entry))
                    with cursor.copy(_COPY_POSTING) as copy:
                        for entry in recorded:
                            for line, posting in enumerate(entry.event.postings, start=1):
                                copy.write_row(_posting_row(book, entry.seq, line, posting))
            finally:
                if not connection.closed:
                    connection.isolation_level = None

    def _already_applied(
        self, book: str, recorded: Sequence[RecordedEvent], after: Head, error: Exception
    ) -> Head:
        """The head, when the journal already holds exactly these events behind ``after``."""
        there = {entry.seq: entry for entry in self.read(book, after.seq)}
        if all(entry.seq in there and there[entry.seq].hash == entry.hash for entry in recorded):
            return there[recorded[-1].seq].head
        raise ConflictError(
            f"book {book}: another process appended behind event {after.seq}, or a key was used "
            f"for something else ({str(error).strip()})"
        ) from error


def _journal_row(book: str, entry: RecordedEvent) -> tuple[Any, ...]:
    event = entry.event
    return (
        book,
        entry.seq,
        str(event.type),
        event.version,
        event.effective_at,
        entry.recorded_at,
        event.actor,
        event.cause,
        event.key,
        canonical_payload(event.payload),
        entry.prev_hash,
        entry.hash,
        entry.seal,
    )


def _posting_row(book: str, seq: int, line: int, posting: Posting) -> tuple[Any, ...]:
    return (
        book,
        seq,
        line,
        posting.account,
        str(posting.ledger_account),
        posting.currency,
        posting.amount,
        posting.instrument,
        posting.quantity,
    )


def _recorded(row: tuple[Any, ...]) -> RecordedEvent:
    (
        seq,
        kind,
        version,
        effective_at,
        recorded_at,
        actor,
        cause,
        key,
        payload,
        prev_hash,
        digest,
        seal,
        lines,
    ) = row
    postings = tuple(
        Posting(account, ledger_account, Decimal(amount), instrument, int(quantity), currency)
        for account, ledger_account, amount, instrument, quantity, currency in lines or ()
    )
    event = Event(kind, effective_at, actor, key, json.loads(payload), postings, cause, version)
    return RecordedEvent(seq, event, recorded_at, prev_hash, digest, seal, payload)
