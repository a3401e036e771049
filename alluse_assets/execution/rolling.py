"""Makes a roll: one order where the broker takes it, else close, confirm, sell, under one parent.

ROLLING ends as ROLLED (all that was bought back was sold again), CLOSED_ONLY (some was not), or UNCHANGED
(nothing was bought back). Where a person is asked, the roll asks once, for both legs: its close waits as an
order, and the sale is made when it is its turn. A book that only advises tells of both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alluse_assets.base.events import Event, Json
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.base.money import extended
from alluse_assets.execution.approvals import (
    APPROVED_BY_A_PERSON,
    hash_of,
    opportunity_alert,
    order_approval,
    refused_unasked,
    roll_subject,
    used,
    why_ask,
)
from alluse_assets.execution.engine import OrderEngine, intent_of
from alluse_assets.execution.gate import ROLL_OPEN, GateContext, GateDecision, decide
from alluse_assets.execution.lifecycle import OrderState, OrderStep
from alluse_assets.execution.order import Action, ChainStart, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, RollUnderWay

ROLL_CLOSE = "roll_close"
"""Purpose of the buy-back that a roll begins with."""

Legs = tuple[OrderIntent, OrderIntent]
"""The close and the sale."""


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
        whole = _legs(state, key, roll, at, state.config_fingerprint)
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
    decisions = _judged(engine, legs)
    for leg in legs:
        engine.create(leg)
    stopped = refused_unasked(close, engine.asking.rules)
    allowed = all(decision.allows for decision in decisions)
    if allowed and stopped is None:
        _send_together(engine, legs, decisions, at)
        return
    for leg, decision in zip(legs, decisions, strict=True):
        refused = GateDecision(decision.passed, (stopped,)) if allowed and stopped else decision
        engine.deny(leg, refused, at)
    if allowed:
        engine.recorder.record(opportunity_alert(legs, (), engine.asking.alerts, at, None))


def _ask(engine: OrderEngine, legs: Legs, reasons: Sequence[str]) -> None:
    """Ask about both legs at once. The close waits; it reserves what the debit of the roll may be."""
    close, sale = legs
    decisions = _judged(engine, legs)
    twin = _other_roll_into(engine.recorder.state, sale)
    refused = _both(decisions)
    if twin:
        refused = replace(refused, refused=(*refused.refused, ("duplicate@1", twin)))
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
    sale = _legs(state, close.parent, roll, at, close.config_fingerprint)[1]
    subject, is_approved = roll_subject(close, sale), False
    if state.intents_of_session[close.intent_id] == OrderState.PENDING_APPROVAL:
        is_approved = True
        if not roll.approved and engine.without_yes(close, close.parent, subject, at) is not None:
            return
    decisions = _judged(engine, (close, sale), at)
    if not _both(decisions).allows:
        engine.deny(close, _both(decisions), at)
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
        _send_together(engine, (close, sale), decisions, at)
        return
    if is_approved:
        engine.step(close, OrderStep.APPROVE, decisions[0], at)
    engine.submit(close, decisions[0], at)


def _send_together(engine: OrderEngine, legs: Legs, decisions: Sequence[GateDecision], at: datetime) -> None:
    for leg, decision in zip(legs, decisions, strict=True):
        if engine.recorder.state.intents_of_session[leg.intent_id] != OrderState.APPROVED:
            engine.step(leg, OrderStep.APPROVE, decision, at)
    for leg, decision in zip(legs, decisions, strict=True):
        engine.step(leg, OrderStep.SUBMIT, decision, at)
    engine.recorder.barrier()
    by_id = {leg.intent_id: leg for leg in legs}
    for report in engine.broker.submit_combined([replace(leg, decided_at=at) for leg in legs]):
        engine.take_report(by_id[report.intent_id], report)


def _judged(engine: OrderEngine, legs: Legs, now: datetime | None = None) -> list[GateDecision]:
    """The gate's word about each leg, the sale's as if what it replaces were closed already."""
    state, ids = engine.recorder.state, {leg.intent_id for leg in legs}
    without = replace(state, orders={k: v for k, v in state.orders.items() if k not in ids})
    decisions = []
    for leg in legs:
        context = _context(engine, leg, legs[0], without)
        context = context if now is None else replace(context, now=now)
        decisions.append(decide(leg, context, engine.rules))
    return decisions


def _context(engine: OrderEngine, leg: OrderIntent, close: OrderIntent, state: BookState) -> GateContext:
    context = engine.context(leg, state)
    if leg is close:
        return context
    units, contract = context.multiplier * close.quantity, parse_occ_symbol(close.instrument)
    cost = extended(close.limit_price, units) + context.expected_fee
    if contract.right == "C":
        return replace(context, freed=-cost, freed_shares=units)
    return replace(context, freed=extended(contract.strike, units) - cost)


def _both(decisions: Sequence[GateDecision]) -> GateDecision:
    """What the gate says about a roll: the close's word, and what it has against the sale."""
    close, sale = decisions
    against = ((rule, f"of the sale: {why}") for rule, why in sale.refused)
    return GateDecision(close.passed, (*close.refused, *against))


def _legs(state: BookState, key: str, roll: RollUnderWay, at: datetime, config: str) -> Legs:
    """The legs of a roll, whole, from its decision alone."""
    p: Any = roll.decided.payload
    chain = state.protection.chains[p["chain"]]
    close = OrderIntent(
        account=p["account"],
        instrument=p["contract"],
        symbol=p["symbol"],
        action=Action.BUY_TO_CLOSE,
        quantity=p["contracts"],
        limit_price=Decimal(p["cost_to_close"]),
        purpose=ROLL_CLOSE,
        session=date.fromisoformat(p["session"]),
        decided_at=at,
        cause=key,
        config_fingerprint=config,
        evidence={"net": p["net"], "in_recovery": p["in_recovery"]},
        chain=ChainStart(chain.id, chain.right, chain.anchor_price, chain.anchor_atr, chain.anchor_iv),
        parent=key,
    )
    return close, replace(
        close,
        instrument=p["to"],
        action=Action.SELL_TO_OPEN,
        limit_price=Decimal(p["limit_price"]),
        purpose=ROLL_OPEN,
    )


def _outcome(roll: RollUnderWay) -> str:
    if not roll.closed:
        return "UNCHANGED"
    return "ROLLED" if roll.opened >= roll.closed else "CLOSED_ONLY"
