"""What a person was asked and is still of use, as part of a book's state. Pure.

What was used or expired leaves the state at once, what was refused with the first session's close behind its
time: until then whoever asked can see the answer, and does not ask again. The journal keeps everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from alluse_assets.base.events import Event, Json
from alluse_assets.journal.event_types import EventType


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """One request. ``hash`` is over ``subject``, which is exactly what is asked.

    ``answer``: ``yes``, ``no``, or None while nobody has answered. ``expires_at`` is the last instant at
    which it can be answered or used. ``alert``: the one that tells of it, while nobody has resolved it.
    """

    approval: str
    kind: str
    subject: Mapping[str, Json]
    hash: str
    reasons: tuple[str, ...]
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    why: str = ""
    alert: str | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether ``now`` is behind its last instant."""
        return now > self.expires_at


def approvals_after(approvals: Mapping[str, ApprovalState], event: Event) -> Mapping[str, ApprovalState]:
    """The requests that are still of use after ``event``."""
    if event.type == EventType.SESSION_CLOSED:
        now = event.effective_at
        return {k: a for k, a in approvals.items() if a.answer != "no" or a.expires_at > now}
    p: Any = event.payload
    if event.type == EventType.ALERT_RESOLVED:
        told = next((name for name, a in approvals.items() if a.alert == p["alert"]), None)
        return {**approvals, told: replace(approvals[told], alert=None)} if told else approvals
    name: str = p["approval"] if event.type != EventType.ALERT_RAISED else p.get("approval", "")
    if event.type == EventType.ALERT_RAISED:
        if name not in approvals:
            return approvals
        return {**approvals, name: replace(approvals[name], alert=p["alert"])}
    if event.type == EventType.APPROVAL_REQUESTED:
        asked = ApprovalState(
            name,
            p["kind"],
            p["subject"],
            p["hash"],
            tuple(p["reasons"]),
            p["requested_by"],
            event.effective_at,
            datetime.fromisoformat(p["expires_at"]),
        )
        return {**approvals, name: asked}
    rest = {key: asked for key, asked in approvals.items() if key != name}
    if event.type != EventType.APPROVAL_ANSWERED or name not in approvals:
        return rest
    return {
        **rest,
        name: replace(
            approvals[name],
            answer=p["answer"],
            answered_by=p["by"],
            answered_at=event.effective_at,
            why=p["why"],
        ),
    }
