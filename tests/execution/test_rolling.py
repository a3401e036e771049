"""A roll's way past a person: one question for both legs, and told of where nothing is sent."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.accounts.states import AccountStatus
from alluse_assets.base.errors import ApprovalError
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.rolling import ended_rolls, place_roll
from alluse_assets.ledger.book_fold import fold
from tests.execution.roll_scene import (
    AT,
    BOTH_WAYS,
    FROM_CHAIN,
    KEY,
    LATER_PUT,
    decided,
    ended,
    engine,
    look,
    requests,
    rolling,
    sent,
    types,
    under,
)
from tests.execution.scene import CLOSES, PUT, SESSION, book_under, buy_back, quote, sell_put


@BOTH_WAYS
def test_in_mode_auto_it_is_one_order_or_two_and_asks_nobody(combined):
    book, *legs = rolling("auto", combined=combined)
    place_roll(book.engine, *legs)
    assert list(book.account.shorts) == [LATER_PUT]
    assert requests(book.recorder.events) == []
    assert ended(book) == ("ROLLED", "")


@BOTH_WAYS
def test_a_book_that_only_advises_sends_neither_leg_and_tells_of_both_in_one_alert(combined):
    book, *legs = rolling("advise", combined=combined)
    before = len(book.recorder.events)
    place_roll(book.engine, *legs)
    assert types(book)[before:] == ["order.created"] * 2 + ["order.denied"] * 2 + ["alert.raised"]
    alert = book.recorder.events[-1].payload
    assert [(one["action"], one["instrument"]) for one in alert["script"]] == [
        ("BUY_TO_CLOSE", PUT), ("SELL_TO_OPEN", LATER_PUT)
    ]  # fmt: skip
    assert re.search(
        r"buy back 1 AAPL 330 put of Fri 2011-01-07 for at most 2.10 USD a share \(.*\), then sell 1 AAPL "
        r"\d+ put of .* for at least 3.00 USD a share",
        alert["text"],
    )
    assert alert["question"] is False
    assert list(book.account.shorts) == [PUT]
    before = len(book.recorder.events)
    place_roll(book.engine, *legs)
    assert len(book.recorder.events) == before
    state, why = ended(book)
    assert state == "UNCHANGED"
    assert "mode@1: the book only advises" in why


@BOTH_WAYS
def test_a_roll_asks_once_for_both_legs_and_says_exactly_what_they_are(combined):
    book, close, sale = rolling("approve", combined=combined)
    before = len(book.recorder.events)
    place_roll(book.engine, close, sale)
    assert types(book)[before:] == [
        "order.created", "order.pending_approval", "approval.requested", "alert.raised"
    ]  # fmt: skip
    (asked,) = requests(book.recorder.events)
    assert (asked["approval"], asked["kind"], asked["reasons"]) == (KEY, "roll", ["mode_approve"])
    assert asked["expires_at"] == "2011-01-06T21:00:00Z"
    assert asked["subject"]["roll"] == KEY
    orders = asked["subject"]["orders"]
    assert [(o["action"], o["instrument"], o["quantity"], o["limit_price"], o["config"]) for o in orders] == [
        ("BUY_TO_CLOSE", PUT, 1, "2.10", "f"), ("SELL_TO_OPEN", LATER_PUT, 1, "3.00", "f")
    ]  # fmt: skip
    alert = book.recorder.events[-1].payload
    assert (alert["question"], len(alert["script"])) == (True, 2)
    look(book)
    place_roll(book.engine, close, sale)
    assert len(book.recorder.events) == before + 4  # whoever looks again asks nobody again


@BOTH_WAYS
def test_a_yes_places_both_legs_and_is_used_once(combined):
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    before, later = len(book.recorder.events), AT + timedelta(minutes=5)
    look(book, later)
    assert list(book.account.shorts) == [LATER_PUT]
    assert sent(book.recorder.events[before:]) == ["roll_close", "roll_open"]
    assert types(book).count("approval.used") == len(requests(book.recorder.events)) == 1
    assert book.recorder.state.approvals == {}
    legs = [e.payload["gate"]["passed"] for e in book.recorder.events[before:] if e.type == "order.approved"]
    assert ["approval@1" in passed for passed in legs] == [True, True]
    before = len(book.recorder.events)
    look(book, later)
    assert len(book.recorder.events) == before
    assert ended(book) == ("ROLLED", "")


def test_where_it_is_legged_the_sale_follows_the_confirmation_of_the_other_leg_at_once():
    book, close, sale = rolling("approve", combined=False)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    look(book)
    assert types(book)[-9:] == [
        "order.approved", "order.submitted", "order.accepted", "order.filled",
        "order.created", "order.approved", "order.submitted", "order.accepted", "order.filled",
    ]  # fmt: skip


@BOTH_WAYS
def test_a_no_places_neither_leg_and_is_the_reason(combined):
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    book.answer(close, yes=False, at=AT, why="earnings")
    look(book)
    assert sent(book.recorder.events) == ["open_put"]
    assert ended(book) == ("UNCHANGED", f"BUY_TO_CLOSE {PUT} DENIED: approval@1: Ann said no: earnings")
    look(book)
    place_roll(book.engine, close, sale)
    assert len(requests(book.recorder.events)) == 1  # a no stands


@BOTH_WAYS
@pytest.mark.parametrize(("answered", "why"), [(False, "not answered in time"), (True, "not used in time")])
def test_what_is_not_answered_or_not_used_in_time_places_neither_leg(combined, answered, why):
    book, close, sale = rolling("approve", combined=combined, expires_after_minutes=5)
    place_roll(book.engine, close, sale)
    ends_at = AT + timedelta(minutes=5)
    if answered:
        book.answer(close, at=ends_at)
    look(book, ends_at + timedelta(microseconds=1))
    assert sent(book.recorder.events) == ["open_put"]
    # With the request its alert ends; a yes has ended it before.
    ends = ["order.expired", "approval.expired", *([] if answered else ["alert.resolved"])]
    assert types(book)[-len(ends) :] == ends
    assert ended(book) == ("UNCHANGED", f"BUY_TO_CLOSE {PUT} EXPIRED: approval@1: {why}")


@BOTH_WAYS
def test_the_last_instant_counts(combined):
    book, close, sale = rolling("approve", combined=combined, expires_after_minutes=5)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT + timedelta(minutes=5))
    look(book, AT + timedelta(minutes=5))
    assert ended(book) == ("ROLLED", "")


def test_a_question_about_a_roll_does_not_outlive_its_session():
    book, close, sale = rolling("approve", expires_after_minutes=600)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    book.engine.end_session(CLOSES)
    assert types(book)[-2:] == ["order.expired", "approval.expired"]
    assert (book.recorder.state.orders, book.recorder.state.approvals) == ({}, {})
    assert ended(book) == ("UNCHANGED", f"BUY_TO_CLOSE {PUT} EXPIRED: approval@1: the session ended")


@BOTH_WAYS
def test_under_another_configuration_a_yes_places_neither_leg(combined):
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    under(book, "another")
    look(book)
    assert sent(book.recorder.events) == ["open_put"]
    state, why = ended(book)
    assert state == "UNCHANGED"
    assert why.endswith("approval@1: the configuration has changed since it was asked")


@BOTH_WAYS
@pytest.mark.parametrize(("policy", "held", "ends"), [("yes", LATER_PUT, "ROLLED"), ("no", PUT, "UNCHANGED")])
def test_a_replay_rolls_by_its_policy_and_answers_one_question(combined, policy, held, ends):
    book, *legs = rolling("approve", policy, combined)
    place_roll(book.engine, *legs)
    assert list(book.account.shorts) == [held]
    assert len(requests(book.recorder.events)) == 1
    assert ended(book)[0] == ends
    assert "alert.raised" not in types(book)


@BOTH_WAYS
def test_a_roll_that_the_gate_refuses_asks_nobody(combined):
    book, close, sale = rolling("approve", combined=combined)
    safe_from_orders = lambda i, s: replace(book.context(i, s), status=AccountStatus.CLOSE_ONLY)  # noqa: E731
    place_roll(engine(book, context=safe_from_orders), close, sale)
    assert requests(book.recorder.events) == []
    assert sent(book.recorder.events) == ["open_put"]
    assert ended(book)[1].endswith("state@1: of the sale: account GEN-1 is CLOSE_ONLY")


@BOTH_WAYS
def test_what_the_gate_has_against_one_leg_at_the_time_of_the_yes_stops_both(combined):
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    look(book, context=lambda i, s: replace(book.context(i, s), status=AccountStatus.CLOSE_ONLY))
    assert sent(book.recorder.events) == ["open_put"]
    assert "approval.used" not in types(book)
    assert ended(book)[1].endswith("state@1: of the sale: account GEN-1 is CLOSE_ONLY")


@pytest.mark.parametrize(("net", "rolls"), [("0.90", True), ("0", False), ("-0.10", False)])
def test_an_account_that_became_safe_while_its_roll_waited_rolls_for_a_net_credit_only(net, rolls):
    book, close, sale = rolling("approve")
    (key, roll) = next(iter(book.recorder.state.rolls.items()))
    dearer = replace(roll.decided, payload={**roll.decided.payload, "net": net})
    book.recorder.state = replace(book.recorder.state, rolls={key: replace(roll, decided=dearer)})
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    look(book, context=lambda i, s: replace(book.context(i, s), status=AccountStatus.SAFE))
    assert (list(book.account.shorts) == [LATER_PUT]) is rolls


@pytest.mark.parametrize("says", [None, True, False])
def test_a_roll_that_waits_ends_when_its_chain_leaves_the_level_and_level_3_can_be_closed(says):
    book, close, sale = rolling("approve")
    place_roll(book.engine, close, sale)
    if says is not None:
        book.answer(close, yes=says, at=AT)
    protection = book.recorder.state.protection
    chains = {"c": replace(protection.chains["c"], level=3)}
    book.recorder.state = replace(book.recorder.state, protection=replace(protection, chains=chains))
    look(book)
    assert sent(book.recorder.events) == ["open_put"]
    why = "approval@1: Ann said no"
    if says is not False:
        why = "roll@1: it was due at level 0, and AAPL is at level 3 now"
        assert book.recorder.state.approvals == {}
    assert ended(book) == ("UNCHANGED", f"BUY_TO_CLOSE {PUT} DENIED: {why}")
    assert book.engine.place(buy_back(purpose="level_3_close", decided_at=AT)) == "PENDING_APPROVAL"


def test_two_rolls_of_a_session_into_one_contract_are_not_both_asked_about():
    """Their sales would be one order, so the second would be lost when its close is done."""
    book, close, sale = rolling("approve")
    other_put = "AAPL110107P00335000"
    book.quotes[other_put] = quote(other_put)
    auto = OrderEngine(book.recorder, book.broker, book.context)
    auto.place(sell_put(instrument=other_put, decided_at=AT, **FROM_CHAIN))
    place_roll(book.engine, close, sale)
    other_key = f"roll/{SESSION}/c/{other_put}"
    place_roll(book.engine, *decided(book, key=other_key, contract=other_put))
    assert [asked["approval"] for asked in requests(book.recorder.events)] == [KEY]
    whys = {e.payload["roll"]: e.payload.get("why", "") for e in ended_rolls(book.recorder.state, AT)}
    assert f"roll@1: {KEY} rolls into {LATER_PUT} in this session" in whys[other_key]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "yes", "no", "look", "restart", "other configuration", "end"]),
        st.integers(0, 60),
    ),
    max_size=12,
)


@given(st.booleans(), st.integers(1, 3), STEPS)
def test_whatever_happens_a_roll_is_asked_about_once_and_placed_only_with_a_yes_in_time(combined, n, steps):
    """``steps``: what happens, and how many minutes later."""
    book, close, sale = rolling("approve", combined=combined, contracts=n, expires_after_minutes=90)
    now = AT
    for what, minutes in steps:
        now += timedelta(minutes=minutes)
        if what == "place":
            place_roll(engine(book), replace(close, decided_at=now), replace(sale, decided_at=now))
        elif what == "look":
            look(book, now)
        elif what == "restart":
            fingerprint = book.recorder.state.config_fingerprint
            book.recorder.state = fold(book.recorder.events, book_under("f"))
            under(book, fingerprint)
        elif what == "other configuration":
            under(book, "another")
        elif what == "end":
            engine(book).end_session(max(now, CLOSES))
        else:
            with suppress(KeyError, ApprovalError):  # nothing is open, or not any more
                book.answer(close, yes=what == "yes", at=now)
    engine(book).end_session(max(now, CLOSES))
    events = book.recorder.events
    assert len({e.key for e in events}) == len(events)
    assert len(requests(events)) <= 1
    answers = [e for e in events if e.type == "approval.answered"]
    uses = [e for e in events if e.type == "approval.used"]
    legs = [one for one in sent(events) if one.startswith("roll")]
    assert legs in ([], ["roll_close", "roll_open"], ["roll_close"])
    assert bool(legs) == bool(uses)
    assert len(uses) <= 1
    if uses:
        assert [e.payload["answer"] for e in answers] == ["yes"]
        asked_at = next(e.effective_at for e in events if e.type == "approval.requested")
        assert uses[0].effective_at <= asked_at + timedelta(minutes=90)
    for key, short in book.account.shorts.items():
        assert (key, short.contracts) in ((PUT, n), (LATER_PUT, n))
    assert not book.recorder.state.orders
