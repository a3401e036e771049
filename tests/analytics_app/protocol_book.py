"""A made-up crash as a book: levels, rolls, holds, pivots, breakers and questions in a few weeks."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head
from alluse_assets.journal.event_types import EventType
from alluse_assets.orchestration.installation import Installation
from alluse_assets.orchestration.projections import project_book
from tests.book_maker import InMemoryJournal
from tests.end_to_end.crash_market import crash_market
from tests.made_market import replayed

WORST = date(2011, 2, 3)
"""A session at whose close REV-1 is SAFE and short options are at level 3."""


@cache
def crash_events() -> tuple[Event, ...]:
    """Every event of the book."""
    return tuple(replayed(crash_market()))


def events_until(session: date) -> list[Event]:
    """The book's events up to the close of ``session``."""
    events = crash_events()
    closes = [
        number
        for number, event in enumerate(events)
        if event.type == EventType.SESSION_CLOSED and event.payload["session"] == session.isoformat()
    ]
    return list(events[: closes[0] + 1])


def write_crash(home: Path, book: str = "crash") -> Lake:
    """The whole book's tables in the lake of the installation at ``home``."""
    lake, store = Lake(Installation(home).lake), InMemoryJournal()
    store.put(book, list(crash_events()))
    project_book(store, lake, trading_calendar(), book)
    return lake


def append(url: str, book: str, *events: Event, kind: str = "paper") -> None:
    """Events behind the end of the book's journal in the database; a new book is made."""
    with open_pool(url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book(book, kind)
        head = journal.head(book)
        journal.append(book, list(events), head if head.seq else Head())


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
