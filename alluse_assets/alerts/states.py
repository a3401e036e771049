"""What became of each alert, and the two answers a person can give: acknowledge and resolve.

Acknowledged: somebody looks after it, nobody else is called. Resolved: it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from alluse_assets.alerts.alert import Alert, AlertType, raised_key
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.errors import AlertError
from alluse_assets.base.events import Event
from alluse_assets.base.person import person_actor, person_name
from alluse_assets.journal.event_types import EventType

ALERT_EVENTS = (EventType.ALERT_RAISED, EventType.ALERT_ACKNOWLEDGED, EventType.ALERT_RESOLVED)
"""All that the fold needs of a journal."""


class AlertState(StrEnum):
    """Where an alert stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Answer:
    """Who acknowledged or resolved an alert, when and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class CurrentAlert:
    """An alert as it is now."""

    alert: Alert
    raised_at: datetime
    actor: str
    acknowledged: Answer | None = None
    resolved: Answer | None = None

    @property
    def state(self) -> AlertState:
        """New, acknowledged or resolved."""
        if self.resolved:
            return AlertState.RESOLVED
        return AlertState.ACKNOWLEDGED if self.acknowledged else AlertState.NEW


def alerts_of(events: Iterable[Event]) -> dict[str, CurrentAlert]:
    """Every alert of a book by id, in the order in which they were raised.

    Args:
        events: the book's, from the first; those of other types are passed over.

    Raises:
        AlertError: an event of an alert lacks a field, or answers an alert that was never raised.
    """
    found: dict[str, CurrentAlert] = {}
    for event in events:
        if event.type not in ALERT_EVENTS:
            continue
        try:
            p: Any = event.payload
            if event.type == EventType.ALERT_RAISED:
                found[p["alert"]] = CurrentAlert(_alert(p), event.effective_at, event.actor)
            else:
                answer, known = Answer(p["by"], event.effective_at, p["why"]), found[p["alert"]]
                if event.type == EventType.ALERT_ACKNOWLEDGED:
                    found[p["alert"]] = replace(known, acknowledged=answer)
                else:
                    found[p["alert"]] = replace(known, resolved=answer)
        except (KeyError, ValueError) as error:
            raise AlertError(
                f"event {event.key} of the journal is no alert's: {type(error).__name__} {error}; make such "
                "events with alert_event, decide_acknowledge and decide_resolve"
            ) from error
    return found


def decide_acknowledge(
    alerts: Mapping[str, CurrentAlert], alert: str, by: str, at: datetime, why: str = ""
) -> Event | None:
    """The event by which ``by`` looks after an alert; None when somebody does already.

    Raises:
        AlertError: there is no such alert, it is resolved, or nobody is named.
    """
    by, current = person_name(by, AlertError), _known(alerts, alert)
    if current.resolved:
        raise AlertError(
            f"alert {alert} is resolved already, {_said(current.resolved)}: nothing to look after"
        )
    if current.acknowledged:
        return None
    return _answer(EventType.ALERT_ACKNOWLEDGED, alert, by, person_actor(by), at, why)


def decide_resolve(alerts: Mapping[str, CurrentAlert], alert: str, by: str, at: datetime, why: str) -> Event:
    """The event by which ``by`` says that an alert is over, acknowledged before or not.

    Raises:
        AlertError: there is no such alert, it is resolved already, or nobody or no reason is named.
    """
    by, current = person_name(by, AlertError), _known(alerts, alert)
    if current.resolved:
        raise AlertError(f"alert {alert} is resolved already, {_said(current.resolved)}")
    if not why.strip():
        raise AlertError(f"alert {alert}: say why it is over")
    return _answer(EventType.ALERT_RESOLVED, alert, by, person_actor(by), at, why)


def resolved_by_event(alert: str, by: str, why: str, event: Event) -> Event:
    """The event that ends an alert which is not resolved, because ``event`` ended what it tells of.

    Args:
        alert: its id.
        by: who ended it: a person's name, or a rule.
        why: a sentence for people.
        event: what ended it; the alert ends at the same time, by the same actor.
    """
    return _answer(EventType.ALERT_RESOLVED, alert, by, event.actor, event.effective_at, why, event.key)


def _known(alerts: Mapping[str, CurrentAlert], alert: str) -> CurrentAlert:
    if alert not in alerts:
        still_open = [name for name, known in alerts.items() if not known.resolved]
        raise AlertError(
            f"there is no alert {alert!r}; open: {', '.join(still_open[-5:]) or 'none'}"
            + (f" and {len(still_open) - 5} older ones" if len(still_open) > 5 else "")
        )
    return alerts[alert]


def _said(answer: Answer) -> str:
    return f"by {answer.by}, {new_york_text(answer.at)}"


def _answer(
    kind: EventType, alert: str, by: str, actor: str, at: datetime, why: str, cause: str = ""
) -> Event:
    word = kind.value.partition(".")[2]
    key = raised_key(alert)
    payload = {"alert": alert, "by": by, "why": why}
    return Event(kind, at, actor, f"{key}/{word}", payload, cause=cause or key)


def _alert(p: Any) -> Alert:
    return Alert(
        p["alert"],
        AlertType(p["type"]),
        p["priority"],
        p["text"],
        p["account"],
        p["symbol"],
        tuple(p["script"]),
        p["question"],
        p["dedup_key"],
        p.get("approval", ""),
        p.get("approval_hash", ""),
    )
