"""Writes the pages that people open, from a book's journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from alluse_assets.adapters.lake.atomic_files import write_durably
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import DataError, JournalError
from alluse_assets.journal.chain import RecordedEvent
from alluse_assets.journal.store import JournalStore
from alluse_assets.reporting.floor_comparison import FloorComparison
from alluse_assets.reporting.projections import project
from alluse_assets.reporting.report import render_report, report_meta


def write_report(
    store: JournalStore,
    calendar: TradingCalendar,
    book: str,
    folder: Path,
    floors: Callable[[Sequence[RecordedEvent]], FloorComparison] | None = None,
) -> Path:
    """Write ``BOOK.html`` into ``folder``, whole or not at all; the page's path.

    ``floors`` puts a replay's journal beside the same replay with approval = yes; other books have none.

    Raises:
        JournalError: there is no such book, or it has closed no session.
        DataError: the folder cannot be written.
    """
    rows = list(store.read(book))
    tables = project([row.event for row in rows], calendar)
    if tables["performance"].is_empty():
        raise JournalError(f"book {book!r} has closed no session yet: there is nothing to report")
    compared = floors(rows) if floors else None
    page = folder / f"{book}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(page, render_report(tables, report_meta(book, rows), compared).encode())
    except OSError as error:
        raise DataError(f"cannot write {page}: {error}") from error
    return page
