"""When a book was last looked at, on PostgreSQL; the table is in migration 0006."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alluse_assets.adapters.postgres.connect import Pool
from alluse_assets.protection.watchdog import LastLook

_LOOKED = """
INSERT INTO alluse.book_looks (book, looked_at) VALUES (%s, %s)
ON CONFLICT (book) DO UPDATE SET looked_at = greatest(excluded.looked_at, book_looks.looked_at)
"""
_FAILED = """
INSERT INTO alluse.book_looks (book, failed_at, failed_why) VALUES (%s, %s, %s)
ON CONFLICT (book) DO UPDATE SET failed_at = excluded.failed_at, failed_why = excluded.failed_why
"""
_LAST = "SELECT looked_at, failed_at, failed_why FROM alluse.book_looks WHERE book = %s"


@dataclass(frozen=True, slots=True)
class PostgresLooks:
    """``LookLog`` over a pool in the application's role."""

    pool: Pool

    def looked(self, book: str, at: datetime) -> None:
        """The book was looked at, and all of it is committed."""
        with self.pool.connection() as connection:
            connection.execute(_LOOKED, [book, at])

    def failed(self, book: str, at: datetime, why: str) -> None:
        """A look at the book could not be made."""
        with self.pool.connection() as connection:
            connection.execute(_FAILED, [book, at, why])

    def last(self, book: str) -> LastLook:
        """What is known of the book's looks."""
        with self.pool.connection() as connection:
            row = connection.execute(_LAST, [book]).fetchone()
        return LastLook(*row) if row else LastLook()
