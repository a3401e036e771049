"""A roll's way past a person: no single order where every order asks, and told of where none is sent."""

import re
from datetime import timedelta

import pytest

from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.base.events import Event
from alluse_assets.execution.approvals import Asking
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.order import ChainStart
from alluse_assets.execution.rolling import continue_rolls, ended_rolls, place_roll
from alluse_assets.journal.event_types import EventType
from tests.execution.scene import OPENS, PUT, SESSION, Scene, buy_back, quote, sell_put

LATER_PUT = "AAPL110114P00325000"
AT = OPENS + timedelta(minutes=40)
KEY = f"roll/{SESSION}/c/{PUT}"
FROM_CHAIN = {"chain": ChainStart("c", "P", 340, 5, None)}


def rolling(mode, policy=None):
    """A scene with a put of chain c, whose roll has been decided, and the two legs."""
    book = Scene(quotes={PUT: quote(), LATER_PUT: quote(LATER_PUT, "3.00", "3.10")})
    book.engine.place(sell_put(decided_at=AT, **FROM_CHAIN))
    asking = Asking(ApprovalRules(mode=mode), AlertRules(), None, policy)
    book.engine = OrderEngine(book.recorder, book.broker, book.context, asking=asking)
    decided = {
        "session": SESSION.isoformat(), "account": "GEN-1", "chain": "c", "symbol": "AAPL",
        "outcome": "order", "to": LATER_PUT, "limit_price": "3.00", "net": "0.90",
        "in_recovery": False, "contracts": 1,
    }  # fmt: skip
    book.recorder.record(Event(EventType.ROLL_DECIDED, AT, "rule:roll", KEY, decided))
    legs = {"decided_at": AT, "cause": KEY, "parent": KEY}
    close = buy_back(purpose="roll_close", **legs, **FROM_CHAIN)
    sale = sell_put(instrument=LATER_PUT, limit="3.00", purpose="roll_open", **legs, **FROM_CHAIN)
    book.recorder.events.clear()
    return book, close, sale


def types(book):
    return [event.type.value for event in book.recorder.events]


def outcome(book):
    return [event.payload["state"] for event in ended_rolls(book.recorder.state, AT)]


def test_in_mode_auto_it_is_one_order():
    book, *legs = rolling("auto")
    place_roll(book.engine, *legs)
    assert list(book.account.shorts) == [LATER_PUT]
    assert types(book).count("approval.requested") == 0
    assert outcome(book) == ["ROLLED"]


def test_a_book_that_only_advises_sends_neither_leg_and_tells_of_both_in_one_alert():
    book, *legs = rolling("advise")
    place_roll(book.engine, *legs)
    assert types(book) == ["order.created"] * 2 + ["order.denied"] * 2 + ["alert.raised"]
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
    assert outcome(book) == ["UNCHANGED"]


def test_in_mode_approve_each_leg_asks_and_the_sale_only_once_the_other_is_bought_back():
    book, close, sale = rolling("approve")
    place_roll(book.engine, close, sale)
    assert [a.subject["orders"][0]["instrument"] for a in book.recorder.state.approvals.values()] == [PUT]
    book.answer(close, at=AT)
    book.engine.resume(AT)
    continue_rolls(book.engine, AT)
    (asked,) = book.recorder.state.approvals.values()
    assert asked.subject["orders"][0]["instrument"] == LATER_PUT
    assert book.account.shorts == {}
    book.answer(sale, at=AT)
    book.engine.resume(AT)
    assert list(book.account.shorts) == [LATER_PUT]
    assert outcome(book) == ["ROLLED"]


@pytest.mark.parametrize(("policy", "held", "ends"), [("yes", LATER_PUT, "ROLLED"), ("no", PUT, "UNCHANGED")])
def test_in_mode_approve_a_replay_rolls_by_its_policy(policy, held, ends):
    book, *legs = rolling("approve", policy)
    place_roll(book.engine, *legs)
    assert list(book.account.shorts) == [held]
    assert outcome(book) == [ends]
