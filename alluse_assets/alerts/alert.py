"""An alert and the event that raises it.

Protocol section 7: alerts have a type, a priority, an action script where there is one, and a state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import get_args

from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.errors import AlertError
from alluse_assets.base.events import Event, Json
from alluse_assets.journal.event_types import EventType

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""From the lowest to the highest."""
CRITICAL: Priority = "CRITICAL"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,119}")


class AlertType(StrEnum):
    """What an alert is about."""

    TRADE_OPPORTUNITY = "trade_opportunity"
    PROTOCOL = "protocol"
    ACCOUNT = "account"
    SYSTEM = "system"
    TECHNICAL = "technical"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a person should know.

    Attributes:
        id: unique in the book and made from what it is about, so that raising it twice is raising it once.
        type: what it is about.
        priority: how urgent it is; CRITICAL ones are escalated until somebody answers.
        text: plain words: what is the matter, with its numbers.
        account: the trading account concerned, if it is one.
        symbol: the underlying concerned, if it is one.
        script: the orders that would be the action, ready to be looked at; no floats in it.
        question: a person is asked for a decision, not only told.
        dedup_key: alerts with the same key are the same matter; empty: it is like no other.
        approval: id of the request that it tells of, if it tells of one; the answer to that resolves it.
        approval_hash: what an answer to that request binds to.

    Raises:
        AlertError: the id cannot be one, the text is empty, or the type or priority is unknown.
    """

    id: str
    type: AlertType
    priority: Priority
    text: str
    account: str | None = None
    symbol: str | None = None
    script: Sequence[Json] = ()
    question: bool = False
    dedup_key: str = ""
    approval: str = ""
    approval_hash: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise AlertError(f"alert id {self.id!r}: use letters, digits and any of _.:/- , at most 120")
        if self.type not in tuple(AlertType):
            raise AlertError(f"alert {self.id}: type {self.type!r} is none of {', '.join(AlertType)}")
        if self.priority not in PRIORITIES:
            raise AlertError(
                f"alert {self.id}: priority {self.priority!r} is none of {', '.join(PRIORITIES)}"
            )
        if not self.text.strip():
            raise AlertError(f"alert {self.id}: an alert without a text tells nobody anything")


def rank(priority: Priority) -> int:
    """Place of a priority, 0 for LOW: for comparing."""
    return PRIORITIES.index(priority)


def alert_event(alert: Alert, at: datetime, actor: str, cause: str | None = None) -> Event:
    """The event that raises ``alert``; its key makes sure that the book has it once.

    Args:
        alert: what to tell.
        at: when it became true.
        actor: which rule, broker or process says so.
        cause: key of the event that led to it.
    """
    payload: dict[str, Json] = {
        "alert": alert.id,
        "type": alert.type.value,
        "priority": alert.priority,
        "text": alert.text,
        "account": alert.account,
        "symbol": alert.symbol,
        "script": list(alert.script),
        "question": alert.question,
        "dedup_key": alert.dedup_key,
    }
    if alert.approval:
        payload |= {"approval": alert.approval, "approval_hash": alert.approval_hash}
    return Event(EventType.ALERT_RAISED, at, actor, raised_key(alert.id), payload, cause=cause)


def raised_key(alert: str) -> str:
    """Idempotency key of the event that raises the alert with this id."""
    return f"alert/{alert}"
