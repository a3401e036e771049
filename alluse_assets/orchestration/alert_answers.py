"""A book's alerts as they are now, and a person's answers to them as events of its journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from alluse_assets.alerts.states import (
    ALERT_EVENTS,
    CurrentAlert,
    alerts_of,
    decide_acknowledge,
    decide_resolve,
)
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.journal.store import BookKind
from alluse_assets.orchestration.services import Services

_LEASE_SECONDS = 10.0


def kind_of(services: Services, book: str) -> BookKind:
    """Whether ``book`` is live, paper or a replay.

    Raises:
        JournalError: there is no such book.
    """
    kinds = {row.name: row.kind for row in services.store.books()}
    if book not in kinds:
        raise JournalError(f"there is no book {book!r}; there are: {', '.join(kinds) or 'none yet'}")
    return kinds[book]


def current_alerts(services: Services, book: str) -> dict[str, CurrentAlert]:
    """Every alert of ``book`` by id, oldest first; the rest of the journal is not read.

    Raises:
        JournalError: there is no such book.
    """
    kind_of(services, book)
    return alerts_of(row.event for row in services.store.read(book, types=ALERT_EVENTS))


def acknowledge(services: Services, book: str, alert: str, by: str, why: str, now: datetime) -> bool:
    """Write down that ``by`` looks after an alert; False when somebody does already.

    Raises:
        AlertError: there is no such alert, or it is resolved.
        ConflictError: another process writes to the book.
    """
    return _answer(services, book, now, lambda alerts, at: decide_acknowledge(alerts, alert, by, at, why))


def resolve_alert(services: Services, book: str, alert: str, by: str, why: str, now: datetime) -> None:
    """Write down that an alert is over, as ``by`` says.

    Raises:
        AlertError: there is no such alert, or it is resolved already.
        ConflictError: another process writes to the book.
    """
    _answer(services, book, now, lambda alerts, at: decide_resolve(alerts, alert, by, at, why))


def _answer(
    services: Services,
    book: str,
    now: datetime,
    decide: Callable[[dict[str, CurrentAlert], datetime], Event | None],
) -> bool:
    kind = kind_of(services, book)
    with services.store.lease(book, _LEASE_SECONDS):
        head = services.store.head(book)
        if kind == "replay" and head.seq:
            # A replay's clock stands where it ended; what follows in it must not come before its events.
            now = next(iter(services.store.read(book, head.seq - 1))).event.effective_at
        event = decide(current_alerts(services, book), now)
        if event is not None:
            services.anchors.add(book, services.store.append(book, [event], head))
    return event is not None
