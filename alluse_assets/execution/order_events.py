"""The events of an order's life: as it is made, at each step we take, at each report of the broker. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from alluse_assets.base.events import Event, Json, Posting
from alluse_assets.base.instruments import is_option, parse_occ_symbol
from alluse_assets.base.money import extended, text
from alluse_assets.execution.broker import BrokerReport
from alluse_assets.execution.gate import GateDecision, cash_needed
from alluse_assets.execution.lifecycle import TERMINAL, OrderState, OrderStep, advance
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.book_state import WorkingOrder
from alluse_assets.ledger.lots import take
from alluse_assets.ledger.postings import (
    long_option_bought,
    long_option_sold,
    option_bought_back,
    option_sold,
    shares_bought,
)

_EVENT_OF_STEP: Mapping[OrderStep, EventType] = {
    OrderStep.ASK_APPROVAL: EventType.ORDER_PENDING,
    OrderStep.APPROVE: EventType.ORDER_APPROVED,
    OrderStep.DENY: EventType.ORDER_DENIED,
    OrderStep.SUBMIT: EventType.ORDER_SUBMITTED,
    OrderStep.ACCEPT: EventType.ORDER_ACCEPTED,
    OrderStep.FILL: EventType.ORDER_FILLED,
    OrderStep.FILL_PART: EventType.ORDER_FILLED,
    OrderStep.EXPIRE: EventType.ORDER_EXPIRED,
    OrderStep.ASK_CANCEL: EventType.ORDER_CANCEL_ASKED,
    OrderStep.CANCEL: EventType.ORDER_CANCELED,
    OrderStep.REJECT: EventType.ORDER_REJECTED,
    OrderStep.LOSE: EventType.ORDER_UNKNOWN,
}


def created_event(intent: OrderIntent, multiplier: int, config_version: int) -> Event:
    """An order as it is made: enough to make its intent again (``order.intent_from``).

    Args:
        intent: what is ordered.
        multiplier: shares per contract.
        config_version: number of the configuration that it was decided under.
    """
    covers = is_option(intent.instrument) and parse_occ_symbol(intent.instrument).right == "C"
    payload: dict[str, Json] = {
        "intent": intent.intent_id,
        **intent.terms(),
        "config_version": config_version,
        "reserves_cash": text(cash_needed(intent, multiplier)),
        "reserves_shares": intent.quantity * multiplier
        if covers and intent.action is Action.SELL_TO_OPEN
        else 0,
        "chain": intent.chain.payload() if intent.chain else None,
        "parent": intent.parent,
        "evidence": dict(intent.evidence),
        "asks": list(intent.asks),
    }
    if intent.number > 1:
        payload["number"] = intent.number
    key = _created(intent)
    return Event(EventType.ORDER_CREATED, intent.decided_at, intent.actor, key, payload, cause=intent.cause)


def stepped_event(
    intent: OrderIntent, order: WorkingOrder, step: OrderStep, decision: GateDecision, at: datetime
) -> Event:
    """A step of our own, with what was judged before it.

    Raises:
        OrderError: the order's state has no such step.
    """
    payload = _moved(intent, order, step) | {"gate": decision.payload()}
    key = f"order/{intent.intent_id}/{step.value}"
    return Event(_EVENT_OF_STEP[step], at, "rule:gate", key, payload, cause=_created(intent))


def reported_event(
    intent: OrderIntent,
    order: WorkingOrder,
    report: BrokerReport,
    account: AccountState,
    multiplier: int,
    authority: str,
) -> Event:
    """What a broker reports; of a fill with its money.

    Args:
        intent: the order.
        order: where it is.
        report: the broker's word.
        account: whose order it is, before the report.
        multiplier: shares per contract.
        authority: the broker as an actor.

    Raises:
        OrderError: the order's state has no such step.
    """
    payload = _moved(intent, order, report.step) | {"broker_order_id": report.broker_order_id}
    if report.text:
        payload["text"] = report.text
    key = f"order/{intent.intent_id}/{report.step.value}"
    postings: tuple[Posting, ...] = ()
    if report.step in (OrderStep.FILL, OrderStep.FILL_PART):
        units = multiplier * report.quantity if is_option(intent.instrument) else report.quantity
        amount = extended(report.price, units)
        key = f"fill/{report.execution_id}"
        payload |= _fill(intent, order, report, amount)
        postings = _fill_postings(intent, report, amount, account)
    kind = _EVENT_OF_STEP[report.step]
    return Event(kind, report.at, authority, key, payload, postings, cause=_created(intent))


def _created(intent: OrderIntent) -> str:
    return f"order/{intent.intent_id}/created"


def _moved(intent: OrderIntent, order: WorkingOrder, step: OrderStep) -> dict[str, Json]:
    after = advance(OrderState(order.state), step, intent.intent_id)
    return {
        "intent": intent.intent_id,
        "account": intent.account,
        "state": after.value,
        "terminal": after in TERMINAL,
    }


def _fill(intent: OrderIntent, order: WorkingOrder, report: BrokerReport, amount: Decimal) -> dict[str, Json]:
    return {
        "instrument": intent.instrument,
        "symbol": intent.symbol,
        "action": intent.action.value,
        "purpose": intent.purpose,
        "chain": intent.chain.payload() if intent.chain else None,
        "parent": intent.parent,
        "quantity": report.quantity,
        "price": text(report.price),
        "amount": text(amount),
        "fee": text(report.fee),
        "filled_total": order.filled + report.quantity,
        "execution_id": report.execution_id,
    }


def _fill_postings(
    intent: OrderIntent, report: BrokerReport, amount: Decimal, account: AccountState
) -> tuple[Posting, ...]:
    if intent.action is Action.SELL_TO_OPEN:
        return option_sold(account.name, intent.instrument, report.quantity, amount, report.fee)
    if intent.action is Action.BUY:
        return shares_bought(account.name, intent.instrument, report.quantity, amount, report.fee)
    if intent.action is Action.BUY_TO_OPEN:
        return long_option_bought(account.name, intent.instrument, report.quantity, amount, report.fee)
    if intent.action is Action.SELL_TO_CLOSE:
        cost = take(account.longs[intent.instrument].lots, report.quantity)[0].cost
        return long_option_sold(account.name, intent.instrument, report.quantity, amount, cost, report.fee)
    premium = take(account.shorts[intent.instrument].lots, report.quantity)[0].cost
    return option_bought_back(account.name, intent.instrument, report.quantity, amount, premium, report.fee)
