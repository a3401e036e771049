"""Puts an intent through gate, lifecycle and broker, and tells the journal every step.

``Recorder`` is the only way out: what is recorded is applied to the state at once, and ``barrier`` makes
it durable before a network is touched. A replay's recorder keeps the events of a session for one
transaction; a live one commits at the barrier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from alluse_assets.base.errors import OrderError
from alluse_assets.base.events import Event, Json
from alluse_assets.execution.approval_alerts import opportunity_alert, with_alert
from alluse_assets.execution.approvals import (
    APPROVED_BY_A_PERSON,
    CONFIG_HAS_CHANGED,
    DAY_KINDS,
    STRONGER_EXIT,
    Asking,
    expired,
    expiry,
    hash_of,
    order_approval,
    order_subject,
    policy_answer,
    refused_unasked,
    request,
    unusable,
    used,
    why_ask,
)
from alluse_assets.execution.broker import Broker, BrokerReport
from alluse_assets.execution.gate import HEDGE, RULES, GateContext, GateDecision, Rule, decide
from alluse_assets.execution.lifecycle import TERMINAL, OrderState, OrderStep
from alluse_assets.execution.order import OrderIntent, intent_from, is_one_order, numbered
from alluse_assets.execution.order_events import created_event, reported_event, stepped_event
from alluse_assets.execution.precedence import weaker_than
from alluse_assets.ledger.approval_state import ApprovalState
from alluse_assets.ledger.book_state import BookState, WorkingOrder

_AT_BROKER = frozenset(
    {
        OrderState.ACCEPTED,
        OrderState.PARTIALLY_FILLED,
        OrderState.PENDING_CANCEL,
        OrderState.PENDING_REPLACE,
    }
)
_HAS_ENDED = TERMINAL - {OrderState.REPLACED}
CANCELABLE = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
"""Where a broker can be asked to cancel an order."""


class Recorder(Protocol):
    """Where events go."""

    @property
    def state(self) -> BookState:
        """The book after everything recorded so far."""

    def record(self, event: Event) -> None:
        """Take an event and apply it."""

    def barrier(self) -> None:
        """Return only when everything recorded is durable."""


def _level_of(state: BookState, chain: str) -> int:
    return state.protection.chains[chain].level


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
    level_of: Callable[[BookState, str], int] = _level_of
    """The protection level that a chain is at now, by its id."""

    def place(self, intent: OrderIntent, has_yes: bool = False) -> OrderState:
        """Take an intent as far as it gets at once. The same intent twice is one order.

        But an exit or hedge whose last order has ended is a new one, under the next number, where nothing
        stands against it: what is due stays due, also of what was opened since. A person's no stands for the
        session. What works or waits of a weaker exit on the same contract is called off for one that may go.

        Args:
            intent: what is wanted.
            has_yes: a person's yes to more than this order covers it, and was used before.
        """
        state, at = self.recorder.state, intent.decided_at
        if intent.intent_id in state.intents_of_session:
            again = numbered(intent, state.intents_of_session)
            last = replace(again, number=again.number - 1)
            if not self._may_try_again(last, again):
                return OrderState(state.intents_of_session[last.intent_id])
            intent = again
        weaker = weaker_than(intent, state.orders.values())
        if weaker and self._may_go(intent):
            self.make_way(intent, weaker, at)
        decision = decide(intent, self.context(intent, self.recorder.state), self.rules)
        self.create(intent)
        if not decision.allows:
            return self.deny(intent, decision, at)
        stopped = refused_unasked(intent, self.asking.rules)
        if stopped is not None:
            outcome = self.deny(intent, GateDecision(decision.passed, (stopped,)), at)
            if self.asking.rules.mode == "advise":
                self.recorder.record(opportunity_alert([intent], None, self.asking.alerts, at))
            return outcome
        reasons = () if has_yes else why_ask(intent, self.asking.rules)
        if reasons:
            approval, subject = order_approval(intent.intent_id), order_subject(intent)
            self.ask(approval, subject, (intent,), reasons, decision)
            return self.settle(intent, at) if self.asking.policy else OrderState.PENDING_APPROVAL
        if has_yes:
            decision = decision.passing(APPROVED_BY_A_PERSON)
        self.step(intent, OrderStep.APPROVE, decision, at)
        # The market or another order may have moved between approval and submission: ask again.
        return self.submit(intent, self.decide_again(intent), at)

    def _may_try_again(self, last: OrderIntent, again: OrderIntent) -> bool:
        """Whether an exit is ordered anew: not where it would be refused again, at each look."""
        state = self.recorder.state
        repeats = last.action.is_exit or last.purpose == HEDGE
        if not repeats or state.intents_of_session[last.intent_id] not in _HAS_ENDED:
            return False
        asked = self._asked_about(last)
        return (asked is None or asked.answer != "no") and self._may_go(again)

    def _may_go(self, exit_order: OrderIntent) -> bool:
        """Whether nothing stands against an exit or a hedge but weaker ones, which it calls off."""
        if refused_unasked(exit_order, self.asking.rules) is not None:
            return False
        state = self.recorder.state
        weaker = {order.intent_id for order in weaker_than(exit_order, state.orders.values())}
        rest = {key: order for key, order in state.orders.items() if key not in weaker}
        return decide(exit_order, self.context(exit_order, replace(state, orders=rest)), self.rules).allows

    def make_way(self, stronger: OrderIntent, weaker: Sequence[WorkingOrder], at: datetime) -> None:
        """Call off the ``weaker`` exits on a contract, of a roll that is one order also its sale."""
        decision = GateDecision((), ((STRONGER_EXIT, f"{stronger.purpose} goes before it"),))
        closes = [intent_of(order) for order in weaker]
        others = [intent_of(o) for o in self.recorder.state.orders.values() if o.state in CANCELABLE]
        sales = [leg for leg in others if any(is_one_order(close, leg) for close in closes)]
        for intent in (*closes, *sales):
            self.call_off(intent, decision, at)

    def resume(self, now: datetime) -> dict[str, OrderState]:
        """Go on with the orders that wait for a person, and those approved when a process ended.

        Called at each step. An answer counts when it is a yes to exactly this order, in time and under the
        configuration in force, and when the gate, asked again at ``now``, has no objection. No answer in
        time, and the order is EXPIRED: unanswered means no. The legs of a roll go on by ``rolling``.

        Returns:
            The state of each order looked at, by its intent.
        """
        outcomes = {}
        for order in list(self.recorder.state.orders.values()):
            if order.parent:
                continue
            if order.state == OrderState.APPROVED:
                intent = intent_of(order)
                outcomes[order.intent_id] = self.submit(intent, self.decide_again(intent, now), now)
            elif order.state == OrderState.PENDING_APPROVAL:
                outcomes[order.intent_id] = self.settle(intent_of(order), now)
        return outcomes

    def end_unusable(self, now: datetime) -> None:
        """End the orders that wait for a person and cannot be sent: refused, or out of time.

        What has a usable yes waits on, for a look at the market.
        """
        for order in list(self.recorder.state.orders.values()):
            intent = intent_of(order)
            asked = self._asked_about(intent)
            if order.state != OrderState.PENDING_APPROVAL or asked is None:
                continue
            if asked.answer == "no" or asked.has_expired(now):
                self.without_yes(intent, asked.approval, asked.subject, now)

    def poll(self, at: datetime) -> None:
        """Book what is new of the orders that work."""
        working = [
            (intent_of(order), order.quantity - order.filled)
            for order in self.recorder.state.orders.values()
            if order.state in _AT_BROKER
        ]
        by_id = {intent.intent_id: intent for intent, _ in working}
        for report in self.broker.poll(working, at):
            self.take_report(by_id[report.intent_id], report)

    def call_off(self, intent: OrderIntent, decision: GateDecision, at: datetime) -> None:
        """Cancel an order that works; deny one that nothing was sent of, and end its request."""
        if self.recorder.state.orders[intent.intent_id].state in CANCELABLE:
            self.step(intent, OrderStep.ASK_CANCEL, decision, at)
            for report in self.broker.cancel(intent, at):
                self.take_report(intent, report)
            return
        asked = self._asked_about(intent)
        if asked is not None and asked.answer == "no":
            return  # it is denied for that
        self.deny(intent, decision, at)
        if asked is not None:
            self.end_request(asked, expired(asked, at))

    def _asked_about(self, intent: OrderIntent) -> ApprovalState | None:
        """What a person was asked about an order, or about the roll whose leg it is."""
        approvals = self.recorder.state.approvals
        return approvals.get(order_approval(intent.intent_id)) or approvals.get(intent.parent)

    def end_session(self, now: datetime) -> None:
        """Book what the broker says about the day's orders that still worked, and end what asks.

        ``now`` is after the session. An order of a later one, where a close is made up for, goes on.
        """
        of_session = [
            (order, intent)
            for order in self.recorder.state.orders.values()
            if (intent := intent_of(order)).decided_at <= now
        ]
        working = {order.intent_id: intent for order, intent in of_session if order.state in _AT_BROKER}
        for report in self.broker.end_session(list(working.values())):
            self.take_report(working[report.intent_id], report)
        for order, intent in of_session:
            if order.state == OrderState.PENDING_APPROVAL:
                self._expire(intent, now, "the session ended")
        for asked in list(self.recorder.state.approvals.values()):
            # Nothing of the session comes behind this, so what ends with it has ended.
            ends = (asked.kind in DAY_KINDS and asked.requested_at <= now) or asked.expires_at <= now
            if asked.answer != "no" and ends:
                self.end_request(asked, expired(asked, now))

    def ask(
        self,
        approval: str,
        subject: Mapping[str, Json],
        orders: Sequence[OrderIntent],
        reasons: Sequence[str],
        decision: GateDecision,
    ) -> None:
        """Ask a person, or a replay's policy, which answers at once.

        Args:
            approval: id of the request.
            subject: exactly what a yes is for.
            orders: what is asked about, as one thing; the first has been created, and waits.
            reasons: why.
            decision: the gate's about the one that waits.
        """
        intent, alerts = orders[0], self.asking.alerts
        at, closes_at = intent.decided_at, self.context(intent, self.recorder.state).closes_at
        ends_at = expiry(intent, at, self.asking.rules, self.asking.window_ends_at, closes_at)
        self.step(intent, OrderStep.ASK_APPROVAL, decision, at)
        kind, _, name = approval.partition("/")
        cause = f"order/{intent.intent_id}/created"
        self.recorder.record(request(kind, name, subject, reasons, intent.actor, at, ends_at, cause))
        asked = self.recorder.state.approvals[approval]
        if self.asking.policy is None:
            self.recorder.record(opportunity_alert(orders, asked, alerts, at))
            return
        self.recorder.record(policy_answer(asked, self.asking.policy == "yes", at))

    def settle(self, intent: OrderIntent, now: datetime) -> OrderState:
        """What the answer, or the time that is over, makes of an order that asks."""
        approval = order_approval(intent.intent_id)
        ended = self.without_yes(intent, approval, order_subject(intent), now)
        if ended is not None:
            return ended
        decision = self.decide_again(intent, now)
        if not decision.allows:
            return self.deny(intent, decision, now)
        asked = self.recorder.state.approvals[approval]
        self.end_request(asked, used(asked, now, "rule:approvals"))
        decision = decision.passing(APPROVED_BY_A_PERSON)
        self.step(intent, OrderStep.APPROVE, decision, now)
        return self.submit(intent, decision, now)

    def without_yes(
        self, intent: OrderIntent, approval: str, subject: Mapping[str, Json], now: datetime
    ) -> OrderState | None:
        """Where an order is that waits for ``approval``; None when there is a yes that can be used now.

        What was refused, or not answered or used in time, has ended with this.
        """
        asked = self.recorder.state.approvals.get(approval)
        if asked is not None and asked.answer != "no" and asked.has_expired(now):
            outcome = self._expire(
                intent, now, "not answered in time" if asked.answer is None else "not used in time"
            )
            self.end_request(asked, expired(asked, now))
            return outcome
        if asked is not None and asked.answer is None:
            return OrderState.PENDING_APPROVAL
        objection = unusable(asked, hash_of(subject), now)
        if objection is None and intent.config_fingerprint != self.recorder.state.config_fingerprint:
            objection = CONFIG_HAS_CHANGED
        if objection is None:
            return None
        return self.deny(intent, GateDecision((), ((APPROVED_BY_A_PERSON, objection),)), now)

    def submit(self, intent: OrderIntent, again: GateDecision, at: datetime) -> OrderState:
        """Send an APPROVED order, when the gate's second decision lets it."""
        if not again.allows:
            return self.deny(intent, again, at)
        self.step(intent, OrderStep.SUBMIT, again, at)
        self.recorder.barrier()
        outcome = OrderState.SUBMITTING
        for report in self.broker.submit(replace(intent, decided_at=at)):
            outcome = self.take_report(intent, report)
        return outcome

    def decide_again(self, intent: OrderIntent, now: datetime | None = None) -> GateDecision:
        """The gate's word about an order that is in the state already, as if it were not."""
        others = {k: v for k, v in self.recorder.state.orders.items() if k != intent.intent_id}
        context = self.context(intent, replace(self.recorder.state, orders=others))
        return decide(intent, context if now is None else replace(context, now=now), self.rules)

    def end_request(self, asked: ApprovalState, event: Event) -> None:
        """Record what ends a request, and with it the alert that told of it."""
        for one in with_alert(asked, event):
            self.recorder.record(one)

    def create(self, intent: OrderIntent) -> None:
        """Record that it is wanted; from here on it reserves what it needs."""
        state = self.recorder.state
        version = state.config_history.number_of(intent.config_fingerprint)
        self.recorder.record(created_event(intent, self.context(intent, state).multiplier, version))

    def step(self, intent: OrderIntent, step: OrderStep, decision: GateDecision, at: datetime) -> OrderState:
        """Record a step of our own.

        Raises:
            OrderError: the order's state has no such step.
        """
        order = self.recorder.state.orders[intent.intent_id]
        event = stepped_event(intent, order, step, decision, at)
        self.recorder.record(event)
        return OrderState(str(event.payload["state"]))

    def deny(self, intent: OrderIntent, decision: GateDecision, at: datetime) -> OrderState:
        """End an order that nothing was sent of."""
        return self.step(intent, OrderStep.DENY, decision, at)

    def take_report(self, intent: OrderIntent, report: BrokerReport) -> OrderState:
        """Book one report of the broker. A fill that was already booked changes nothing.

        Raises:
            OrderError: the order is unknown, or its state has no such step.
        """
        state, authority = self.recorder.state, self.broker.authority
        order = state.orders.get(intent.intent_id)
        if order is None:
            raise OrderError(f"order {intent.intent_id}: {authority} reports on no working order")
        account, multiplier = state.accounts[intent.account], self.context(intent, state).multiplier
        event = reported_event(intent, order, report, account, multiplier, authority)
        self.recorder.record(event)
        return OrderState(str(event.payload["state"]))

    def _expire(self, intent: OrderIntent, now: datetime, why: str) -> OrderState:
        return self.step(intent, OrderStep.EXPIRE, GateDecision((), ((APPROVED_BY_A_PERSON, why),)), now)


def intent_of(order: WorkingOrder) -> OrderIntent:
    """What was ordered, from the order's first event.

    Raises:
        OrderError: nothing says what was ordered.
    """
    if order.created is None:
        raise OrderError(f"order {order.intent_id}: nothing here says what was ordered")
    return intent_from(order.created)
