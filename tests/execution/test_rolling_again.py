"""A roll whose process is killed: no leg is sent twice or lost, and nobody is asked a second time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alluse_assets.base.config.model_people import AlertRules, ApprovalRules
from alluse_assets.execution.approvals import Asking
from alluse_assets.execution.order import intent_from
from alluse_assets.execution.rolling import place_roll
from alluse_assets.journal.chain import Head
from alluse_assets.ledger.book_fold import fold
from tests.execution.committing import Killed, reopened
from tests.execution.roll_scene import (
    AT,
    BOTH_WAYS,
    KEY,
    LATER_PUT,
    ended,
    engine,
    look,
    requests,
    rolling,
    sent,
    under,
)
from tests.execution.scene import book_under


class DiesAtTheSale:
    """A broker that confirms the close; the process ends when the sale is to be sent."""

    def __init__(self, broker):
        self.broker = broker
        self.authority, self.takes_combined = broker.authority, False

    def submit(self, intent):
        if intent.purpose == "roll_open":
            raise Killed
        return self.broker.submit(intent)


def killed_between_the_legs(contracts=1):
    """A book as the next process finds it: the close is confirmed, nothing of the sale has been sent."""
    book, close, sale = rolling("approve", combined=False, contracts=contracts)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    with pytest.raises(Killed):
        look(book, broker=DiesAtTheSale(book.broker))
    events = book.recorder.events
    confirmed = max(n for n, event in enumerate(events) if event.type == "order.filled")
    del events[confirmed + 1 :]
    book.recorder.state = fold(events, book_under("f"))
    return book, close, sale


def test_killed_between_the_legs_the_next_process_sells_once_and_asks_nobody():
    book, *_ = killed_between_the_legs()
    assert book.account.shorts == {}
    look(book, AT + timedelta(minutes=5))
    assert list(book.account.shorts) == [LATER_PUT]
    assert sent(book.recorder.events) == ["open_put", "roll_close", "roll_open"]
    assert len(requests(book.recorder.events)) == 1
    look(book, AT + timedelta(minutes=10))
    assert sent(book.recorder.events) == ["open_put", "roll_close", "roll_open"]
    assert ended(book) == ("ROLLED", "")


def test_what_is_not_what_was_approved_any_more_is_not_sold_and_the_roll_says_why():
    book, *_ = killed_between_the_legs()
    under(book, "another")
    look(book, AT + timedelta(minutes=5))
    look(book, AT + timedelta(minutes=10))
    assert book.account.shorts == {}
    assert sent(book.recorder.events) == ["open_put", "roll_close"]
    assert len(requests(book.recorder.events)) == 1
    state, why = ended(book)
    assert state == "CLOSED_ONLY"
    assert why == (
        f"SELL_TO_OPEN {LATER_PUT} DENIED: approval@1: under this configuration it is not what was approved "
        "with the roll"
    )


@pytest.mark.parametrize("field", ["to", "limit_price", "contracts", "cost_to_close", "contract"])
def test_the_sale_is_bound_to_every_term_that_was_approved(field):
    """A decision never changes in a journal; if it did, the approval would not be for it."""
    book, *_ = killed_between_the_legs()
    (key, roll), changed = *book.recorder.state.rolls.items(), {"contracts": 2, "to": "AAPL110114P00320000"}
    payload = {
        **roll.decided.payload,
        field: changed.get(field, "2.11" if field != "contract" else LATER_PUT),
    }
    other = replace(roll, decided=replace(roll.decided, payload=payload))
    book.recorder.state = replace(book.recorder.state, rolls={key: other})
    look(book)
    assert sent(book.recorder.events) == ["open_put", "roll_close"]
    assert ended(book)[0] == "CLOSED_ONLY"


class Counts:
    """A broker that remembers what it was sent, and says nothing of the purposes in ``silent``."""

    def __init__(self, broker, silent=()):
        self.broker, self.silent, self.got = broker, silent, []
        self.authority, self.takes_combined = broker.authority, broker.takes_combined

    def submit(self, intent):
        self.got.append(intent.purpose)
        reports = self.broker.submit(intent)
        if intent.purpose in self.silent:
            raise Killed
        return reports

    def submit_combined(self, legs):
        self.got += [leg.purpose for leg in legs]
        reports = self.broker.submit_combined(legs)
        if "roll" in self.silent:
            raise Killed
        return reports


def approved_in(store, combined):
    """A book in the database, with a roll that a person has approved."""
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    store.append("b", book.recorder.events, Head())
    return book


def in_the_journal(store):
    return [row.event for row in store.read("b")]


@BOTH_WAYS
def test_a_process_killed_before_the_first_leg_is_sent_leaves_the_yes_for_the_next_one(store, combined):
    book = approved_in(store, combined)
    broker, recorder = Counts(book.broker), reopened(store)

    def dies():
        raise Killed

    recorder.barrier = dies
    with pytest.raises(Killed):
        look(book, recorder=recorder, broker=broker)
    assert broker.got == []
    recorder = reopened(store)
    assert recorder.state.approvals[KEY].answer == "yes"
    look(book, recorder=recorder, broker=broker)
    recorder.barrier()
    assert broker.got == ["roll_close", "roll_open"]
    assert list(reopened(store).state.accounts["GEN-1"].shorts) == [LATER_PUT]
    assert len(requests(in_the_journal(store))) == 1


def test_killed_before_the_sale_is_committed_it_is_sold_once_the_broker_has_said_what_became_of_the_close(
    store,
):
    book = approved_in(store, combined=False)
    broker = Counts(book.broker, silent=("roll_close",))
    with pytest.raises(Killed):
        look(book, recorder=reopened(store), broker=broker)
    recorder = reopened(store)
    assert recorder.state.approvals == {}  # it was used, before the network was touched
    look(book, recorder=recorder, broker=broker)
    assert broker.got == ["roll_close"]  # nobody knows yet
    created = next(e for e in in_the_journal(store) if e.payload.get("purpose") == "roll_close")
    book.broker.taken.clear()
    for report in book.broker.submit(intent_from(created)):
        engine(book, recorder=recorder).take_report(intent_from(created), report)
    look(book, recorder=recorder, broker=broker)
    look(book, recorder=recorder, broker=broker)
    recorder.barrier()
    assert broker.got == ["roll_close", "roll_open"]
    assert list(reopened(store).state.accounts["GEN-1"].shorts) == [LATER_PUT]
    assert len(requests(in_the_journal(store))) == 1


@pytest.mark.parametrize(("combined", "silent"), [(True, "roll"), (False, "roll_open")])
def test_a_process_killed_after_the_last_leg_was_sent_sends_nothing_again(store, combined, silent):
    book = approved_in(store, combined)
    broker = Counts(book.broker, silent=(silent,))
    with pytest.raises(Killed):
        look(book, recorder=reopened(store), broker=broker)
    recorder = reopened(store)
    look(book, recorder=recorder, broker=broker)
    assert broker.got == ["roll_close", "roll_open"]
    assert [order.state for order in recorder.state.orders.values()].count("SUBMITTING") == 1 + combined


@BOTH_WAYS
def test_wherever_a_process_is_killed_no_leg_is_sent_twice_and_nobody_is_asked_again(combined):
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    book.answer(close, at=AT)
    answered = len(book.recorder.events)
    look(book)
    events = list(book.recorder.events)
    for killed in range(answered, len(events) + 1):
        again, *_ = rolling("approve", combined=combined)
        again.recorder.events = events[:killed]
        again.recorder.state = fold(events[:killed], book_under("f"))
        if any(order.state == "CREATED" for order in again.recorder.state.orders.values()):
            continue  # an order is committed with what it came to
        look(again)
        known = again.recorder.events
        keys = [e.key for e in known]
        assert len(set(keys)) == len(keys), killed
        assert len(requests(known)) == 1
        assert sent(known).count("roll_close") == 1
        assert sent(known).count("roll_open") <= 1
        # What was sent is only known from the broker; what was not, is sent now.
        unknown = [o for o in again.recorder.state.orders.values() if o.state in ("SUBMITTING", "ACCEPTED")]
        if not unknown:
            assert list(again.account.shorts) == [LATER_PUT], killed
            assert ended(again) == ("ROLLED", "")


def test_a_sale_whose_roll_asked_nobody_asks_alone_once_every_order_asks():
    book, close, sale = rolling("auto", combined=False)
    with pytest.raises(Killed):
        place_roll(engine(book, broker=DiesAtTheSale(book.broker)), close, sale)
    confirmed = max(n for n, e in enumerate(book.recorder.events) if e.type == "order.filled")
    del book.recorder.events[confirmed + 1 :]
    book.recorder.state = fold(book.recorder.events, book_under("f"))
    book.asking = Asking(ApprovalRules(mode="approve"), AlertRules())
    look(book)
    assert [asked["kind"] for asked in requests(book.recorder.events)] == ["order"]
    book.answer(sale, at=AT)
    look(book)
    assert ended(book) == ("ROLLED", "")
