"""Makes a roll: one order where the broker takes it, else close, confirm, sell, under one parent.

ROLLING ends as ROLLED (all that was bought back was sold again), CLOSED_ONLY (some was not), or UNCHANGED
(nothing was bought back). Where a person is asked, the roll asks once, for both legs: its close waits as an
order, and the sale is made when it is its turn. A book that only advises tells of both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from alluse_assets.base.events import Event, Json
from alluse_assets.execution.approval_alerts import opportunity_alert
from alluse_assets.execution.approvals import (
    APPROVED_BY_A_PERSON,
    ROLL_STILL_STANDS,
    hash_of,
    order_approval,
    refused_unasked,
    roll_subject,
    used,
    why_ask,
)
from alluse_assets.execution.engine import OrderEngine, intent_of
from alluse_assets.execution.gate import ROLL_OPEN, GateDecision
from alluse_assets.execution.lifecycle import OrderState, OrderStep
from alluse_assets.execution.order import OrderIntent, numbered
from alluse_assets.execution.precedence import weaker_than
from alluse_assets.execution.roll_legs import against, judged, send_together
from alluse_assets.execution.roll_plan import ROLL_CLOSE, Legs, legs_of, why_not_due
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.roll_state import RollUnderWay


def place_roll(engine: OrderEngine, close: OrderIntent, opening: OrderIntent) -> None:
    """Send a roll whose decision has been recorded, or ask about it, once for both legs."""
    state = engine.recorder.state
    roll = state.rolls.get(close.parent)
    if roll is None or roll.has_close:
        return
    close, opening = (numbered(leg, state.intents_of_session) for leg in (close, opening))
    rules, legs = engine.asking.rules, (close, opening)
    reasons = tuple(dict.fromkeys(reason for leg in legs for reason in why_ask(leg, rules)))
    objection = _other_roll_into(state, opening)
    _make_way(engine, legs, objection)
    if objection:
        engine.create(close)
        engine.deny(close, GateDecision((), ((ROLL_STILL_STANDS, objection),)), close.decided_at)
    elif rules.mode == "advise":
        _place_together(engine, legs)
    elif reasons:
        _ask(engine, legs, reasons)
    elif engine.broker.takes_combined:
        _place_together(engine, legs)
    else:
        engine.place(close)
    _go_on(engine, close.decided_at)


def continue_rolls(engine: OrderEngine, at: datetime) -> None:
    """Go on with every roll under way, at each step: heed the answers, and sell what was bought back.

    What was approved as one roll is sold without asking again, as long as it is what was approved: under
    another configuration it is not, and the roll ends CLOSED_ONLY with that reason.

    A roll that came to nothing ends first, where nothing stands against it any more: what is due may be
    decided anew in the same session. A person's no stands.
    """
    _end_what_may_be_tried_again(engine, at)
    _go_on(engine, at)


def _go_on(engine: OrderEngine, at: datetime) -> None:
    for order in list(engine.recorder.state.orders.values()):
        if order.parent in engine.recorder.state.rolls:
            _resume(engine, intent_of(order), at)
    for key, roll in sorted(engine.recorder.state.rolls.items()):
        left = roll.closed - roll.ordered
        state = engine.recorder.state
        if left <= 0:
            continue
        whole = legs_of(state, key, roll, at, state.config_fingerprint)
        sale = numbered(replace(whole[1], quantity=left), state.intents_of_session)
        left_level = _why_not_due(engine, roll)
        if left_level:
            engine.create(sale)
            engine.deny(sale, GateDecision((), ((ROLL_STILL_STANDS, left_level),)), at)
        elif roll.approved and roll.approved != hash_of(roll_subject(*whole)):
            engine.create(sale)
            why = "under this configuration it is not what was approved with the roll"
            engine.deny(sale, GateDecision((), ((APPROVED_BY_A_PERSON, why),)), at)
        else:
            engine.place(sale, has_yes=bool(roll.approved))


def _make_way(engine: OrderEngine, legs: Legs, objection: str) -> None:
    """Call off the weaker exits on what is rolled, where nothing else stands against the roll."""
    close = legs[0]
    weaker = weaker_than(close, engine.recorder.state.orders.values())
    if not weaker or objection or refused_unasked(close, engine.asking.rules):
        return
    beside = [order.intent_id for order in weaker]
    if against(judged(engine, legs, beside=beside)).allows:
        engine.make_way(close, weaker, close.decided_at)


def ended_rolls(state: BookState, at: datetime) -> list[Event]:
    """The end of every roll that no order of the session can carry further."""
    return [_ended(key, roll, at) for key, roll in sorted(state.rolls.items())]


def _ended(key: str, roll: RollUnderWay, at: datetime) -> Event:
    """The end of a roll: what of it is left, and why."""
    p: Any = roll.decided.payload
    payload: dict[str, Json] = {
        "roll": key,
        "account": p["account"],
        "chain": p["chain"],
        "state": _outcome(roll),
        "contracts": p["contracts"],
        "closed": roll.closed,
        "opened": roll.opened,
    }
    left, unsold = p["contracts"] - roll.closed, roll.closed - roll.opened
    said = []
    if left and roll.closed:
        said.append(f"{left} of {p['contracts']} contracts were not bought back")
    if unsold and roll.opened:
        said.append(f"{unsold} of {roll.closed} bought back were not sold again")
    why = "; ".join([*said, roll.why] if roll.why else said)
    if why:
        payload["why"] = why
    return Event(EventType.ROLL_ENDED, at, "rule:roll", f"{key}/ended", payload, cause=key)


def _end_what_may_be_tried_again(engine: OrderEngine, at: datetime) -> None:
    state = engine.recorder.state
    for key, roll in sorted(state.rolls.items()):
        asked = state.approvals.get(key)
        if not _came_to_nothing(state, key, roll) or (asked is not None and asked.answer == "no"):
            continue
        legs = legs_of(state, key, roll, at, state.config_fingerprint)
        stopped = refused_unasked(legs[0], engine.asking.rules) or _other_roll_into(state, legs[1])
        if not stopped and against(judged(engine, legs, at)).allows:
            engine.recorder.record(_ended(key, roll, at))


def _place_together(engine: OrderEngine, legs: Legs) -> None:
    """Place the legs as one order: both pass the gate, or neither is sent.

    In a book that only advises neither is, and one alert tells of both.
    """
    close, at = legs[0], legs[0].decided_at
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
        engine.recorder.record(opportunity_alert(legs, None, engine.asking.alerts, at))


def _ask(engine: OrderEngine, legs: Legs, reasons: Sequence[str]) -> None:
    """Ask about both legs at once. The close waits; it reserves what the debit of the roll may be."""
    close = legs[0]
    decisions = judged(engine, legs)
    refused = against(decisions)
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
        and not _came_to_nothing(state, key, roll)
        and (roll.decided.payload["account"], roll.decided.payload["to"]) == (sale.account, sale.instrument)
    ]
    return f"{into[0]} rolls into {sale.instrument} in this session" if into else ""


def _withdrawn(engine: OrderEngine, close: OrderIntent, roll: RollUnderWay, at: datetime) -> bool:
    """End a roll that waits though its chain has left the level it was due at; whether it was so.

    Its close would stand in the way of a close at level 3.
    """
    why = _why_not_due(engine, roll)
    if why:
        engine.call_off(close, GateDecision((), ((ROLL_STILL_STANDS, why),)), at)
    return bool(why)


def _why_not_due(engine: OrderEngine, roll: RollUnderWay) -> str:
    return why_not_due(roll, engine.level_of(engine.recorder.state, str(roll.decided.payload["chain"])))


def _resume(engine: OrderEngine, leg: OrderIntent, at: datetime) -> None:
    """Go on with a leg that waits, or that was approved when a process ended."""
    state = engine.recorder.state
    where, roll = state.intents_of_session.get(leg.intent_id), state.rolls[leg.parent]
    waits, approved = where == OrderState.PENDING_APPROVAL, where == OrderState.APPROVED
    if leg.purpose == ROLL_OPEN and (waits or approved) and (why := _why_not_due(engine, roll)):
        engine.call_off(leg, GateDecision((), ((ROLL_STILL_STANDS, why),)), at)
    elif waits and (leg.purpose == ROLL_OPEN or order_approval(leg.intent_id) in state.approvals):
        engine.settle(leg, at)  # it was asked about alone, when its roll was not
    elif waits or (approved and leg.purpose == ROLL_CLOSE):
        _settle(engine, leg, roll, at)
    elif approved and leg.quantity <= roll.closed - roll.opened:
        engine.submit(leg, engine.decide_again(leg, at), at)


def _settle(engine: OrderEngine, close: OrderIntent, roll: RollUnderWay, at: datetime) -> None:
    """What the answer, or the time that is over, makes of a roll: both legs, or neither."""
    state = engine.recorder.state
    sale = legs_of(state, close.parent, roll, at, close.config_fingerprint)[1]
    made = [intent_of(order) for order in state.orders.values() if order.parent == close.parent]
    # It was made when a process ended, or gets the next number.
    known = next((leg for leg in made if leg.purpose == ROLL_OPEN), None)
    sale = known or numbered(sale, state.intents_of_session)
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
        if known:
            engine.deny(known, decisions[1], at)
        return
    if close.parent in state.approvals:
        asked = state.approvals[close.parent]
        engine.end_request(asked, used(asked, at, "rule:approvals"))
    if is_approved:
        decisions = [decision.passing(APPROVED_BY_A_PERSON) for decision in decisions]
    if engine.broker.takes_combined:
        if known is None:
            engine.create(sale)
        send_together(engine, (close, sale), decisions, at)
        return
    if is_approved:
        engine.step(close, OrderStep.APPROVE, decisions[0], at)
    engine.submit(close, decisions[0], at)


def _came_to_nothing(state: BookState, key: str, roll: RollUnderWay) -> bool:
    """Whether a roll was ordered, nothing of it was bought back, and no order of it is under way."""
    return roll.has_close and not roll.closed and all(order.parent != key for order in state.orders.values())


def _outcome(roll: RollUnderWay) -> str:
    if not roll.closed:
        return "UNCHANGED"
    return "ROLLED" if roll.opened >= roll.closed else "CLOSED_ONLY"
