"""Puts an intent through gate, lifecycle and broker, and tells the journal every step.

``Recorder`` is the only way out: what is recorded is applied to the state at once, and ``barrier`` makes
it durable before a network is touched. A replay's recorder keeps the events of a session for one
transaction; a live one commits at the barrier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from alluse_assets.base.errors import OrderError
from alluse_assets.base.events import Event, Json, Posting
from alluse_assets.base.instruments import is_option, parse_occ_symbol
from alluse_assets.base.money import extended, text
from alluse_assets.execution.broker import Broker, BrokerReport
from alluse_assets.execution.gate import RULES, GateContext, Rule, cash_needed, decide
from alluse_assets.execution.lifecycle import TERMINAL, OrderState, OrderStep, advance
from alluse_assets.execution.order import Action, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, WorkingOrder
from alluse_assets.ledger.lots import take
from alluse_assets.ledger.postings import option_bought_back, option_sold, shares_bought

_EVENT_OF_STEP = {
    OrderStep.ACCEPT: EventType.ORDER_ACCEPTED,
    OrderStep.FILL: EventType.ORDER_FILLED,
    OrderStep.FILL_PART: EventType.ORDER_FILLED,
    OrderStep.EXPIRE: EventType.ORDER_EXPIRED,
    OrderStep.CANCEL: EventType.ORDER_CANCELED,
    OrderStep.REJECT: EventType.ORDER_REJECTED,
    OrderStep.LOSE: EventType.ORDER_UNKNOWN,
}


class Recorder(Protocol):
    """Where events go."""

    @property
    def state(self) -> BookState:
        """The book after everything recorded so far."""

    def record(self, event: Event) -> None:
        """Take an event and apply it."""

    def barrier(self) -> None:
        """Return only when everything recorded is durable."""


@dataclass(frozen=True, slots=True)
class OrderEngine:
    """The execution module for one step of one book."""

    recorder: Recorder
    broker: Broker
    context: Callable[[OrderIntent, BookState], GateContext]
    """What the gate judges by, given the state without the order."""
    rules: Sequence[Rule] = RULES

    def place(self, intent: OrderIntent) -> OrderState:
        """Take an intent as far as it gets at once. The same intent twice is one order."""
        state = self.recorder.state
        if intent.intent_id in state.intents_of_session:
            return OrderState(state.intents_of_session[intent.intent_id])
        decision = decide(intent, self.context(intent, state), self.rules)
        self._record_created(intent)
        if not decision.allows:
            return self._own_step(intent, OrderStep.DENY, EventType.ORDER_DENIED, decision.payload())
        self._own_step(intent, OrderStep.APPROVE, EventType.ORDER_APPROVED, decision.payload())
        # The market or another order may have moved between approval and submission: ask again.
        others = {k: v for k, v in self.recorder.state.orders.items() if k != intent.intent_id}
        again = decide(intent, self.context(intent, replace(self.recorder.state, orders=others)), self.rules)
        if not again.allows:
            return self._own_step(intent, OrderStep.DENY, EventType.ORDER_DENIED, again.payload())
        self._own_step(intent, OrderStep.SUBMIT, EventType.ORDER_SUBMITTED, again.payload())
        self.recorder.barrier()
        outcome = OrderState.SUBMITTING
        for report in self.broker.submit(intent):
            outcome = self.take_report(intent, report)
        return outcome

    def end_session(self, intents: Sequence[OrderIntent]) -> None:
        """Book what the broker says about the day's orders that were still working."""
        by_id = {intent.intent_id: intent for intent in intents}
        for report in self.broker.end_session():
            self.take_report(by_id[report.intent_id], report)

    def take_report(self, intent: OrderIntent, report: BrokerReport) -> OrderState:
        """Book one report of the broker. A fill that was already booked changes nothing.

        Raises:
            OrderError: the order is unknown, or its state has no such step.
        """
        order = self.recorder.state.orders.get(intent.intent_id)
        if order is None:
            raise OrderError(f"order {intent.intent_id}: {self.broker.authority} reports on no working order")
        after = advance(OrderState(order.state), report.step, intent.intent_id)
        payload: dict[str, Json] = {
            "intent": intent.intent_id,
            "account": intent.account,
            "state": after.value,
            "terminal": after in TERMINAL,
            "broker_order_id": report.broker_order_id,
        }
        if report.text:
            payload["text"] = report.text
        postings: tuple[Posting, ...] = ()
        key = f"order/{intent.intent_id}/{report.step.value}"
        if report.step in (OrderStep.FILL, OrderStep.FILL_PART):
            key = f"fill/{report.execution_id}"
            payload |= self._fill_payload(intent, order, report)
            postings = self._fill_postings(intent, report, Decimal(str(payload["amount"])))
        self.recorder.record(
            Event(
                _EVENT_OF_STEP[report.step],
                report.at,
                self.broker.authority,
                key,
                payload,
                postings,
                cause=f"order/{intent.intent_id}/created",
            )
        )
        return after

    def _record_created(self, intent: OrderIntent) -> None:
        option = is_option(intent.instrument)
        covers = option and parse_occ_symbol(intent.instrument).right == "C"
        multiplier = self.context(intent, self.recorder.state).multiplier
        reserved = cash_needed(intent, multiplier)
        self.recorder.record(
            Event(
                EventType.ORDER_CREATED,
                intent.decided_at,
                f"rule:{intent.purpose}",
                f"order/{intent.intent_id}/created",
                {
                    "intent": intent.intent_id,
                    "account": intent.account,
                    "instrument": intent.instrument,
                    "symbol": intent.symbol,
                    "action": intent.action.value,
                    "quantity": intent.quantity,
                    "limit_price": text(intent.limit_price),
                    "purpose": intent.purpose,
                    "session": intent.session.isoformat(),
                    "config": intent.config_fingerprint,
                    "config_version": self.recorder.state.config_history.number_of(intent.config_fingerprint),
                    "reserves_cash": text(reserved),
                    "reserves_shares": intent.quantity * multiplier
                    if covers and intent.action is Action.SELL_TO_OPEN
                    else 0,
                    "evidence": dict(intent.evidence),
                },
                cause=intent.cause,
            )
        )

    def _own_step(
        self, intent: OrderIntent, step: OrderStep, event_type: EventType, gate: dict[str, Json]
    ) -> OrderState:
        order = self.recorder.state.orders[intent.intent_id]
        after = advance(OrderState(order.state), step, intent.intent_id)
        payload: dict[str, Json] = {
            "intent": intent.intent_id,
            "account": intent.account,
            "state": after.value,
            "terminal": after in TERMINAL,
            "gate": gate,
        }
        key = f"order/{intent.intent_id}/{step.value}"
        cause = f"order/{intent.intent_id}/created"
        self.recorder.record(Event(event_type, intent.decided_at, "rule:gate", key, payload, cause=cause))
        return after

    def _fill_payload(
        self, intent: OrderIntent, order: WorkingOrder, report: BrokerReport
    ) -> dict[str, Json]:
        multiplier = self.context(intent, self.recorder.state).multiplier
        units = multiplier * report.quantity if is_option(intent.instrument) else report.quantity
        return {
            "instrument": intent.instrument,
            "symbol": intent.symbol,
            "action": intent.action.value,
            "purpose": intent.purpose,
            "quantity": report.quantity,
            "price": text(report.price),
            "amount": text(extended(report.price, units)),
            "fee": text(report.fee),
            "filled_total": order.filled + report.quantity,
            "execution_id": report.execution_id,
        }

    def _fill_postings(
        self, intent: OrderIntent, report: BrokerReport, amount: Decimal
    ) -> tuple[Posting, ...]:
        account, instrument = intent.account, intent.instrument
        if intent.action is Action.SELL_TO_OPEN:
            return option_sold(account, instrument, report.quantity, amount, report.fee)
        if intent.action is Action.BUY:
            return shares_bought(account, instrument, report.quantity, amount, report.fee)
        lots = self.recorder.state.accounts[account].shorts[instrument].lots
        premium = take(lots, report.quantity)[0].cost
        return option_bought_back(account, instrument, report.quantity, amount, premium, report.fee)
