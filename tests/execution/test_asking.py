"""An order's way past a person: asked, answered or not, sent once or never."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.accounts.states import AccountStatus
from alluse_assets.alerts.delivery import Delivery, decide_deliveries
from alluse_assets.alerts.states import alerts_of, decide_resolve
from alluse_assets.base.config.model_people import AlertRules, ApprovalRules, NotifyRules
from alluse_assets.base.errors import ApprovalError, ConflictError
from alluse_assets.execution.approvals import Asking, order_approval
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.project import project_orders
from alluse_assets.execution.withdrawal import withdraw
from alluse_assets.journal.chain import Head
from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.replay import SessionRecorder
from tests.execution.committing import Committing, Killed, reopened
from tests.execution.scene import CLOSES, OPENS, PUT, Scene, book_under, buy_back, buy_shares, sell_put

WINDOW_END = OPENS + timedelta(minutes=90)
AT = OPENS + timedelta(minutes=40)
UNDER_FLOOR = ("under_floor",)


def scene(policy=None, **rules):
    return Scene(asking=Asking(ApprovalRules(**rules), AlertRules(), WINDOW_END, policy))


def an_order(**changes):
    return sell_put(**{"asks": UNDER_FLOOR, "decided_at": AT, **changes})


def test_an_order_that_asks_waits_and_tells_a_person_exactly_what_is_asked():
    book = scene()
    intent = an_order()
    assert book.engine.place(intent) is OrderState.PENDING_APPROVAL
    assert book.types() == [
        "order.created", "order.pending_approval", "approval.requested", "alert.raised"
    ]  # fmt: skip
    asked, alert = (event.payload for event in book.recorder.events[-2:])
    assert asked["approval"] == f"order/{intent.intent_id}"
    assert asked["reasons"] == ["under_floor"]
    assert asked["requested_by"] == "rule:open_put"
    assert asked["expires_at"] == "2011-01-06T16:00:00Z"
    assert asked["subject"]["orders"][0]["limit_price"] == "2.00"
    assert (alert["type"], alert["question"], alert["priority"]) == ("trade_opportunity", True, "MEDIUM")
    assert alert["script"] == [
        {"action": "SELL_TO_OPEN", "instrument": PUT, "quantity": 1, "limit_price": "2.00"}
    ]
    assert alert["text"] == (
        "GEN-1: sell 1 AAPL 330 put of Fri 2011-01-07 for at least 2.00 USD a share (open put)? You are "
        "asked because the premium yield is under the account's floor. Answer until "
        "Thu 2011-01-06 11:00 New York; no answer means no."
    )
    assert (alert["approval"], alert["approval_hash"]) == (asked["approval"], asked["hash"])


def test_the_alert_says_the_yield_and_the_floor_where_they_are_known():
    book = scene()
    evidence = {"premium_yield_ppm": 9_100, "floor_ppm": 15_000}
    book.engine.place(an_order(evidence=evidence))
    assert "(open put; yield 0.91 % of the strike, floor 1.50 %)?" in book.recorder.events[-1].payload["text"]


def test_while_it_waits_it_reserves_its_cash_and_its_contract():
    book = scene()
    book.engine.place(an_order())
    assert book.engine.place(an_order(purpose="other")) is OrderState.DENIED
    assert book.refusals() == ["duplicate@1"]


def test_after_a_yes_the_next_step_sends_it_once():
    book = scene()
    intent = an_order()
    book.engine.place(intent)
    assert book.engine.resume(AT) == {intent.intent_id: OrderState.PENDING_APPROVAL}
    book.answer(intent, at=AT)
    later = AT + timedelta(minutes=5)
    assert book.engine.resume(later) == {intent.intent_id: OrderState.FILLED}
    assert book.types()[4:] == [
        "approval.answered", "alert.resolved", "approval.used", "order.approved", "order.submitted",
        "order.accepted", "order.filled",
    ]  # fmt: skip
    assert {event.effective_at for event in book.recorder.events[-5:]} == {later}
    assert "approval@1" in book.recorder.events[-4].payload["gate"]["passed"]
    assert book.account.shorts[PUT].contracts == 1
    assert book.recorder.state.approvals == {}
    before = len(book.recorder.events)
    assert book.engine.resume(later) == {}
    assert book.engine.place(intent) is OrderState.FILLED
    assert len(book.recorder.events) == before


def test_after_a_no_it_is_denied_with_who_said_so():
    book = scene()
    intent = an_order()
    book.engine.place(intent)
    book.answer(intent, yes=False, at=AT, why="earnings")
    assert book.engine.resume(AT) == {intent.intent_id: OrderState.DENIED}
    assert book.recorder.events[-1].payload["gate"]["refused"] == [
        {"rule": "approval@1", "why": "Ann said no: earnings"}
    ]
    assert book.account.shorts == {}


@pytest.mark.parametrize("answered", [True, False])
def test_no_answer_or_no_use_in_time_means_no(answered):
    book = scene()
    intent = an_order()
    book.engine.place(intent)
    if answered:
        book.answer(intent, at=WINDOW_END)
    assert book.engine.resume(WINDOW_END + timedelta(microseconds=1)) == {
        intent.intent_id: OrderState.EXPIRED
    }
    ended = [one for one in book.types() if one != "alert.resolved"]
    assert ended[-2:] == ["order.expired", "approval.expired"]
    assert book.recorder.state.approvals == {}
    assert book.recorder.state.orders == {}
    assert book.account.shorts == {}


def alert_of(book):
    (alert,) = alerts_of(book.recorder.events).values()
    return alert


@pytest.mark.parametrize(("yes", "said"), [(True, "said yes: fair"), (False, "said no: fair")])
def test_an_answer_ends_the_alert_with_who_and_why_so_nobody_is_called_again(yes, said):
    """An order to close at level 3 that was answered in a minute rang the phone for another hour."""
    book = scene()
    intent = an_order(asks=("level_3_close",))
    book.engine.place(intent)
    rules = NotifyRules.model_validate({"channels": {"phone": {"secret": "env:X", "escalation": True}}})
    told = [Delivery(alert_of(book).alert.id, "phone", 0, 1, "first", AT, "sent")]
    an_hour_later = AT + timedelta(hours=1)
    assert decide_deliveries([alert_of(book)], told, rules, "LOW", an_hour_later)
    book.answer(intent, yes=yes, at=AT + timedelta(minutes=1), why="fair")
    ended = alert_of(book).resolved
    assert (ended.by, ended.why, ended.at) == ("Ann", said, AT + timedelta(minutes=1))
    assert decide_deliveries([alert_of(book)], told, rules, "LOW", an_hour_later) == []
    book.engine.resume(AT + timedelta(minutes=2))
    assert book.types().count("alert.resolved") == 1


def test_time_that_is_over_ends_the_alert():
    book = scene()
    book.engine.place(an_order())
    book.engine.resume(WINDOW_END + timedelta(microseconds=1))
    assert alert_of(book).resolved.why == "nobody answered in time"
    assert alert_of(book).resolved.by == "rule:approvals"


def test_the_session_s_end_ends_the_alert():
    book = scene()
    book.engine.place(an_order(purpose="take_profit"))
    book.engine.end_session(CLOSES)
    assert alert_of(book).resolved.why == "nobody answered in time"


def test_an_order_that_is_taken_back_asks_nobody_any_more():
    book = scene()
    book.engine.place(an_order())
    halted = lambda i, s: replace(book.context(i, s), status=AccountStatus.HALTED)  # noqa: E731
    engine = OrderEngine(book.recorder, book.broker, halted, asking=book.asking)
    withdraw(engine, AT + timedelta(minutes=5))
    assert book.recorder.state.approvals == {}
    assert alert_of(book).resolved.why == "what was asked about is not possible any more"


def test_an_alert_that_a_person_has_ended_before_is_not_ended_twice():
    book = scene()
    intent = an_order()
    book.engine.place(intent)
    alert = alert_of(book)
    book.recorder.record(decide_resolve({alert.alert.id: alert}, alert.alert.id, "Eve", AT, "seen"))
    book.answer(intent, at=AT)
    assert book.types().count("alert.resolved") == 1
    assert alert_of(book).resolved.by == "Eve"


def test_a_yes_at_the_last_instant_still_counts():
    book = scene()
    intent = an_order()
    book.engine.place(intent)
    book.answer(intent, at=WINDOW_END)
    assert book.engine.resume(WINDOW_END) == {intent.intent_id: OrderState.FILLED}


@pytest.mark.parametrize("answered", [True, False])
def test_nothing_that_asks_outlives_its_session(answered):
    book = scene(expires_after_minutes=600)
    intent = an_order(purpose="level_3_close")
    book.engine.place(intent)
    if answered:
        book.answer(intent, at=AT)
    book.engine.end_session(CLOSES)
    ended = [one for one in book.types() if one != "alert.resolved"]
    assert ended[-2:] == ["order.expired", "approval.expired"]
    assert (book.recorder.state.orders, book.recorder.state.approvals) == ({}, {})


def test_the_gate_is_asked_again_after_the_yes():
    book = scene()
    intent = an_order(quantity=3)
    book.engine.place(intent)
    book.answer(intent, at=AT)
    poorer = replace(book.account, balances={**book.account.balances, "cash": 0})
    book.recorder.state = book.recorder.state.with_account(poorer)
    assert book.engine.resume(AT) == {intent.intent_id: OrderState.DENIED}
    assert book.refusals() == ["capital@1"]
    assert "approval.used" not in book.types()


def test_an_approval_under_another_configuration_is_not_used():
    book = scene()
    intent = an_order()
    book.engine.place(intent)
    book.answer(intent, at=AT)
    book.recorder.state = replace(book.recorder.state, config_history=book_under("another").config_history)
    assert book.engine.resume(AT) == {intent.intent_id: OrderState.DENIED}
    why = book.recorder.events[-1].payload["gate"]["refused"][0]["why"]
    assert why == "the configuration has changed since it was asked"


def test_an_order_that_the_gate_refuses_asks_nobody():
    book = Scene(cash="1000.00", asking=Asking(ApprovalRules(mode="approve")))
    assert book.engine.place(an_order()) is OrderState.DENIED
    assert book.types() == ["order.created", "order.denied"]


@pytest.mark.parametrize("intent", [sell_put(), buy_shares(), buy_back()], ids=lambda i: i.purpose)
def test_mode_approve_asks_for_every_order(intent):
    book = scene()
    book.engine.place(sell_put(purpose="first", decided_at=AT))  # something to buy back
    asking = OrderEngine(
        book.recorder, book.broker, book.context, asking=Asking(ApprovalRules(mode="approve"))
    )
    assert asking.place(intent) is OrderState.PENDING_APPROVAL


def test_mode_auto_asks_for_nothing_else():
    book = scene()
    assert book.engine.place(an_order(asks=())) is OrderState.FILLED


@pytest.mark.parametrize("intent", [an_order(asks=()), an_order(), buy_shares()])
def test_a_book_that_only_advises_sends_nothing_and_says_what_it_would_do(intent):
    book = scene(mode="advise")
    assert book.engine.place(intent) is OrderState.DENIED
    assert book.broker.taken == {}
    assert book.types() == ["order.created", "order.denied", "alert.raised"]
    assert book.refusals() == ["mode@1"]
    alert = book.recorder.events[-1].payload
    assert alert["question"] is False
    assert alert["script"][0]["instrument"] == intent.instrument


def test_under_the_floor_with_the_switch_off_never_trades():
    book = scene(under_floor=False)
    assert book.engine.place(an_order()) is OrderState.DENIED
    assert book.refusals() == ["floor@1"]


def test_a_level_3_close_with_the_switch_off_goes_out_at_once():
    assert scene(level_3_close=False).engine.place(an_order(asks=("level_3_close",))) is OrderState.FILLED
    assert scene().engine.place(an_order(asks=("level_3_close",))) is OrderState.PENDING_APPROVAL


@pytest.mark.parametrize(("policy", "ends"), [("yes", OrderState.FILLED), ("no", OrderState.DENIED)])
def test_a_replay_answers_at_once_by_its_policy_and_alerts_nobody(policy, ends):
    book = scene(policy)
    assert book.engine.place(an_order(decided_at=CLOSES)) is ends
    assert book.types()[:4] == [
        "order.created", "order.pending_approval", "approval.requested", "approval.answered"
    ]  # fmt: skip
    assert book.recorder.events[4].payload["by"] == "policy:replay"
    assert "alert.raised" not in book.types()
    assert (book.account.shorts != {}) is (policy == "yes")


def asked_and_approved(store):
    """A scene whose book is in the database, with an order that a person has approved."""
    book, intent = scene(), an_order()
    book.engine.place(intent)
    book.answer(intent, at=AT)
    store.append("b", book.recorder.events, Head())
    return book, intent


def engine(book, recorder, broker=None):
    return OrderEngine(recorder, broker or book.broker, book.context, asking=book.asking)


def test_a_process_killed_between_approval_and_submission_sends_the_order_once_when_it_is_back(store):
    book, intent = asked_and_approved(store)

    class Dies(Committing):
        def barrier(self):
            raise Killed

    recorder = reopened(store)
    with pytest.raises(Killed):
        engine(book, Dies(store, recorder.state, recorder.head)).resume(AT)
    assert book.broker.taken == {}  # nothing was sent
    recorder = reopened(store)
    assert recorder.state.approvals[order_approval(intent.intent_id)].answer == "yes"
    assert engine(book, recorder).resume(AT) == {intent.intent_id: OrderState.FILLED}
    recorder.barrier()
    again = reopened(store)
    assert again.state.accounts["GEN-1"].shorts[PUT].contracts == 1
    assert engine(book, again).resume(AT) == {}
    assert engine(book, again).place(intent) is OrderState.FILLED


def test_a_process_killed_after_submission_does_not_send_the_order_again(store):
    book, intent = asked_and_approved(store)

    class Silent:
        authority = "broker:silent"

        def submit(self, sent):
            raise Killed

    with pytest.raises(Killed):
        engine(book, reopened(store), Silent()).resume(AT)
    recorder = reopened(store)
    assert recorder.state.orders[intent.intent_id].state == OrderState.SUBMITTING
    assert recorder.state.approvals == {}  # it was used, before the network was touched
    assert engine(book, recorder).resume(AT) == {}


def test_two_processes_cannot_both_use_an_approval(store):
    """Only one holds the book's lease; without it the journal's head stops the second before the network."""
    book, _ = asked_and_approved(store)
    one, two = reopened(store), reopened(store)
    engine(book, one).resume(AT)
    with pytest.raises(ConflictError):
        engine(book, two).resume(AT + timedelta(seconds=1))


def test_an_order_that_was_approved_when_the_process_ended_is_judged_again_and_sent():
    book, intent = scene(), an_order()
    book.engine.place(intent)
    book.answer(intent, at=AT)
    book.engine.resume(AT)
    approved = [event.type for event in book.recorder.events].index("order.approved")
    state = fold(book.recorder.events[: approved + 1], book_under("f"))
    fresh = scene()
    recorder = SessionRecorder(state)
    assert engine(fresh, recorder).resume(AT) == {intent.intent_id: OrderState.FILLED}
    late = SessionRecorder(state)
    assert engine(fresh, late).resume(CLOSES + timedelta(minutes=1)) == {intent.intent_id: OrderState.DENIED}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "yes", "no", "resume", "restart"]), st.integers(0, 2), st.integers(0, 60)
    ),
    max_size=14,
)


@given(STEPS)
def test_whatever_happens_in_whatever_order_nothing_is_sent_without_a_yes_in_time_nor_twice(steps):
    """``steps``: what happens, to which of three orders, and how many minutes later."""
    book, now = scene(), AT
    orders = [an_order(purpose=f"open_{n}", instrument=f"AAPL110107P0033{n}000") for n in range(3)]
    for what, which, minutes in steps:
        now += timedelta(minutes=minutes)
        intent = replace(orders[which], decided_at=now)
        if what == "place":
            book.engine.place(intent)
        elif what == "resume":
            book.engine.resume(now)
        elif what == "restart":
            book.recorder.state = fold(book.recorder.events, book_under("f"))
        else:
            with suppress(KeyError, ApprovalError):  # nothing is open, or not any more
                book.answer(intent, yes=what == "yes", at=now)
    book.engine.end_session(max(now, CLOSES))
    events = book.recorder.events
    requests = {e.payload["approval"]: e for e in events if e.type == "approval.requested"}
    uses = [e for e in events if e.type == "approval.used"]
    yes = {
        e.payload["approval"]
        for e in events
        if e.type == "approval.answered" and e.payload["answer"] == "yes"
    }
    sent = [order_approval(e.payload["intent"]) for e in events if e.type == "order.submitted"]
    assert sorted(sent) == sorted(e.payload["approval"] for e in uses)
    assert len(set(sent)) == len(sent)
    assert set(sent) <= yes
    for use in uses:
        ends_at = datetime.fromisoformat(requests[use.payload["approval"]].payload["expires_at"])
        assert use.effective_at <= ends_at
    keys = [e.key for e in events]
    assert len(set(keys)) == len(keys)
    state = book.recorder.state
    assert not any(order.state == "PENDING_APPROVAL" for order in state.orders.values())
    assert all(asked.answer == "no" for asked in state.approvals.values())


def test_the_table_of_orders_says_who_refused_and_why():
    book = scene()
    refused, forgotten = an_order(), an_order(instrument="AAPL110107P00325000")
    book.engine.place(refused)
    book.engine.place(forgotten)
    book.answer(refused, yes=False, at=AT, why="earnings")
    book.engine.resume(AT)
    book.engine.end_session(CLOSES)
    orders = project_orders(book.recorder.events).select("instrument", "state", "reason").rows()
    assert sorted(orders) == [
        ("AAPL110107P00325000", "EXPIRED", "gate approval@1: the session ended"),
        (PUT, "DENIED", "gate approval@1: Ann said no: earnings"),
    ]
