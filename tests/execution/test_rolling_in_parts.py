"""A legged roll at a broker that confirms later, in parts, and over a restart: each part is sold once."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest

from alluse_assets.execution.broker import BrokerReport
from alluse_assets.execution.lifecycle import OrderStep
from alluse_assets.execution.order import client_order_id
from alluse_assets.execution.rolling import ended_rolls, place_roll
from alluse_assets.ledger.book_fold import fold
from tests.execution.roll_scene import (
    AT,
    BOTH_WAYS,
    FROM_CHAIN,
    LATER_PUT,
    decided,
    ended,
    engine,
    look,
    rolling,
    sent,
)
from tests.execution.scene import PUT, SESSION, book_under, quote, sell_put


@dataclass
class ConfirmsLater:
    """A broker that accepts at once and fills when it is asked, as many as ``fills`` says by purpose."""

    fills: dict[str, int] = field(default_factory=dict)
    authority: str = "broker:later"
    takes_combined: bool = False

    def submit(self, intent):
        return [BrokerReport(intent.intent_id, OrderStep.ACCEPT, intent.decided_at, intent.intent_id)]

    def poll(self, working, at):
        reports = []
        for intent, left in working:
            filled = min(left, self.fills.get(intent.purpose, 0))
            self.fills[intent.purpose] = self.fills.get(intent.purpose, 0) - filled
            if filled:
                step = OrderStep.FILL if filled == left else OrderStep.FILL_PART
                execution = f"{intent.intent_id}/{at.isoformat()}"
                price = Decimal(intent.limit_price)
                reports.append(
                    BrokerReport(intent.intent_id, step, at, "1", filled, price, Decimal(0), execution)
                )
        return reports

    def end_session(self, working):
        return [BrokerReport(one.intent_id, OrderStep.EXPIRE, AT, "1") for one in working]


def poll(book, broker, minute, **fills):
    at = AT + timedelta(minutes=minute)
    broker.fills = dict(fills)
    engine(book, broker=broker).poll(at)
    look(book, at, broker=broker)


def restarted(book):
    book.recorder.state = fold(book.recorder.events, book_under("f"))


def sales(book):
    return [
        (e.payload["intent"].split("/", 4)[4:], e.payload["quantity"])
        for e in book.recorder.events
        if e.type == "order.created" and e.payload["purpose"] == "roll_open"
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_confirmed_in_parts_is_sold_in_parts(restart):
    book, *legs = rolling("auto", combined=False, contracts=3)
    broker = ConfirmsLater()
    place_roll(engine(book, broker=broker), *legs)
    for minute, fills in enumerate([{}, {"roll_close": 1}, {"roll_open": 1}, {"roll_close": 2}, {}]):
        poll(book, broker, minute, **fills)
        if restart:
            restarted(book)
    assert sales(book) == [([], 1), (["2"], 2)]
    assert sent(book.recorder.events) == ["open_put", "roll_close", "roll_open", "roll_open"]
    poll(book, broker, 9, roll_open=2)
    assert {c: short.contracts for c, short in book.account.shorts.items()} == {LATER_PUT: 3}
    assert ended(book) == ("ROLLED", "")


def test_the_parts_of_a_roll_have_ids_of_their_own_at_the_broker():
    book, *legs = rolling("auto", combined=False, contracts=2)
    broker = ConfirmsLater()
    place_roll(engine(book, broker=broker), *legs)
    poll(book, broker, 1, roll_close=1)
    poll(book, broker, 2, roll_close=1)
    ids = [e.payload["intent"] for e in book.recorder.events if e.type == "order.created"][-2:]
    assert ids[1] == f"{ids[0]}/2" == f"{SESSION}/GEN-1/roll_open/{LATER_PUT}/2"
    assert len({client_order_id("b", one) for one in ids}) == 2


def test_a_roll_that_ends_says_what_of_it_is_left_and_why():
    book, *legs = rolling("auto", combined=False, contracts=3)
    broker = ConfirmsLater()
    place_roll(engine(book, broker=broker), *legs)
    poll(book, broker, 1, roll_close=2)
    poll(book, broker, 2, roll_open=1)
    engine(book, broker=broker).end_session(AT + timedelta(hours=1))
    state, why = ended(book)
    assert state == "CLOSED_ONLY"
    assert why == (
        "1 of 3 contracts were not bought back; 1 of 2 bought back were not sold again; "
        f"BUY_TO_CLOSE {PUT} EXPIRED; SELL_TO_OPEN {LATER_PUT} EXPIRED"
    )


@BOTH_WAYS
def test_of_two_rolls_of_a_session_into_one_contract_the_second_is_not_made_and_says_why(combined):
    """Its sale was once taken for the first one's: bought back, never sold, and no word of it."""
    book, *legs = rolling("auto", combined=combined)
    other_put = "AAPL110107P00335000"
    book.quotes[other_put] = quote(other_put)
    book.engine.place(sell_put(instrument=other_put, decided_at=AT, **FROM_CHAIN))
    place_roll(book.engine, *legs)
    other_key = f"roll/{SESSION}/c/{other_put}"
    place_roll(book.engine, *decided(book, key=other_key, contract=other_put))
    assert set(book.account.shorts) == {LATER_PUT, other_put}
    (first, second) = sorted(ended_rolls(book.recorder.state, AT), key=lambda e: e.payload["state"])
    assert (first.payload["state"], second.payload["state"]) == ("ROLLED", "UNCHANGED")
    assert f"rolls into {LATER_PUT} in this session" in str(second.payload["why"])


def test_while_the_first_of_two_rolls_into_one_contract_works_the_second_is_not_decided_anew():
    book, *legs = rolling("auto", combined=False)
    other_put = "AAPL110107P00335000"
    book.quotes[other_put] = quote(other_put)
    book.engine.place(sell_put(instrument=other_put, decided_at=AT, **FROM_CHAIN))
    broker = ConfirmsLater()
    place_roll(engine(book, broker=broker), *legs)
    other_key = f"roll/{SESSION}/c/{other_put}"
    place_roll(engine(book, broker=broker), *decided(book, key=other_key, contract=other_put))
    poll(book, broker, 1)
    assert len(book.recorder.state.rolls) == 2
    engine(book, broker=broker).end_session(AT)  # nothing of the first was done
    poll(book, broker, 2)
    assert book.recorder.state.rolls == {}
