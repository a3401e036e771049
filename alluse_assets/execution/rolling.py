"""Makes a roll: one order where the broker takes it, else close, confirm, sell, under one parent.

ROLLING ends as ROLLED (all that was bought back was sold again), CLOSED_ONLY (some was not), or UNCHANGED
(nothing was bought back). Where a person is asked, the roll asks once, for both legs: its close waits as an
order, and the sale is made when it is its turn. A book that only advises tells of both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alluse_assets.base.events import Event, Json
from alluse_assets.execution.approvals import (
    APPROVED_BY_A_PERSON,
    ROLL_STILL_STANDS,
    expired,
    hash_of,
    opportunity_alert,
    order_approval,
    refused_unasked,
    roll_subject,
    used,
    why_ask,
)
from alluse_assets.execution.engine import OrderEngine, intent_of
from alluse_assets.execution.gate import ROLL_OPEN, GateDecision
from alluse_assets.execution.lifecycle import OrderState, OrderStep
from alluse_assets.execution.order import OrderIntent
from alluse_assets.execution.roll_legs import ROLL_CLOSE, Legs, against, judged, legs_of, send_together
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, RollUnderWay


def place_roll(engine: OrderEngine, close: OrderIntent, opening: OrderIntent) -> None:
    """Send a roll whose decision has been recorded, or ask about it, once for both legs."""
    if close.intent_id in engine.recorder.state.intents_of_session:
        return
    rules, legs = engine.asking.rules, (close, opening)
    reasons = tuple(dict.fromkeys(reason for leg in legs for reason in why_ask(leg, rules)))
    if rules.mode == "advise":
        _place_together(engine, legs)
    elif reasons:
        _ask(engine, legs, reasons)
    elif engine.broker.takes_combined:
        _place_together(engine, legs)
    else:
        engine.place(close)
    continue_rolls(engine, close.decided_at)


def continue_rolls(engine: OrderEngine, at: datetime) -> None:
    """Go on with every roll under way, at each step: heed the answers, and sell what was bought back.

    What was approved as one roll is sold without asking again, as long as it is what was approved: under
    another configuration it is not, and the roll ends CLOSED_ONLY with that reason.
    """
    for order in list(engine.recorder.state.orders.values()):
        if order.parent in engine.recorder.state.rolls:
            _resume(engine, intent_of(order), at)
    for key, roll in sorted(engine.recorder.state.rolls.items()):
        left = roll.closed - roll.opened
        state = engine.recorder.state
        if left <= 0:
            continue
        whole = legs_of(state, key, roll, at, state.config_fingerprint)
        sale = replace(whole[1], quantity=left)
        if sale.intent_id in state.intents_of_session:
            continue
        if roll.approved and roll.approved != hash_of(roll_subject(*whole)):
            engine.create(sale)
            why = "under this configuration it is not what was approved with the roll"
            engine.deny(sale, GateDecision((), ((APPROVED_BY_A_PERSON, why),)), at)
        else:
            engine.place(sale, has_yes=bool(roll.approved))


def ended_rolls(state: BookState, at: datetime) -> list[Event]:
    """The end of every roll that no order of the session can carry further."""
    found = []
    for key, roll in sorted(state.rolls.items()):
        payload: dict[str, Json] = {
            "roll": key,
            "account": roll.decided.payload["account"],
            "chain": roll.decided.payload["chain"],
            "state": _outcome(roll),
            "contracts": roll.decided.payload["contracts"],
            "closed": roll.closed,
            "opened": roll.opened,
        }
        if roll.why:
            payload["why"] = roll.why
        found.append(Event(EventType.ROLL_ENDED, at, "rule:roll", f"{key}/ended", payload, cause=key))
    return found


def _place_together(engine: OrderEngine, legs: Legs) -> None:
    """Place the legs as one order: both pass the gate, or neither is sent.

    In a book that only advises neither is, and one alert tells of both.
    """
    close, at = legs[0], legs[0].decided_at
    if any(leg.intent_id in engine.recorder.state.intents_of_session for leg in legs):
        return
    decisions = judged(engine, legs)
    for leg in legs:
        engine.create(leg)
    stopped = refused_unasked(close, engine.asking.rules)
    allowed = all(decision.allows for decision in decisions)
    if allowed and stopped is None:
        send_together(engine, legs, decisions, at)
        return
    for leg, decision in zip(legs, decisions, strict=True):
        refused = GateDecision(decision.passed, (stopped,)) if allowed and stopped else decision
        engine.deny(leg, refused, at)
    if allowed:
        engine.recorder.record(opportunity_alert(legs, (), engine.asking.alerts, at, None))


def _ask(engine: OrderEngine, legs: Legs, reasons: Sequence[str]) -> None:
    """Ask about both legs at once. The close waits; it reserves what the debit of the roll may be."""
    close, sale = legs
    decisions = judged(engine, legs)
    refused = against(decisions, _other_roll_into(engine.recorder.state, sale))
    engine.create(close)
    if not refused.allows:
        engine.deny(close, refused, close.decided_at)
        return
    engine.ask(close.parent, roll_subject(*legs), legs, reasons, decisions[0])


def _other_roll_into(state: BookState, sale: OrderIntent) -> str:
    """Why a sale would be a second one of a session into the same contract; empty: it would not."""
    into = [
        key
        for key, roll in state.rolls.items()
        if key != sale.parent
        and (roll.decided.payload["account"], roll.decided.payload["to"]) == (sale.account, sale.instrument)
    ]
    return f"{into[0]} rolls into {sale.instrument} in this session" if into else ""


def _withdrawn(engine: OrderEngine, close: OrderIntent, roll: RollUnderWay, at: datetime) -> bool:
    """End a roll that waits though its chain has left the level it was due at; whether it was so.

    Its close would stand in the way of a close at level 3.
    """
    state, p = engine.recorder.state, roll.decided.payload
    chain = state.protection.chains[str(p["chain"])]
    if p.get("cause") != "level" or chain.level == p["level"]:
        return False
    why = f"it was due at level {p['level']}, and {close.symbol} is at level {chain.level} now"
    engine.deny(close, GateDecision((), ((ROLL_STILL_STANDS, why),)), at)
    if close.parent in state.approvals:
        engine.recorder.record(expired(state.approvals[close.parent], at))
    return True


def _resume(engine: OrderEngine, leg: OrderIntent, at: datetime) -> None:
    """Go on with a leg that waits, or that was approved when a process ended."""
    state = engine.recorder.state
    where, roll = state.intents_of_session.get(leg.intent_id), state.rolls[leg.parent]
    waits, approved = where == OrderState.PENDING_APPROVAL, where == OrderState.APPROVED
    if waits and (leg.purpose == ROLL_OPEN or order_approval(leg.intent_id) in state.approvals):
        engine.settle(leg, at)  # it was asked about alone, when its roll was not
    elif waits or (approved and leg.purpose == ROLL_CLOSE):
        _settle(engine, leg, roll, at)
    elif approved and leg.quantity <= roll.closed - roll.opened:
        engine.submit(leg, engine.decide_again(leg, at), at)


def _settle(engine: OrderEngine, close: OrderIntent, roll: RollUnderWay, at: datetime) -> None:
    """What the answer, or the time that is over, makes of a roll: both legs, or neither."""
    state = engine.recorder.state
    sale = legs_of(state, close.parent, roll, at, close.config_fingerprint)[1]
    subject, is_approved = roll_subject(close, sale), False
    if state.intents_of_session[close.intent_id] == OrderState.PENDING_APPROVAL:
        is_approved = True
        outcome = None if roll.approved else engine.without_yes(close, close.parent, subject, at)
        if outcome in (None, OrderState.PENDING_APPROVAL) and _withdrawn(engine, close, roll, at):
            return
        if outcome is not None:
            return
    decisions = judged(engine, (close, sale), at)
    refused = against(decisions)
    if not refused.allows:
        engine.deny(close, refused, at)
        if sale.intent_id in state.orders:  # it was made when a process ended
            engine.deny(sale, decisions[1], at)
        return
    if close.parent in state.approvals:
        engine.recorder.record(used(state.approvals[close.parent], at, "rule:approvals"))
    if is_approved:
        decisions = [decision.passing(APPROVED_BY_A_PERSON) for decision in decisions]
    if engine.broker.takes_combined:
        if sale.intent_id not in engine.recorder.state.intents_of_session:
            engine.create(sale)
        send_together(engine, (close, sale), decisions, at)
        return
    if is_approved:
        engine.step(close, OrderStep.APPROVE, decisions[0], at)
    engine.submit(close, decisions[0], at)


def _outcome(roll: RollUnderWay) -> str:
    if not roll.closed:
        return "UNCHANGED"
    return "ROLLED" if roll.opened >= roll.closed else "CLOSED_ONLY"
