"""An exit that came to nothing is ordered anew while it is due; a person's no stands."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alluse_assets.accounts.states import AccountStatus
from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.execution.approvals import Asking
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.order import Action
from alluse_assets.execution.rolling import continue_rolls, place_roll
from alluse_assets.execution.withdrawal import withdraw
from alluse_assets.ledger.book_fold import fold
from tests.execution.roll_scene import AT, BOTH_WAYS, engine, look, requests, rolling, types, under
from tests.execution.scene import PUT, Scene, book_under, buy_back, buy_shares, quote, sell_put

CLOSE = buy_back(purpose="level_3_close", asks=("level_3_close",), decided_at=AT)


def short_put(policy=None, **rules):
    """A book that is short a put and asks before a close at level 3."""
    book = Scene()
    book.engine.place(sell_put(decided_at=AT))
    book.asking = Asking(ApprovalRules(**rules), AlertRules(), None, policy)
    book.engine = engine(book)
    return book


def later(minutes, order=CLOSE):
    return replace(order, decided_at=AT + timedelta(minutes=minutes))


def created(book):
    return [e.payload["intent"] for e in book.recorder.events if e.type == "order.created"][1:]


def test_what_was_approved_under_another_configuration_is_asked_about_anew():
    """An unrelated setting that changed left a level-3 close undone until the next day."""
    book = short_put()
    assert book.engine.place(CLOSE) == "PENDING_APPROVAL"
    book.answer(CLOSE, at=AT)
    under(book, "another")
    book.engine.resume(AT + timedelta(minutes=1))
    again = replace(later(1), config_fingerprint="another")
    assert book.engine.place(again) == "PENDING_APPROVAL"
    assert created(book) == [CLOSE.intent_id, f"{CLOSE.intent_id}/2"]
    book.answer(replace(again, number=2), at=AT + timedelta(minutes=2))
    book.engine.resume(AT + timedelta(minutes=2))
    assert book.account.shorts == {}


def test_a_no_stands_whatever_was_asked_before_it():
    book = short_put(expires_after_minutes=5)
    book.engine.place(CLOSE)
    book.engine.resume(AT + timedelta(minutes=6))
    assert book.engine.place(later(6)) == "PENDING_APPROVAL"
    book.answer(replace(later(6), number=2), yes=False, at=AT + timedelta(minutes=7))
    book.engine.resume(AT + timedelta(minutes=7))
    for minute in (8, 20):
        assert book.engine.place(later(minute)) is OrderState.DENIED
    assert len(requests(book.recorder.events)) == 2


def test_a_replay_s_no_stands_as_a_person_s():
    book = short_put(policy="no")
    for minute in (0, 5):
        assert book.engine.place(later(minute)) is OrderState.DENIED
    assert len(created(book)) == 1


def test_what_the_gate_refuses_is_refused_once_and_ordered_when_it_does_not_any_more():
    book = short_put(level_3_close=False)
    halted = lambda i, s: replace(book.context(i, s), status=AccountStatus.HALTED)  # noqa: E731
    for minute in (0, 1, 2):
        assert engine(book, context=halted).place(later(minute)) is OrderState.DENIED
    assert len(created(book)) == 1
    assert book.engine.place(later(3)) is OrderState.FILLED


def test_the_kill_switch_cancels_a_close_that_works_and_it_is_sent_again_afterwards():
    book = short_put(level_3_close=False)
    book.quotes[PUT] = quote(volume=0)
    assert book.engine.place(CLOSE) is OrderState.ACCEPTED
    halted = lambda i, s: replace(book.context(i, s), status=AccountStatus.HALTED)  # noqa: E731
    withdraw(engine(book, context=halted), AT)
    assert types(book)[-2:] == ["order.cancel_asked", "order.canceled"]
    book.quotes[PUT] = quote()
    assert book.engine.place(later(1)) is OrderState.FILLED
    assert created(book) == [CLOSE.intent_id, f"{CLOSE.intent_id}/2"]


@pytest.mark.parametrize("status", [AccountStatus.PAUSED, AccountStatus.SAFE, AccountStatus.CLOSE_ONLY])
def test_a_hedge_and_shares_that_are_being_bought_are_cancelled_with_their_account_s_state(status):
    book = short_put(level_3_close=False)
    other = "AAPL110107P00320000"
    book.quotes[PUT] = book.quotes[other] = quote(volume=0)
    hedge = replace(buy_back(instrument=other, decided_at=AT), action=Action.BUY_TO_OPEN, purpose="hedge")
    shares = buy_shares(limit="333.99", decided_at=AT)
    assert {book.engine.place(one) for one in (CLOSE, hedge, shares)} == {OrderState.ACCEPTED}
    withdraw(book.engine, AT)
    assert len(book.recorder.state.orders) == 3
    held = lambda i, s: replace(book.context(i, s), status=status)  # noqa: E731
    withdraw(engine(book, context=held), AT)
    assert list(book.recorder.state.orders) == [CLOSE.intent_id]


def test_an_exit_that_works_waits_or_was_done_is_not_ordered_again():
    book = short_put(level_3_close=False)
    book.quotes[PUT] = quote(volume=0)
    assert [book.engine.place(later(n)) for n in (0, 1)] == [OrderState.ACCEPTED] * 2
    book = short_put()
    assert [book.engine.place(later(n)) for n in (0, 1)] == [OrderState.PENDING_APPROVAL] * 2
    book = short_put(level_3_close=False)
    assert [book.engine.place(later(n)) for n in (0, 1)] == [OrderState.FILLED] * 2
    assert len(created(book)) == 1


def test_an_entry_that_was_denied_is_not_ordered_again():
    scene = Scene(cash="1000.00")
    assert [scene.engine.place(sell_put()) for _ in range(2)] == [OrderState.DENIED] * 2
    assert scene.types() == ["order.created", "order.denied"]


def test_a_second_order_is_the_same_after_a_restart():
    book = short_put(expires_after_minutes=5)
    book.engine.place(CLOSE)
    book.engine.resume(AT + timedelta(minutes=6))
    book.engine.place(later(6))
    book.recorder.state = fold(book.recorder.events, book_under("f"))
    book.answer(replace(later(6), number=2), at=AT + timedelta(minutes=7))
    OrderEngine(book.recorder, book.broker, book.context, asking=book.asking).resume(
        AT + timedelta(minutes=7)
    )
    assert book.account.shorts == {}
    keys = [e.key for e in book.recorder.events]
    assert len(set(keys)) == len(keys)


def rolls_of(book):
    return list(book.recorder.state.rolls)


@BOTH_WAYS
def test_a_roll_that_came_to_nothing_ends_at_the_next_look_so_that_it_can_be_decided_anew(combined):
    book, *legs = rolling("approve", combined=combined)
    place_roll(book.engine, *legs)
    book.answer(legs[0], at=AT)
    under(book, "another")
    look(book)
    assert len(rolls_of(book)) == 1  # it says why it was denied
    look(book, AT + timedelta(minutes=1))
    end = book.recorder.events[-1]
    assert (end.type, end.payload["state"]) == ("roll.ended", "UNCHANGED")
    assert "the configuration has changed" in str(end.payload["why"])
    assert rolls_of(book) == []


@BOTH_WAYS
@pytest.mark.parametrize("why", ["no", "halted", "advise"])
def test_a_roll_that_something_still_stands_against_does_not_end(combined, why):
    book, *legs = rolling("advise" if why == "advise" else "approve", combined=combined)
    context = book.context
    if why == "halted":
        context = lambda i, s: replace(book.context(i, s), status=AccountStatus.HALTED)  # noqa: E731
    place_roll(engine(book, context=context), *legs)
    if why == "no":
        book.answer(legs[0], yes=False, at=AT)
    before = 0
    for minute in (1, 2, 3):
        continue_rolls(engine(book, context=context), AT + timedelta(minutes=minute))
        assert not before or len(book.recorder.events) == before
        before = len(book.recorder.events)
    assert len(rolls_of(book)) == 1


def test_a_roll_under_way_does_not_end_before_the_session_does():
    book, *legs = rolling("auto", combined=False)
    book.quotes[PUT] = quote(volume=0)
    place_roll(book.engine, *legs)
    look(book, AT + timedelta(minutes=1))
    assert len(rolls_of(book)) == 1
    book.quotes[PUT] = quote()
    book.engine.poll(AT + timedelta(minutes=2))
    look(book, AT + timedelta(minutes=2))
    look(book, AT + timedelta(minutes=3))
    assert "roll.ended" not in types(book)
