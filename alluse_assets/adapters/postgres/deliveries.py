"""Deliveries of alerts on PostgreSQL; the table is in migration 0004.

A row is written before anything is sent and ended afterwards. Only the process that holds the book's
notifier lease writes, so a row that is under way when a lease begins belongs to a process that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from alluse_assets.adapters.postgres.connect import Pool
from alluse_assets.adapters.postgres.lease import lease
from alluse_assets.alerts.delivery import Delivery, Item, retry_at
from alluse_assets.base.config.model_people import NotifyRules

CUT_OFF = "the notifier was stopped before it knew whether this was delivered"

_CLAIM = """
INSERT INTO alluse.notification_deliveries (book, alert, channel, round, attempt, kind, at)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_END = """
UPDATE alluse.notification_deliveries SET outcome = %s, error = %s, next_attempt_at = %s
WHERE book = %s AND alert = %s AND channel = %s AND round = %s AND attempt = %s AND outcome = 'sending'
"""
_READ = """
SELECT alert, channel, round, attempt, kind, at, outcome, error FROM alluse.notification_deliveries
WHERE book = %s
"""


@dataclass(frozen=True, slots=True)
class PostgresDeliveries:
    """What was tried, by book, over a pool in the application's role."""

    pool: Pool

    @contextmanager
    def lease(self, book: str) -> Iterator[bool]:
        """Be the book's notifier for the block; False: another process is."""
        with lease(self.pool, f"notifier {book}", 0) as held:
            yield held

    def read(self, book: str) -> list[Delivery]:
        """Every delivery of a book's alerts."""
        with self.pool.connection() as connection:
            return [Delivery(*row) for row in connection.execute(_READ, [book])]

    def claim(self, book: str, channel: str, items: Sequence[Item], at: datetime) -> list[Item]:
        """Write down that ``items`` are being sent now; those that nobody else has claimed."""
        with self.pool.connection() as connection:
            return [
                one
                for one in items
                if connection.execute(
                    _CLAIM, [book, one.alert, channel, one.round, one.attempt, one.kind, at]
                ).rowcount
            ]

    def end(
        self, book: str, channel: str, items: Sequence[Item], error: str, at: datetime, rules: NotifyRules
    ) -> None:
        """Write down how ``items`` went. ``error``: why they were not delivered; empty: they were.

        ``at`` is when they were claimed: waits before a repetition count from there.
        """
        outcome = "failed" if error else "sent"
        with self.pool.connection() as connection:
            for one in items:
                again = retry_at(rules, one.attempt, at) if error else None
                key = [book, one.alert, channel, one.round, one.attempt]
                connection.execute(_END, [outcome, error, again, *key])

    def end_cut_off(self, book: str, rules: NotifyRules) -> int:
        """End what a notifier left under way when it was stopped; how many. Only under the lease."""
        with self.pool.connection() as connection:
            left = connection.execute(f"{_READ} AND outcome = 'sending' FOR UPDATE", [book]).fetchall()
            for row in left:
                one = Delivery(*row)
                key = [book, one.alert, one.channel, one.round, one.attempt]
                connection.execute(_END, ["failed", CUT_OFF, retry_at(rules, one.attempt, one.at), *key])
        return len(left)
