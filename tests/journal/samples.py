"""Small legal journals for tests, made by the same functions the product uses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head, link
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.postings import capital_paid_in

BEGAN = datetime(2011, 1, 3, 14, 30, tzinfo=UTC)


def alert(number: int, text: str = "hello") -> Event:
    """An event without money."""
    at = BEGAN + timedelta(minutes=number)
    return Event(EventType.ALERT_RAISED, at, "rule:test", f"alert/{number}", {"text": text})


def deposit(account: str, amount: str, kind: str = "gen") -> Event:
    """An account with its capital."""
    return Event(
        EventType.ACCOUNT_OPENED,
        BEGAN,
        "rule:test",
        f"account/{account}",
        {"account": account, "kind": kind, "capital": amount},
        capital_paid_in(account, Decimal(amount)),
    )


def linked(events, book="b", at=BEGAN):
    """The events chained from the start of a book."""
    head, rows = Head(), []
    for event in events:
        rows.append(link(book, head, event, at))
        head = rows[-1].head
    return rows
