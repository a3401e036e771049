"""What a person is asked besides orders and configurations, and takes effect at a book's next step.

One question is open at a time about one thing. Each step asks through ``ask``: the first time that is a
request, afterwards a look at the answer, and with a yes in time it is used, once. So a step may be walked
again, and asking twice is asking once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.base.events import Event, Json
from alluse_assets.execution.approval_alerts import why_and_until, with_alert
from alluse_assets.execution.approvals import (
    Approvals,
    hash_of,
    in_words,
    policy_answer,
    request,
    unusable,
    used,
)
from alluse_assets.ledger.approval_state import ApprovalState, approvals_after


@dataclass(frozen=True, slots=True)
class Question:
    """Something that happens only when a person says yes.

    Attributes:
        kind: what kind of thing; the reason of the same name says why it asks.
        account: the trading account concerned.
        symbol: the underlying concerned, if it is one.
        subject: exactly what will be done.
        requested_by: the rule that wants it.
        expires_at: last instant of an answer and of its use; not before the session's close.
        cause: key of the event that led to it.
    """

    kind: str
    account: str
    symbol: str | None
    subject: Mapping[str, Json]
    requested_by: str
    expires_at: datetime
    cause: str

    @property
    def about(self) -> str:
        """The beginning of the ids of all its requests."""
        return f"{self.kind}/{self.account}/" + (f"{self.symbol}/" if self.symbol else "")


def ask(
    question: Question,
    approvals: Approvals,
    session: date,
    at: datetime,
    policy: Literal["yes", "no"] | None,
) -> tuple[list[Event], ApprovalState | None]:
    """What asking comes to at this step.

    A request whose time is over is asked anew, at most once a session. A no stands until then.

    Args:
        question: what is asked.
        approvals: those of the book's state.
        session: this session.
        at: now.
        policy: what a replay answers at once; None where a person is asked.

    Returns:
        The events to record, and the request when its yes is among them as used: then, and only then, the
        thing goes ahead, in the same append.
    """
    asked = next(
        (a for a in approvals.values() if a.approval.startswith(question.about) and not a.has_expired(at)),
        None,
    )
    events: list[Event] = []
    if asked is None:
        approval = f"{question.about}{session}"
        if approval in approvals:  # its time was over before the session's last look
            return [], None
        wanted = request(
            question.kind,
            approval.partition("/")[2],
            question.subject,
            [question.kind],
            question.requested_by,
            at,
            question.expires_at,
            question.cause,
        )
        known = approvals_after({}, wanted)
        (asked,) = known.values()
        if policy is None:
            return [wanted, _alert(question, asked, at)], None
        given = policy_answer(asked, policy == "yes", at)
        (asked,) = approvals_after(known, given).values()
        events = [wanted, given]
    if unusable(asked, hash_of(question.subject), at) is not None:
        return events, None
    return [*events, *with_alert(asked, used(asked, at, "rule:approvals"))], asked


def _alert(question: Question, asked: ApprovalState, at: datetime) -> Event:
    words = f"{question.account}: {in_words(question.kind, question.subject)}? {why_and_until(asked)}"
    alert = Alert(
        f"question/{asked.approval}",
        AlertType.PROTOCOL,
        "HIGH",
        words,
        question.account,
        question.symbol,
        question=True,
        dedup_key=f"question/{question.about}",
        approval=asked.approval,
        approval_hash=asked.hash,
    )
    return alert_event(alert, at, "rule:approvals", f"approval/{asked.approval}/requested")
