"""Rebuilds the lake's tables of one book from its journal. Doing it again changes nothing.

The journal is the truth and these tables can always be thrown away: they are made whole each time, and
what the lake holds already is not written again.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Table
from alluse_assets.journal.store import JournalStore
from alluse_assets.reporting.projections import PROJECTIONS, project


def project_book(store: JournalStore, lake: Lake, calendar: TradingCalendar, book: str) -> dict[str, int]:
    """Project a book's journal into the lake, source ``book=NAME``; the rows of each table by its name.

    Raises:
        JournalError: there is no such book, or nothing in its journal yet.
    """
    frames = project(read_events(store, book), calendar)
    for table in PROJECTIONS:
        write_whole(lake, table, book, frames[table.name])
    return {name: frame.height for name, frame in frames.items()}


def read_events(store: JournalStore, book: str) -> list[Event]:
    """A book's events from the first.

    Raises:
        JournalError: there is no such book, or nothing in its journal yet.
    """
    events = [row.event for row in store.read(book)]
    if not events:
        known = ", ".join(row.name for row in store.books()) or "none"
        raise JournalError(f"no journal of a book {book!r} here; there are: {known}")
    return events


def write_whole(lake: Lake, table: Table, book: str, frame: pl.DataFrame) -> None:
    """Make ``frame`` all that the lake has of a book's table: other rows and months go."""
    source = f"book={book}"
    wanted = table.conform(frame).sort(table.key)
    months = set(wanted["session"].dt.strftime("%Y-%m"))
    lake.remove_months(table, source, [month for month in lake.months(table, source) if month not in months])
    stored = lake.read(table, source)
    if not stored.equals(wanted):
        lake.write(table, source, wanted, replacing={*wanted["session"], *stored["session"]})
