"""What is asked, exactly what an answer is for, and when it counts."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.base.errors import ApprovalError
from alluse_assets.execution.approvals import (
    Asking,
    answer,
    asks,
    expiry,
    hash_of,
    order_subject,
    request,
    subject_hash,
    unusable,
    used,
    why_ask,
)
from alluse_assets.execution.order import Action, intent_from
from alluse_assets.journal.canonical import canonical_bytes
from alluse_assets.ledger.book_fold import apply, fold
from alluse_assets.ledger.book_state import BookState
from tests.execution.scene import ACCOUNT, CLOSES, OPENS, Scene, buy_back, sell_put

RULES = ApprovalRules()
WINDOW_END = OPENS + timedelta(minutes=90)
ASKED_AT = OPENS + timedelta(minutes=40)
NAME = "config/1"
CHANGED = {
    "account": "REV-1",
    "instrument": "AAPL110107P00325000",
    "symbol": "MSFT",
    "action": Action.BUY_TO_CLOSE,
    "quantity": 4,
    "limit_price": Decimal("2.01"),
    "purpose": "level_3_close",
    "session": date(2011, 1, 7),
    "config_fingerprint": "g",
}


def asked(requested_by="person:Bob", subject=None):
    """A book that was asked for one thing."""
    wanted = request(
        "config", "1", subject or {"to": "2"}, ["config_change"], requested_by, ASKED_AT, WINDOW_END
    )
    return fold([wanted])


def answered(state, **changes):
    """The event of an answer that nothing is wrong with, but for ``changes``."""
    given = {
        "approvals": state.approvals,
        "approval": NAME,
        "given_hash": hash_of({"to": "2"}),
        "by": "Ann",
        "yes": True,
        "at": ASKED_AT,
        "book_kind": "live",
        "rules": RULES,
    }
    return answer(**{**given, **changes})


def test_a_good_answer_says_who_gave_it_and_to_what():
    event = answered(asked(), why="looks right")
    assert event.actor == "person:Ann"
    assert event.payload == {
        "approval": NAME, "hash": hash_of({"to": "2"}), "answer": "yes", "by": "Ann", "why": "looks right",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"approval": "config/2"}, "config/2: nothing of that name is open"),
        ({"given_hash": "0" * 64}, "has the hash [0-9a-f]{16}, not 0{16}: look at it again"),
        ({"given_hash": hash_of({"to": "2"})[:16]}, "look at it again"),
        ({"at": WINDOW_END + timedelta(microseconds=1)}, r"it expired Thu 2011-01-06 11:00 New York"),
        ({"by": ""}, "'' is no person's name"),
        ({"by": "  "}, "is no person's name"),
        ({"by": "policy:replay"}, "is no person's name"),
        ({"by": "Bob"}, "Bob asked for it, and in live another person approves"),
        ({"by": " bob "}, "bob asked for it, and in live another person approves"),
    ],
)
def test_an_answer_is_refused_with_its_reason(changes, message):
    with pytest.raises(ApprovalError, match=message):
        answered(asked(), **changes)


@pytest.mark.parametrize("first", [True, False])
def test_a_request_is_answered_once(first):
    state = asked()
    state = apply(state, answered(state, yes=first))
    with pytest.raises(ApprovalError, match=f"Ann has answered {'yes' if first else 'no'} already"):
        answered(state, by="Eve")


@pytest.mark.parametrize(
    ("book_kind", "another", "by", "yes", "allowed"),
    [
        ("live", True, "Bob", True, False),
        ("live", True, "Ann", True, True),
        ("live", True, "Bob", False, True),  # whoever asked may take it back
        ("live", False, "Bob", True, True),
        ("paper", True, "Bob", True, True),
        ("replay", True, "Bob", True, True),
    ],
)
def test_four_eyes_are_asked_for_in_live_only(book_kind, another, by, yes, allowed):
    rules = ApprovalRules(live_approver_is_another=another)
    fields = {"book_kind": book_kind, "rules": rules, "by": by, "yes": yes}
    if allowed:
        answered(asked(), **fields)
    else:
        with pytest.raises(ApprovalError, match="another person approves"):
            answered(asked(), **fields)


def test_the_last_instant_counts_and_the_next_one_does_not():
    state = asked()
    state = apply(state, answered(state, at=WINDOW_END))
    approval, bound = state.approvals[NAME], hash_of({"to": "2"})
    assert unusable(approval, bound, WINDOW_END) is None
    late = unusable(approval, bound, WINDOW_END + timedelta(microseconds=1))
    assert late == "Ann's approval expired Thu 2011-01-06 11:00 New York"


def test_an_approval_cannot_be_used_for_another_thing_nor_twice_nor_unanswered():
    state, bound = asked(), hash_of({"to": "2"})
    assert unusable(state.approvals[NAME], bound, ASKED_AT) == "nobody has answered"
    refused = apply(state, answered(state, yes=False, why="too soon"))
    assert unusable(refused.approvals[NAME], bound, ASKED_AT) == "Ann said no: too soon"
    state = apply(state, answered(state))
    assert "Ann approved something else" in unusable(state.approvals[NAME], hash_of({"to": "3"}), ASKED_AT)
    assert unusable(state.approvals[NAME], bound, ASKED_AT) is None
    state = apply(state, used(state.approvals[NAME], ASKED_AT, "rule:config"))
    assert unusable(state.approvals.get(NAME), bound, ASKED_AT) == (
        "nobody was asked, or the answer was used or expired"
    )


@pytest.mark.parametrize("field", CHANGED)
def test_any_changed_field_of_an_order_changes_its_hash(field):
    intent = sell_put()
    assert subject_hash(replace(intent, **{field: CHANGED[field]})) != subject_hash(intent)


@given(
    quantities=st.tuples(st.integers(1, 99), st.integers(1, 99)),
    cents=st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)),
    days=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    purposes=st.tuples(st.text(max_size=4), st.text(max_size=4)),
)
def test_two_orders_have_one_hash_only_when_they_are_the_same(quantities, cents, days, purposes):
    one, other = (
        sell_put(q, Decimal(c) / 100, session=date(2011, 1, 3) + timedelta(days=d), purpose=p)
        for q, c, d, p in zip(quantities, cents, days, purposes, strict=True)
    )
    same = order_subject(one) == order_subject(other)
    assert (subject_hash(one) == subject_hash(other)) is same


def test_the_legs_of_a_roll_are_approved_together_in_their_order():
    close, sell = buy_back(), sell_put(instrument="AAPL110114P00325000")
    together = subject_hash(close, sell)
    assert len({together, subject_hash(sell, close), subject_hash(close), subject_hash(sell)}) == 4
    assert subject_hash(close, replace(sell, quantity=2)) != together


@pytest.mark.parametrize("by", ["", "person:Bob"])
def test_an_intent_is_made_again_from_its_event_alone(by):
    scene = Scene()
    intent = sell_put(3, asks=("under_floor",), requested_by=by, evidence={"rank": 1})
    scene.engine.place(intent)
    created = scene.recorder.events[1]
    assert intent_from(created) == intent
    assert subject_hash(intent_from(created)) == subject_hash(intent)
    assert b'"asks":["under_floor"]' in canonical_bytes(1, created)


SWITCHES = ("under_floor", "level_3_close", "fork", "merge", "config_change")


@pytest.mark.parametrize("off", SWITCHES)
def test_each_switch_changes_exactly_its_own_case(off):
    rules = ApprovalRules(**{off: False})
    assert {reason for reason in SWITCHES if asks(reason, rules)} == set(SWITCHES) - {off}


def test_what_has_no_switch_always_asks():
    rules = ApprovalRules(**dict.fromkeys(SWITCHES, False))
    assert asks("resume_puts", rules)


@pytest.mark.parametrize(
    ("mode", "given", "asked_for"),
    [
        ("auto", (), ()),
        ("auto", ("under_floor",), ("under_floor",)),
        ("approve", (), ("mode_approve",)),
        ("approve", ("level_3_close",), ("mode_approve", "level_3_close")),
    ],
)
def test_mode_approve_asks_for_everything_and_auto_only_for_the_cases(mode, given, asked_for):
    assert why_ask(sell_put(asks=given), ApprovalRules(mode=mode)) == asked_for


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("action", "purpose", "at", "minutes", "ends_at"),
    [
        ("SELL_TO_OPEN", "open_put", ASKED_AT, None, WINDOW_END),
        ("SELL_TO_OPEN", "open_put", ASKED_AT, 5, ASKED_AT + 5 * MINUTE),
        ("SELL_TO_OPEN", "open_put", CLOSES, None, CLOSES),  # a replay's quotes of the close
        ("BUY", "first_purchase", ASKED_AT, None, WINDOW_END),
        ("BUY_TO_CLOSE", "level_3_close", ASKED_AT, None, CLOSES),
        ("BUY_TO_CLOSE", "level_3_close", CLOSES - MINUTE, 5, CLOSES),
        ("BUY_TO_OPEN", "hedge", ASKED_AT, None, CLOSES),
        ("SELL_TO_OPEN", "roll_open", ASKED_AT, None, CLOSES),
    ],
)
def test_an_entry_asks_to_the_end_of_the_window_and_all_else_to_the_close(
    action, purpose, at, minutes, ends_at
):
    rules = ApprovalRules(expires_after_minutes=minutes)
    assert (
        expiry(replace(sell_put(purpose=purpose), action=Action(action)), at, rules, WINDOW_END, CLOSES)
        == ends_at
    )


def test_used_and_expired_leave_the_state_at_once_and_refused_with_the_session():
    scene = Scene(asking=Asking(ApprovalRules(mode="approve"), AlertRules(), WINDOW_END))
    intent = sell_put(decided_at=ASKED_AT)
    scene.engine.place(intent)
    scene.answer(intent, yes=False, at=ASKED_AT)
    scene.engine.resume(ASKED_AT)
    assert [a.answer for a in scene.recorder.state.approvals.values()] == ["no"]
    opened = scene.recorder.events[0]
    closed = replace(opened, type="session.closed", effective_at=CLOSES, postings=(), payload={
        "session": "2011-01-06", "marks": {}, "closes": {}, "stale": {},
        "accounts": {ACCOUNT: {"nav": "100000.00"}},
    })  # fmt: skip
    assert apply(scene.recorder.state, closed).approvals == {}
    assert BookState().approvals == {}
