"""Whatever is changed in a journal after the fact, verify says so."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alluse_assets.journal.chain import Head, link
from alluse_assets.journal.verify import CHECKS, Anchor, verify
from tests.journal.samples import alert, deposit, linked

EVENTS = [
    deposit("GEN-1", "400000.00"),
    *(alert(n) for n in range(1, 9)),
    deposit("REV-1", "300000.00", "rev"),
]


@pytest.fixture
def rows():
    return linked(EVENTS)


def anchors_of(*rows):
    return [Anchor(row.seq, row.hash, row.seal, True) for row in rows]


def failed(report):
    return {fault.check for fault in report.faults}


def test_an_untouched_journal_is_proved_by_every_check(rows):
    report = verify("b", rows, anchors_of(rows[4], rows[-1]))
    assert report.holds
    assert report.head == rows[-1].head
    assert [proof.check for proof in report.proofs] == [check for check, _, _ in CHECKS]


TAMPERED = {
    "type": lambda row: replace(row, event=replace(row.event, type="option.expired")),
    "version": lambda row: replace(row, event=replace(row.event, version=2)),
    "effective_at": lambda row: replace(
        row, event=replace(row.event, effective_at=row.event.effective_at + timedelta(microseconds=1))
    ),
    "recorded_at": lambda row: replace(row, recorded_at=row.recorded_at + timedelta(seconds=1)),
    "actor": lambda row: replace(row, event=replace(row.event, actor="person:x")),
    "cause": lambda row: replace(row, event=replace(row.event, cause="alert/1")),
    "key": lambda row: replace(row, event=replace(row.event, key="alert/99")),
    "payload": lambda row: replace(row, event=replace(row.event, payload={"text": "Hello"})),
    "prev_hash": lambda row: replace(row, prev_hash=bytes(32)),
    "hash": lambda row: replace(row, hash=bytes(32)),
    "seal": lambda row: replace(row, seal=bytes(32)),
    "postings": lambda row: replace(
        row, event=replace(row.event, postings=deposit("GEN-1", "1.00").postings)
    ),
}


@pytest.mark.parametrize("field", TAMPERED)
@pytest.mark.parametrize("place", [1, 4, 8])
def test_changing_any_field_of_any_event_is_detected(rows, field, place):
    changed = [*rows[:place], TAMPERED[field](rows[place]), *rows[place + 1 :]]
    assert "chain" in failed(verify("b", changed, anchors_of(rows[-1])))


def test_a_changed_amount_is_detected_even_when_it_still_balances(rows):
    first = rows[0]
    doubled = tuple(replace(p, amount=p.amount * 2) for p in first.event.postings)
    changed = [replace(first, event=replace(first.event, postings=doubled)), *rows[1:]]
    assert "chain" in failed(verify("b", changed, anchors_of(rows[-1])))


def test_deleting_inserting_and_swapping_are_detected(rows):
    anchors = anchors_of(rows[-1])
    assert failed(verify("b", [*rows[:3], *rows[4:]], anchors)) >= {"sequence", "chain"}
    assert failed(verify("b", [*rows[:3], rows[3], *rows[3:]], anchors)) >= {"sequence", "keys", "chain"}
    assert failed(verify("b", [*rows[:3], rows[4], rows[3], *rows[5:]], anchors)) >= {"sequence", "chain"}


def test_a_cut_tail_is_shown_by_the_anchor_alone(rows):
    cut = rows[:-2]
    assert verify("b", cut, anchors_of(rows[4])).holds  # cut behind the last anchor: cannot be seen
    assert failed(verify("b", cut, anchors_of(rows[-1]))) == {"anchors"}


def test_a_chain_rewritten_from_the_start_is_shown_by_the_anchor_alone(rows):
    rewritten = linked([alert(1, "another history"), *EVENTS[:1], *EVENTS[2:]])
    assert verify("b", rewritten, anchors_of(rewritten[-1])).holds
    assert failed(verify("b", rewritten, anchors_of(rows[-1]))) == {"anchors"}


def test_another_book_s_journal_under_this_name_is_detected(rows):
    assert failed(verify("c", rows, anchors_of(rows[-1]))) == {"chain"}


def test_a_forged_anchor_and_lost_anchors_are_faults(rows):
    forged = [replace(anchors_of(rows[-1])[0], genuine=False)]
    assert failed(verify("b", rows, forged)) == {"anchors"}
    assert failed(verify("b", rows, [])) == {"anchors"}


def test_postings_that_do_not_balance_are_named():
    event = EVENTS[0]
    odd = replace(
        event, postings=(replace(event.postings[0], amount=Decimal("400000.01")), event.postings[1])
    )
    rows = linked([odd])
    report = verify("b", rows, anchors_of(rows[-1]))
    assert [f.message for f in report.faults if f.check == "double_entry"] == [
        "postings sum to 0.01 USD, not zero"
    ]


def test_the_hash_knows_neither_the_book_s_name_nor_the_clock_but_the_seal_does():
    one = linked(EVENTS, book="one")
    two = linked(EVENTS, book="two", at=one[0].recorded_at + timedelta(days=9))
    assert [row.hash for row in one] == [row.hash for row in two]
    assert all(a.seal != b.seal for a, b in zip(one, two, strict=True))


def test_an_event_is_linked_to_the_one_before_it():
    head = link("b", Head(), alert(1), alert(1).effective_at).head
    assert link("b", head, alert(2), alert(2).effective_at).prev_hash == head.hash


def closed_book():
    """A real little book with a share purchase and a short put, closed once."""
    from datetime import date

    from tests.strategies.mini_market import FIRST, MiniMarket, config, contract

    market = MiniMarket(config(accounts__com__first_share_purchase=True))
    put = contract(100)
    market.step(FIRST, 101, {put: ("1.50", "1.60")}, {("rev", "P"): [put]})
    assert date.fromisoformat(market.events[-1].payload["session"]) == FIRST
    return market.events


def with_close(events, change):
    """The same book whose last close was recorded otherwise, chained as if it had always been so."""
    payload = json.loads(json.dumps(events[-1].payload))
    change(payload)
    return linked([*events[:-1], replace(events[-1], payload=payload)])


def grow(payload):
    for values in payload["accounts"].values():
        for part in ("shares_value", "nav"):
            values[part] = str(Decimal(values[part]) + 1)


@pytest.mark.parametrize(
    "change",
    [
        grow,
        lambda payload: payload["accounts"].pop("REV-1"),
        lambda payload: payload.update(accounts={}),
        lambda payload: payload["accounts"].update({"GEN-1": {}}),
        lambda payload: payload["accounts"]["GEN-1"].update(cash="400000.01"),
    ],
    ids=["grown", "one account missing", "none", "empty", "a cent of cash"],
)
def test_a_close_that_does_not_follow_from_positions_and_prices_is_a_fault_though_the_chain_holds(change):
    """Once a NAV that was a million too high was proved, because only its parts were added up."""
    events = closed_book()
    good = linked(events)
    assert verify("b", good, anchors_of(good[-1])).holds
    rows = with_close(events, change)
    # A close that lacks a figure cannot be folded either, so the positions are not proved.
    assert failed(verify("b", rows, anchors_of(rows[-1]))) - {"positions"} == {"net_asset_value"}


def test_a_journal_of_any_shape_gives_faults_and_never_an_exception(rows):
    odd = [replace(rows[0], event=replace(rows[0].event, type="order.filled", payload=None)), *rows[1:]]
    report = verify("b", odd, anchors_of(rows[-1]))
    assert failed(report) >= {"chain", "positions"}


def test_a_stored_text_that_only_reads_the_same_is_not_what_was_hashed(rows):
    """A second copy of a key in front of the first, or other white space, reads back as the same payload."""
    spaced = replace(rows[3], stored_payload='{"text": "hello"}')
    assert failed(verify("b", [*rows[:3], spaced, *rows[4:]], anchors_of(rows[-1]))) == {"chain"}


def test_a_posting_without_an_event_is_a_fault(rows):
    assert verify("b", rows, anchors_of(rows[-1]), stored_postings=4).holds
    report = verify("b", rows, anchors_of(rows[-1]), stored_postings=5)
    assert [fault.message for fault in report.faults] == ["1 postings belong to no event"]
