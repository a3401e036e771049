"""Puts an intent through gate, lifecycle and broker, and tells the journal every step.

``Recorder`` is the only way out: what is recorded is applied to the state at once, and ``barrier`` makes
it durable before a network is touched. A replay's recorder keeps the events of a session for one
transaction; a live one commits at the barrier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from alluse_assets.base.errors import OrderError
from alluse_assets.base.events import Event, Json, Posting
from alluse_assets.base.instruments import is_option, parse_occ_symbol
from alluse_assets.base.money import extended, text
from alluse_assets.execution.approvals import (
    APPROVED_BY_A_PERSON,
    Asking,
    expired,
    expiry,
    opportunity_alert,
    order_approval,
    order_subject,
    policy_answer,
    refused_unasked,
    request,
    subject_hash,
    unusable,
    used,
    why_ask,
)
from alluse_assets.execution.broker import Broker, BrokerReport
from alluse_assets.execution.gate import RULES, GateContext, GateDecision, Rule, cash_needed, decide
from alluse_assets.execution.lifecycle import TERMINAL, OrderState, OrderStep, advance
from alluse_assets.execution.order import Action, OrderIntent, intent_from
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, WorkingOrder
from alluse_assets.ledger.lots import take
from alluse_assets.ledger.postings import (
    long_option_bought,
    long_option_sold,
    option_bought_back,
    option_sold,
    shares_bought,
)

_EVENT_OF_STEP = {
    OrderStep.ACCEPT: EventType.ORDER_ACCEPTED,
    OrderStep.FILL: EventType.ORDER_FILLED,
    OrderStep.FILL_PART: EventType.ORDER_FILLED,
    OrderStep.EXPIRE: EventType.ORDER_EXPIRED,
    OrderStep.CANCEL: EventType.ORDER_CANCELED,
    OrderStep.REJECT: EventType.ORDER_REJECTED,
    OrderStep.LOSE: EventType.ORDER_UNKNOWN,
}

_AT_BROKER = frozenset(
    {
        OrderState.ACCEPTED,
        OrderState.PARTIALLY_FILLED,
        OrderState.PENDING_CANCEL,
        OrderState.PENDING_REPLACE,
    }
)


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
    asking: Asking = field(default_factory=Asking)
    """When a person is asked first."""

    def place(self, intent: OrderIntent) -> OrderState:
        """Take an intent as far as it gets at once. The same intent twice is one order."""
        state, at = self.recorder.state, intent.decided_at
        if intent.intent_id in state.intents_of_session:
            return OrderState(state.intents_of_session[intent.intent_id])
        decision = decide(intent, self.context(intent, state), self.rules)
        self._record_created(intent)
        if not decision.allows:
            return self._deny(intent, decision, at)
        stopped = refused_unasked(intent, self.asking.rules)
        if stopped is not None:
            outcome = self._deny(intent, GateDecision(decision.passed, (stopped,)), at)
            if self.asking.rules.mode == "advise":
                self.recorder.record(opportunity_alert([intent], (), self.asking.alerts, at, None))
            return outcome
        reasons = why_ask(intent, self.asking.rules)
        if reasons:
            return self._ask(intent, reasons, decision, at)
        self._own_step(intent, OrderStep.APPROVE, EventType.ORDER_APPROVED, decision, at)
        # The market or another order may have moved between approval and submission: ask again.
        return self._submit(intent, self._decide_again(intent), at)

    def resume(self, now: datetime) -> dict[str, OrderState]:
        """Go on with the orders that wait for a person, and those approved when a process ended.

        Called at each step. An answer counts when it is a yes to exactly this order, in time and under the
        configuration in force, and when the gate, asked again at ``now``, has no objection. No answer in
        time, and the order is EXPIRED: unanswered means no.

        Returns:
            The state of each order looked at, by its intent.
        """
        outcomes = {}
        for order in list(self.recorder.state.orders.values()):
            if order.state == OrderState.APPROVED:
                intent = _intent_of(order)
                outcomes[order.intent_id] = self._submit(intent, self._decide_again(intent, now), now)
            elif order.state == OrderState.PENDING_APPROVAL:
                outcomes[order.intent_id] = self._settle(_intent_of(order), now)
        return outcomes

    def end_unusable(self, now: datetime) -> None:
        """End the orders that wait for a person and cannot be sent: refused, or out of time.

        What has a usable yes waits on, for a look at the market.
        """
        for order in list(self.recorder.state.orders.values()):
            asked = self.recorder.state.approvals.get(order_approval(order.intent_id))
            if order.state != OrderState.PENDING_APPROVAL or asked is None:
                continue
            if asked.answer == "no" or asked.has_expired(now):
                self._settle(_intent_of(order), now)

    def poll(self, at: datetime) -> None:
        """Book what is new of the orders that work. The legs of a roll fill together, when they are sent."""
        working = [
            (_intent_of(order), order.quantity - order.filled)
            for order in self.recorder.state.orders.values()
            if order.state in _AT_BROKER and not (order.created and order.created.payload.get("parent"))
        ]
        by_id = {intent.intent_id: intent for intent, _ in working}
        for report in self.broker.poll(working, at):
            self.take_report(by_id[report.intent_id], report)

    def cancel_working(self, account: str, why: str, at: datetime, entries_only: bool) -> None:
        """Cancel what an account has at the broker, and deny what waits for a person.

        Args:
            account: whose orders.
            why: for the journal.
            at: when.
            entries_only: leave what closes alone.
        """
        for order in list(self.recorder.state.orders.values()):
            if order.account != account or (entries_only and Action(order.action).is_exit):
                continue
            intent, decision = _intent_of(order), GateDecision((), (("state@1", why),))
            if order.state == OrderState.PENDING_APPROVAL:
                self._deny(intent, decision, at)
            elif order.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED):
                self._own_step(intent, OrderStep.ASK_CANCEL, EventType.ORDER_CANCEL_ASKED, decision, at)
                for report in self.broker.cancel(intent, at):
                    self.take_report(intent, report)

    def end_session(self, now: datetime) -> None:
        """Book what the broker says about the day's orders that still worked, and end what asks.

        ``now`` is after the session. An order of a later one, where a close is made up for, goes on.
        """
        of_session = [
            (order, intent)
            for order in self.recorder.state.orders.values()
            if (intent := _intent_of(order)).decided_at <= now
        ]
        working = {order.intent_id: intent for order, intent in of_session if order.state in _AT_BROKER}
        for report in self.broker.end_session(list(working.values())):
            self.take_report(working[report.intent_id], report)
        for order, intent in of_session:
            if order.state == OrderState.PENDING_APPROVAL:
                self._expire(intent, now, "the session ended")
        for asked in list(self.recorder.state.approvals.values()):
            # Nothing of the session comes behind this, so what ends with it has ended.
            ends = (asked.kind == "order" and asked.requested_at <= now) or asked.expires_at <= now
            if asked.answer != "no" and ends:
                self.recorder.record(expired(asked, now))

    def _ask(
        self, intent: OrderIntent, reasons: tuple[str, ...], decision: GateDecision, at: datetime
    ) -> OrderState:
        rules = self.asking.rules
        closes_at = self.context(intent, self.recorder.state).closes_at
        ends_at = expiry(intent, at, rules, self.asking.window_ends_at, closes_at)
        created = f"order/{intent.intent_id}/created"
        subject = order_subject(intent)
        outcome = self._own_step(intent, OrderStep.ASK_APPROVAL, EventType.ORDER_PENDING, decision, at)
        self.recorder.record(
            request("order", intent.intent_id, subject, reasons, intent.actor, at, ends_at, created)
        )
        if self.asking.policy is None:
            self.recorder.record(opportunity_alert([intent], reasons, self.asking.alerts, at, ends_at))
            return outcome
        asked = self.recorder.state.approvals[order_approval(intent.intent_id)]
        self.recorder.record(policy_answer(asked, self.asking.policy == "yes", at))
        return self._settle(intent, at)

    def _settle(self, intent: OrderIntent, now: datetime) -> OrderState:
        """What the answer, or the time that is over, makes of an order that asks."""
        asked = self.recorder.state.approvals.get(order_approval(intent.intent_id))
        if asked is not None and asked.answer != "no" and asked.has_expired(now):
            outcome = self._expire(
                intent, now, "not answered in time" if asked.answer is None else "not used in time"
            )
            self.recorder.record(expired(asked, now))
            return outcome
        if asked is not None and asked.answer is None:
            return OrderState.PENDING_APPROVAL
        objection = unusable(asked, subject_hash(intent), now)
        in_force = self.recorder.state.config_fingerprint
        if objection is None and intent.config_fingerprint != in_force:
            objection = "the configuration has changed since it was asked"
        if objection is not None or asked is None:
            return self._deny(intent, GateDecision((), ((APPROVED_BY_A_PERSON, objection or ""),)), now)
        decision = self._decide_again(intent, now)
        if not decision.allows:
            return self._deny(intent, decision, now)
        self.recorder.record(used(asked, now, "rule:approvals"))
        decision = replace(decision, passed=(*decision.passed, APPROVED_BY_A_PERSON))
        self._own_step(intent, OrderStep.APPROVE, EventType.ORDER_APPROVED, decision, now)
        return self._submit(intent, decision, now)

    def _submit(self, intent: OrderIntent, again: GateDecision, at: datetime) -> OrderState:
        """Send an APPROVED order, when the gate's second decision lets it."""
        if not again.allows:
            return self._deny(intent, again, at)
        self._own_step(intent, OrderStep.SUBMIT, EventType.ORDER_SUBMITTED, again, at)
        self.recorder.barrier()
        outcome = OrderState.SUBMITTING
        for report in self.broker.submit(replace(intent, decided_at=at)):
            outcome = self.take_report(intent, report)
        return outcome

    def place_combined(self, close: OrderIntent, opening: OrderIntent) -> None:
        """Place the legs of a roll as one order: both pass the gate, or neither is sent.

        In a book that only advises neither is, and one alert tells of both.
        """
        legs = (close, opening)
        if any(leg.intent_id in self.recorder.state.intents_of_session for leg in legs):
            return
        decisions = [decide(leg, self._leg_context(leg, close), self.rules) for leg in legs]
        for leg in legs:
            self._record_created(leg)
        if not all(decision.allows for decision in decisions):
            for leg, decision in zip(legs, decisions, strict=True):
                self._deny(leg, decision, leg.decided_at)
            return
        stopped = refused_unasked(close, self.asking.rules)
        if stopped is not None:
            for leg, decision in zip(legs, decisions, strict=True):
                self._deny(leg, GateDecision(decision.passed, (stopped,)), leg.decided_at)
            self.recorder.record(opportunity_alert(legs, (), self.asking.alerts, close.decided_at, None))
            return
        for leg, decision in zip(legs, decisions, strict=True):
            self._own_step(leg, OrderStep.APPROVE, EventType.ORDER_APPROVED, decision, leg.decided_at)
        for leg, decision in zip(legs, decisions, strict=True):
            self._own_step(leg, OrderStep.SUBMIT, EventType.ORDER_SUBMITTED, decision, leg.decided_at)
        self.recorder.barrier()
        by_id = {leg.intent_id: leg for leg in legs}
        for report in self.broker.submit_combined(legs):
            self.take_report(by_id[report.intent_id], report)

    def _leg_context(self, leg: OrderIntent, close: OrderIntent) -> GateContext:
        """What a leg of a roll is judged by: the sale as if what it replaces were closed already."""
        context = self.context(leg, self.recorder.state)
        if leg is close:
            return context
        units, contract = context.multiplier * close.quantity, parse_occ_symbol(close.instrument)
        cost = extended(close.limit_price, units) + context.expected_fee
        if contract.right == "C":
            return replace(context, freed=-cost, freed_shares=units)
        return replace(context, freed=extended(contract.strike, units) - cost)

    def _decide_again(self, intent: OrderIntent, now: datetime | None = None) -> GateDecision:
        others = {k: v for k, v in self.recorder.state.orders.items() if k != intent.intent_id}
        context = self.context(intent, replace(self.recorder.state, orders=others))
        return decide(intent, context if now is None else replace(context, now=now), self.rules)

    def _deny(self, intent: OrderIntent, decision: GateDecision, at: datetime) -> OrderState:
        return self._own_step(intent, OrderStep.DENY, EventType.ORDER_DENIED, decision, at)

    def _expire(self, intent: OrderIntent, now: datetime, why: str) -> OrderState:
        decision = GateDecision((), ((APPROVED_BY_A_PERSON, why),))
        return self._own_step(intent, OrderStep.EXPIRE, EventType.ORDER_EXPIRED, decision, now)

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
                intent.actor,
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
                    "chain": intent.chain.payload() if intent.chain else None,
                    "parent": intent.parent,
                    "evidence": dict(intent.evidence),
                    "asks": list(intent.asks),
                },
                cause=intent.cause,
            )
        )

    def _own_step(
        self,
        intent: OrderIntent,
        step: OrderStep,
        event_type: EventType,
        decision: GateDecision,
        at: datetime,
    ) -> OrderState:
        order = self.recorder.state.orders[intent.intent_id]
        after = advance(OrderState(order.state), step, intent.intent_id)
        payload: dict[str, Json] = {
            "intent": intent.intent_id,
            "account": intent.account,
            "state": after.value,
            "terminal": after in TERMINAL,
            "gate": decision.payload(),
        }
        key = f"order/{intent.intent_id}/{step.value}"
        cause = f"order/{intent.intent_id}/created"
        self.recorder.record(Event(event_type, at, "rule:gate", key, payload, cause=cause))
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
            "chain": intent.chain.payload() if intent.chain else None,
            "parent": intent.parent,
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
        if intent.action is Action.BUY_TO_OPEN:
            return long_option_bought(account, instrument, report.quantity, amount, report.fee)
        if intent.action is Action.SELL_TO_CLOSE:
            held = self.recorder.state.accounts[account].longs[instrument].lots
            cost = take(held, report.quantity)[0].cost
            return long_option_sold(account, instrument, report.quantity, amount, cost, report.fee)
        lots = self.recorder.state.accounts[account].shorts[instrument].lots
        premium = take(lots, report.quantity)[0].cost
        return option_bought_back(account, instrument, report.quantity, amount, premium, report.fee)


def _intent_of(order: WorkingOrder | None, intent_id: str = "") -> OrderIntent:
    if order is None or order.created is None:
        raise OrderError(
            f"order {order.intent_id if order else intent_id}: nothing here says what was ordered"
        )
    return intent_from(order.created)
