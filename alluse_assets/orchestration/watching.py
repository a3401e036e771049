"""The edge of the protocol's watchdog: reads a book, raises what is new, says what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.alerts.alert import alert_event
from alluse_assets.journal.event_types import EventType
from alluse_assets.orchestration.live_book import LiveBook
from alluse_assets.protection.watchdog import decide_protocol_alerts, late_steps

_ACTOR = "watchdog:protocol"


@dataclass(frozen=True, slots=True)
class Watched:
    """``raised``: alerts that are new. ``late``: whether a session should have been opened or closed."""

    raised: int
    late: bool
    sentence: str


def watch_protocol(book: LiveBook, now: datetime) -> Watched:
    """Raise what is wrong with ``book`` at ``now`` and has not been raised."""
    state = book.read()
    if not state.opened:
        return Watched(0, False, f"book {book.book} has not been opened: `alluse trade` opens it")
    config = config_in_force(state)
    known = {
        str(row.event.payload["alert"]) for row in book.store.read(book.book, types=[EventType.ALERT_RAISED])
    }
    looks = book.looks.last(book.book) if book.looks is not None else None
    alerts = decide_protocol_alerts(state, book.calendar, now, config, known, looks)
    late = bool(late_steps(state, book.calendar, now, config))
    if not alerts:
        return Watched(0, late, "what is late was told of already" if late else "all is well")
    fresh = [alert for alert in alerts if alert.id not in known]
    book.append([alert_event(alert, now, _ACTOR) for alert in fresh])
    return Watched(len(fresh), late, f"{len(alerts)} findings, {len(fresh)} of them new")
