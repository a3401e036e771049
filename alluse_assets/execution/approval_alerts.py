"""The alert that tells a person of a request, and its end when the request is answered, used or over.

An order that is only advised has an alert without a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.alerts.states import resolved_by_event
from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.config.model_people import AlertRules
from alluse_assets.base.events import Event, Json, instant_text
from alluse_assets.base.money import text
from alluse_assets.execution.approvals import REASONS
from alluse_assets.execution.order import OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.approval_state import ApprovalState


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
    legs = (f"{i.action.value} {i.quantity} {i.instrument} at {text(i.limit_price)} USD" for i in intents)
    order = f"{intent.account}: {', then '.join(legs)}"
    priority: Priority = "CRITICAL" if "level_3_close" in intent.asks else rules.under_floor
    if asked is None:
        words = f"{order}. The book only advises: nothing was sent."
    else:
        because = "; ".join(REASONS.get(reason, reason) for reason in asked.reasons)
        words = f"{order}? Asked because {because}. Open until {instant_text(asked.expires_at)}."
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
