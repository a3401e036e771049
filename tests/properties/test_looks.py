"""What must hold over several looks of a session while a person pauses, halts, answers or says nothing.

A failure prints the seed that replays it: ``market = market_of_looks(SEED)``, ``faults(walked(market, SEED),
market)``.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.properties.looks import faults, market_of_looks, walked

SEED = 0

RANDOM = settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
    deadline=None,
    print_blob=True,
)


@given(st.integers(0, 2**32 - 1))
@RANDOM
def test_no_rule_is_broken_whatever_happens_between_looks(seed):
    market = market_of_looks(seed)
    assert faults(walked(market, seed), market) == []


@pytest.fixture(scope="module")
def looked_at():
    """A market in which much happens between looks, and its journal."""
    market = market_of_looks(SEED)
    return market, walked(market, SEED)


def test_orders_fill_in_parts_are_cancelled_and_are_tried_again(looked_at):
    _, events = looked_at
    types = {event.type for event in events}
    assert {"order.canceled", "approval.used", "approval.expired", "roll.ended"} <= types
    assert any(event.type == "order.filled" and not event.payload["terminal"] for event in events)


def test_the_properties_see_what_is_wrong(looked_at):
    market, events = looked_at
    place, sold = next(
        (n, e)
        for n, e in enumerate(events)
        if e.type == "order.filled" and e.payload["purpose"] == "open_put"
    )

    def broken(change):
        return {one.split(":")[0] for one in faults(change, market)}

    def before(event):
        return [*events[:place], event, *events[place:]]

    late = replace(sold, effective_at=sold.effective_at + timedelta(hours=3))
    assert "entries_fill_only_where_they_may_be_made" in broken([*events[:place], late, *events[place + 1 :]])
    held = {"account": sold.payload["account"], "hold": "halted", "state": "HALTED"}
    halted = replace(sold, key="h", type="account.hold_placed", payload=held, postings=())
    assert {"entries_fill_only_where_they_may_be_made", "a_halted_account_does_nothing"} <= broken(
        before(halted)
    )
    deep = replace(sold, key="d", type="drawdown.deep_begun", payload={"symbol": sold.payload["symbol"]})
    assert "entries_fill_only_where_they_may_be_made" in broken(before(replace(deep, postings=())))
    assert "nothing_is_written_twice_or_at_every_look" in broken([*events, events[0]])
    assert "rolls_sell_what_they_bought_back_and_end" in broken([e for e in events if e.type != "roll.ended"])
    assert "a_no_stands_and_a_yes_is_used_once" in broken([e for e in events if e.type != "approval.used"])
    assert "orders_end_with_their_session" in broken([e for e in events if e.type != "order.canceled"])
