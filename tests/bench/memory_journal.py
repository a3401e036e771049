"""A journal that is only chained, in memory: what a replay costs without a database."""

from contextlib import nullcontext
from datetime import UTC, datetime

from alluse_assets.journal.chain import Head, link

RECORDED = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryJournal:
    """Enough of ``JournalStore`` for one book's replay."""

    def __init__(self):
        self.rows = []

    def create_book(self, book, kind):
        """Nothing to do."""

    def lease(self, book, wait_seconds):
        """Nobody else is here."""
        return nullcontext()

    def read(self, book, after_seq=0):
        """The events behind ``after_seq``."""
        return iter(self.rows[after_seq:])

    def append(self, book, events, after: Head):
        """Chain and keep."""
        for event in events:
            self.rows.append(link(book, after, event, RECORDED))
            after = self.rows[-1].head
        return after
