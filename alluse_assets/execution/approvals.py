"""A person in the loop: what needs a yes, exactly what the yes is for, and when it counts (section 7).

An approval binds to the hash of its subject, which is exactly what will be done; it is answered once, by
somebody with a name, in ``live`` by another one than whoever asked; it expires; it is used once.
Unanswered means no. Here are the rules and the events, for orders and for everything else that asks: a
fork, a merge, a configuration. ``engine`` applies them to orders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import rfc8785

from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.base.errors import ApprovalError
from alluse_assets.base.events import Event, Json, instant_text
from alluse_assets.base.person import is_same_person, person_actor, person_name
from alluse_assets.execution.gate import keeps_window
from alluse_assets.execution.order import OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookKind
from alluse_assets.ledger.approval_state import ApprovalState

REASONS: Mapping[str, str] = {
    "mode_approve": "in this book every order needs a yes",
    "under_floor": "the premium yield is under the account's floor",
    "level_3_close": "closing at level 3 needs a yes",
    "fork": "a fork needs a yes",
    "merge": "a merge needs a yes",
    "config_change": "a changed configuration needs a yes",
    "resume_puts": "puts resume during a drawdown only with a yes",
    "lift_level": "after a cool-off a person lifts the level",
}
"""Why a person is asked, in words. ``approvals`` has a switch of the same name for the cases in it."""

_WORDS: Mapping[str, str] = {
    "resume_puts": "sell puts again, at {size_share} of their size, though {account} is in a drawdown",
    "lift_level": "lift {symbol} in {account} from level {level_from}, anchored anew to its price and ATR",
}

APPROVED_BY_A_PERSON, BOOK_SENDS, FLOOR_MAY_BE_ASKED = "approval@1", "mode@1", "floor@1"
ROLL_STILL_STANDS, STRONGER_EXIT, HEDGE_IS_DUE = "roll@1", "precedence@1", "hedge@1"
RULES: Mapping[str, str] = {
    APPROVED_BY_A_PERSON: "What asks has a person's yes to exactly this, in time and not used before.",
    BOOK_SENDS: "A book that only advises sends nothing.",
    ROLL_STILL_STANDS: "A roll that waits or works is still due as the protocol has it.",
    STRONGER_EXIT: "Exits make way for stronger ones: level close, dividend risk, roll, near strike, profit.",
    HEDGE_IS_DUE: "A hedge is bought while a position is at a level that is hedged.",
    FLOOR_MAY_BE_ASKED: "A yield under the floor trades only where a person may be asked about it.",
}
"""What is judged of an order beside the gate's rules, by id and version as the journal has them."""

DAY_KINDS = ("order", "roll")
"""What is asked about orders, which no session outlives."""

CONFIG_HAS_CHANGED = "the configuration has changed since it was asked"

POLICY = "policy:replay"
"""Who answers in a replay."""

Approvals = Mapping[str, ApprovalState]


@dataclass(frozen=True, slots=True)
class Asking:
    """Under which rules a book asks.

    ``window_ends_at``: end of the session's entry window. ``policy``: what a replay answers at once; None
    where a person is asked.
    """

    rules: ApprovalRules = field(default_factory=ApprovalRules)
    alerts: AlertRules = field(default_factory=AlertRules)
    window_ends_at: datetime | None = None
    policy: Literal["yes", "no"] | None = None


def asks(reason: str, rules: ApprovalRules) -> bool:
    """Whether ``reason`` asks under ``rules``. What has no switch always does."""
    return reason not in ApprovalRules.model_fields or bool(getattr(rules, reason))


def why_ask(intent: OrderIntent, rules: ApprovalRules) -> tuple[str, ...]:
    """Why a person is asked about an order; empty: nobody is."""
    everything = ("mode_approve",) if rules.mode == "approve" else ()
    return (*everything, *(reason for reason in intent.asks if asks(reason, rules)))


def refused_unasked(intent: OrderIntent, rules: ApprovalRules) -> tuple[str, str] | None:
    """The rule that stops an order without asking anybody, and why; None when it may go on."""
    if "under_floor" in intent.asks and not asks("under_floor", rules):
        return FLOOR_MAY_BE_ASKED, "the premium yield is under the floor, and approvals.under_floor is off"
    if rules.mode == "advise":
        return BOOK_SENDS, "the book only advises"
    return None


def order_subject(*intents: OrderIntent) -> dict[str, Json]:
    """Exactly what is approved of orders."""
    return {"orders": [intent.terms() for intent in intents]}


def roll_subject(close: OrderIntent, sale: OrderIntent) -> dict[str, Json]:
    """Exactly what is approved of a roll: both legs, in their order, and the roll that they are of."""
    return {**order_subject(close, sale), "roll": close.parent}


def in_words(kind: str, subject: Mapping[str, Json]) -> str:
    """What would be done, for people; the plain subject where there are no words for it."""
    if kind in _WORDS:
        return _WORDS[kind].format_map(dict(subject))
    return f"{kind}: {rfc8785.dumps(dict(subject)).decode()}"


def hash_of(subject: Mapping[str, Json]) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of a subject, hexadecimal."""
    return hashlib.sha256(rfc8785.dumps(dict(subject))).hexdigest()


def subject_hash(*intents: OrderIntent) -> str:
    """What an approval of these orders, together, is bound to."""
    return hash_of(order_subject(*intents))


def order_approval(intent_id: str) -> str:
    """The id of the approval of one order."""
    return f"order/{intent_id}"


def expiry(
    intent: OrderIntent,
    at: datetime,
    rules: ApprovalRules,
    window_ends_at: datetime | None,
    closes_at: datetime,
) -> datetime:
    """The last instant at which an order's request can be answered and used.

    ``approvals.expires_after_minutes`` after ``at`` where that is set. Else an entry ends
    with the entry window, behind which the gate refuses it. What is no entry has no window, and an entry of a
    replay may be decided behind it, when its quotes are: both end with the session. No order outlives its
    session's close, for it is a day order.
    """
    end = closes_at
    if rules.expires_after_minutes is not None:
        end = at + timedelta(minutes=rules.expires_after_minutes)
    elif keeps_window(intent) and window_ends_at is not None and at <= window_ends_at:
        end = window_ends_at
    return min(end, closes_at)


def request(
    kind: str,
    name: str,
    subject: Mapping[str, Json],
    reasons: Sequence[str],
    requested_by: str,
    at: datetime,
    expires_at: datetime,
    cause: str | None = None,
) -> Event:
    """Ask a person.

    Args:
        kind: what is asked: order, roll, config, fork, merge, lift_level, resume_puts, ...
        name: of this request among its kind; a pure function of what is asked, new when it is asked anew.
        subject: exactly what will be done after a yes.
        reasons: why a person is asked.
        requested_by: actor who wants it.
        at: now.
        expires_at: the last instant at which it can be answered or used.
        cause: key of the event that led to it.
    """
    approval = f"{kind}/{name}"
    payload: dict[str, Json] = {
        "approval": approval,
        "kind": kind,
        "subject": dict(subject),
        "hash": hash_of(subject),
        "reasons": list(reasons),
        "requested_by": requested_by,
        "expires_at": instant_text(expires_at),
    }
    return _event(EventType.APPROVAL_REQUESTED, approval, at, requested_by, payload, cause)


def answer(
    approvals: Approvals,
    approval: str,
    given_hash: str,
    by: str,
    yes: bool,
    at: datetime,
    book_kind: BookKind,
    rules: ApprovalRules,
    why: str = "",
) -> Event:
    """A person's answer, where it is one.

    Args:
        approvals: those of the book's state.
        approval: id of the request.
        given_hash: hash of what the person saw.
        by: the person's name.
        yes: what they say.
        at: now.
        book_kind: four eyes are asked for in ``live``.
        rules: the book's.
        why: their own words.

    Raises:
        ApprovalError: nothing of that id is open, it has expired or another subject was seen, the name is
            empty, or the approver is the requester.
    """
    asked = approvals.get(approval)
    if asked is None:
        raise ApprovalError(f"approval {approval}: nothing of that name is open; list with: alluse approvals")
    if asked.answer is not None:
        raise ApprovalError(
            f"approval {approval}: {asked.answered_by} has answered {asked.answer} already"
            + (f", {new_york_text(asked.answered_at)}" if asked.answered_at else "")
        )
    if asked.has_expired(at):
        raise ApprovalError(f"approval {approval}: it expired {new_york_text(asked.expires_at)}")
    if given_hash != asked.hash:
        raise ApprovalError(
            f"approval {approval}: what is asked has the hash {asked.hash[:16]}, not {given_hash[:16]}: "
            "look at it again"
        )
    name = person_name(by, lambda words: ApprovalError(f"approval {approval}: {words}"))
    four_eyes = yes and book_kind == "live" and rules.live_approver_is_another
    if four_eyes and is_same_person(name, asked.requested_by):
        raise ApprovalError(
            f"approval {approval}: {name} asked for it, and in live another person approves "
            "(approvals.live_approver_is_another)"
        )
    return _answered(asked, yes, person_actor(name), name, at, why)


def policy_answer(asked: ApprovalState, yes: bool, at: datetime) -> Event:
    """A replay's answer, by ``approvals.replay_answer``."""
    return _answered(asked, yes, POLICY, POLICY, at, "approvals.replay_answer")


def unusable(asked: ApprovalState | None, subject: str, now: datetime) -> str | None:
    """Why an approval cannot be used for what has the hash ``subject``; None when it can.

    One that was used is not in the state any more, so it is unknown here.
    """
    if asked is None:
        return "nobody was asked, or the answer was used or expired"
    if asked.answer is None:
        return "nobody has answered"
    if asked.answer != "yes":
        return f"{asked.answered_by} said no" + (f": {asked.why}" if asked.why else "")
    if asked.has_expired(now):
        return f"{asked.answered_by}'s approval expired {new_york_text(asked.expires_at)}"
    if asked.hash != subject:
        return f"{asked.answered_by} approved something else (hash {asked.hash[:16]}, not {subject[:16]})"
    return None


def used(asked: ApprovalState, at: datetime, actor: str) -> Event:
    """What was approved goes ahead now; call it only where ``unusable`` has no objection."""
    return _ended(EventType.APPROVAL_USED, asked, at, actor)


def expired(asked: ApprovalState, at: datetime) -> Event:
    """Its time is over, or what it is about does not stand any more."""
    return _ended(EventType.APPROVAL_EXPIRED, asked, at, "rule:approvals")


def _answered(asked: ApprovalState, yes: bool, actor: str, by: str, at: datetime, why: str) -> Event:
    payload: dict[str, Json] = {
        "approval": asked.approval,
        "hash": asked.hash,
        "answer": "yes" if yes else "no",
        "by": by,
        "why": why,
    }
    cause = f"approval/{asked.approval}/requested"
    return _event(EventType.APPROVAL_ANSWERED, asked.approval, at, actor, payload, cause)


def _ended(event_type: EventType, asked: ApprovalState, at: datetime, actor: str) -> Event:
    payload: dict[str, Json] = {"approval": asked.approval, "hash": asked.hash}
    cause = f"approval/{asked.approval}/{'answered' if asked.answer else 'requested'}"
    return _event(event_type, asked.approval, at, actor, payload, cause)


def _event(
    event_type: EventType,
    approval: str,
    at: datetime,
    actor: str,
    payload: dict[str, Json],
    cause: str | None,
) -> Event:
    # One key a step of each request: the journal itself refuses a second answer or a second use.
    key = f"approval/{approval}/{event_type.value.removeprefix('approval.')}"
    return Event(event_type, at, actor, key, payload, cause=cause)
