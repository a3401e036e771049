"""The alert that tells a person of a request, and its end when the request is answered, used or over.

An order that is only advised has an alert without a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.alerts.states import resolved_by_event
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.config.model_people import AlertRules
from alluse_assets.base.events import Event, Json
from alluse_assets.base.instruments import instrument_words
from alluse_assets.base.money import price_words, text
from alluse_assets.execution.approvals import REASONS
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.approval_state import ApprovalState

_VERBS = {
    Action.SELL_TO_OPEN: "sell",
    Action.BUY_TO_CLOSE: "buy back",
    Action.BUY_TO_OPEN: "buy",
    Action.SELL_TO_CLOSE: "sell",
    Action.BUY: "buy",
}


def opportunity_alert(
    intents: Sequence[OrderIntent], asked: ApprovalState | None, rules: AlertRules, at: datetime
) -> Event:
    """Tells a person of an order.

    Args:
        intents: the order, or the legs of a roll, which are one matter.
        asked: what asks about it; None: the book only advises, and nobody will send it.
        rules: how urgent it is.
        at: now.
    """
    intent = intents[0]
    name = f"trade_opportunity/{intent.intent_id}"
    order = f"{intent.account}: {', then '.join(map(_leg_in_words, intents))}"
    priority: Priority = rules.under_floor if "under_floor" in intent.asks else rules.question
    if "level_3_close" in intent.asks:
        priority = "CRITICAL"
    if asked is None:
        words = f"{order}. This book only advises: nothing was sent, it is yours to do."
    else:
        words = f"{order}? {why_and_until(asked)}"
    script: list[Json] = [
        {
            "action": leg.action.value,
            "instrument": leg.instrument,
            "quantity": leg.quantity,
            "limit_price": text(leg.limit_price),
        }
        for leg in intents
    ]
    alert = Alert(
        name,
        AlertType.TRADE_OPPORTUNITY,
        priority,
        words,
        intent.account,
        intent.symbol,
        script,
        question=asked is not None,
        dedup_key=name,
        approval=asked.approval if asked else "",
        approval_hash=asked.hash if asked else "",
    )
    return alert_event(alert, at, "rule:approvals", f"order/{intent.intent_id}/created")


def why_and_until(asked: ApprovalState) -> str:
    """Why a person is asked, until when, and what silence means: the end of every question's text."""
    because = "; ".join(REASONS.get(reason, reason) for reason in asked.reasons)
    return (
        f"You are asked because {because}. Answer until {new_york_text(asked.expires_at)}; "
        "no answer means no."
    )


def _leg_in_words(leg: OrderIntent) -> str:
    what = instrument_words(leg.instrument, leg.quantity)
    limit = f"{'at least' if leg.action.is_sell else 'at most'} {price_words(leg.limit_price)} USD"
    return f"{_VERBS[leg.action]} {what} for {limit} a share ({_purpose_of(leg)})"


def _purpose_of(leg: OrderIntent) -> str:
    purpose = leg.purpose.replace("_", " ")
    if "under_floor" not in leg.asks or not {"premium_yield_ppm", "floor_ppm"} <= leg.evidence.keys():
        return purpose
    found, floor = (Decimal(str(leg.evidence[name])) for name in ("premium_yield_ppm", "floor_ppm"))
    return f"{purpose}; yield {found / 10_000:.2f} % of the strike, floor {floor / 10_000:.2f} %"


def with_alert(asked: ApprovalState, event: Event) -> list[Event]:
    """``event``, and the end of the alert that tells of the request, unless that has ended before.

    So nobody is called about what is decided or too late.

    Args:
        asked: the request before ``event``.
        event: its answer, its use or its expiry.
    """
    if asked.alert is None:
        return [event]
    by, why = event.actor, "nobody answered in time"
    if event.type == EventType.APPROVAL_ANSWERED:
        by = str(event.payload["by"])
        words = str(event.payload["why"])
        why = f"said {event.payload['answer']}" + (f": {words}" if words else "")
    elif event.type == EventType.APPROVAL_USED:
        why = "what was approved goes ahead"
    elif event.effective_at < asked.expires_at:
        why = "what was asked about is not possible any more"
    return [event, resolved_by_event(asked.alert, by, why, event)]
