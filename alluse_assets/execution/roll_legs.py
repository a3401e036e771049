"""The two legs of a roll: judged together, sent together. ``rolling`` says when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.base.money import extended
from alluse_assets.execution.approvals import ROLL_STILL_STANDS
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.gate import GateContext, GateDecision, decide
from alluse_assets.execution.lifecycle import OrderState, OrderStep
from alluse_assets.execution.order import OrderIntent
from alluse_assets.execution.roll_plan import Legs
from alluse_assets.ledger.book_state import BookState


def judged(
    engine: OrderEngine, legs: Legs, now: datetime | None = None, beside: Collection[str] = ()
) -> list[GateDecision]:
    """The gate's word about each leg, the sale's as if what it replaces were closed already.

    Where both go as one order, the close is judged as if the sale had brought its credit. ``beside``: ids of
    orders that are looked away from, too.
    """
    state, ids = engine.recorder.state, {*beside, *(leg.intent_id for leg in legs)}
    without = replace(state, orders={k: v for k, v in state.orders.items() if k not in ids})
    decisions = []
    for leg in legs:
        context = _context(engine, leg, legs, without)
        context = context if now is None else replace(context, now=now)
        decisions.append(decide(leg, context, engine.rules))
    return decisions


def against(decisions: Sequence[GateDecision], objection: str = "") -> GateDecision:
    """What there is against a roll: the gate's word about the close and about the sale, and ``objection``."""
    close, sale = decisions
    refused = [*close.refused, *((rule, f"of the sale: {why}") for rule, why in sale.refused)]
    return GateDecision(close.passed, (*refused, *([(ROLL_STILL_STANDS, objection)] if objection else ())))


def send_together(engine: OrderEngine, legs: Legs, decisions: Sequence[GateDecision], at: datetime) -> None:
    """Send both as one order. Both have been created, and the gate has let them through."""
    for leg, decision in zip(legs, decisions, strict=True):
        if engine.recorder.state.intents_of_session[leg.intent_id] != OrderState.APPROVED:
            engine.step(leg, OrderStep.APPROVE, decision, at)
    for leg, decision in zip(legs, decisions, strict=True):
        engine.step(leg, OrderStep.SUBMIT, decision, at)
    engine.recorder.barrier()
    by_id = {leg.intent_id: leg for leg in legs}
    for report in engine.broker.submit_combined([replace(leg, decided_at=at) for leg in legs]):
        engine.take_report(by_id[report.intent_id], report)


def _context(engine: OrderEngine, leg: OrderIntent, legs: Legs, state: BookState) -> GateContext:
    context, (close, sale) = engine.context(leg, state), legs
    units, contract = context.multiplier * close.quantity, parse_occ_symbol(close.instrument)
    if leg is close:
        credit = extended(sale.limit_price, units) - context.expected_fee
        return replace(context, freed=credit) if engine.broker.takes_combined else context
    cost = extended(close.limit_price, units) + context.expected_fee
    if contract.right == "C":
        return replace(context, freed=-cost, freed_shares=units)
    return replace(context, freed=extended(contract.strike, units) - cost)
