"""Takes back what may not work or wait any more: asked anew at each look, before anything fills in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from alluse_assets.execution.approvals import (
    ROLL_STILL_STANDS,
)
from alluse_assets.execution.engine import CANCELABLE, OrderEngine, intent_of
from alluse_assets.execution.gate import STANDING, GateDecision, decide
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.order import OrderIntent, is_one_order
from alluse_assets.execution.roll_plan import ROLL_CLOSE, legs_of, why_not_due


def withdraw(engine: OrderEngine, at: datetime) -> None:
    """Cancel what works, and deny what waits for a person, where it may not be there any more.

    Called at each look before anything fills in it. Asked are the gate's rules on states, windows and
    protection, so exits go on wherever anything may be sent. What waits may do so outside of its window:
    its question has an end of its own, and the whole gate judges a yes.
    """
    orders = list(engine.recorder.state.orders.values())
    found = [
        (order, intent_of(order))
        for order in orders
        if order.state in (*CANCELABLE, OrderState.PENDING_APPROVAL)
    ]
    verdicts = {intent.intent_id: _standing(engine, intent, order.state, at) for order, intent in found}
    for _, intent in found:
        decision = verdicts[intent.intent_id]
        for _, other in found:
            if decision.allows and is_one_order(intent, other):
                decision = verdicts[other.intent_id]
        if decision.allows:
            continue
        engine.call_off(intent, decision, at)


def _standing(engine: OrderEngine, intent: OrderIntent, where: str, at: datetime) -> GateDecision:
    """What the rules on whether an order may be there at all say of one that works or waits.

    The close of a roll that works stands while the roll is due and its sale could be made: what is bought
    back is to be sold again. A roll that waits is judged by ``rolling``.
    """
    state = engine.recorder.state
    asked = [rule for rule in engine.rules if rule.id in STANDING]
    if where == OrderState.PENDING_APPROVAL:
        asked = [rule for rule in asked if rule.id != "window"]
    decision = decide(intent, replace(engine.context(intent, state), now=at), asked)
    roll = state.rolls.get(intent.parent)
    if roll is None or where == OrderState.PENDING_APPROVAL:
        return decision
    refused = list(decision.refused)
    why = why_not_due(roll, engine.level_of(state, str(roll.decided.payload["chain"])))
    if why:
        refused.append((ROLL_STILL_STANDS, why))
    if intent.purpose == ROLL_CLOSE and not refused:
        sale = legs_of(state, intent.parent, roll, at, intent.config_fingerprint)[1]
        said = decide(sale, replace(engine.context(sale, state), now=at), asked)
        refused += [(rule, f"of the sale: {why}") for rule, why in said.refused]
    return replace(decision, refused=tuple(refused))
