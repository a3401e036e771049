"""The made-up crash where every order asks: a roll is one question, and all yes trades as mode auto."""

import pytest

from alluse_assets.base.config.config_manager import with_values
from tests.end_to_end.crash_market import crash_config, crash_market
from tests.made_market import replayed
from tests.properties.invariants import violations


def of(events, kind):
    return [event.payload for event in events if event.type == kind]


def fills(events):
    names = ("account", "action", "instrument", "quantity", "price", "purpose")
    return [tuple(p[name] for name in names) for p in of(events, "order.filled")]


def asking(combined, answer="yes"):
    values = {
        "approvals.mode": "approve", "approvals.replay_answer": answer, "paper.combined_rolls": combined
    }  # fmt: skip
    market = crash_market(with_values(crash_config(), values))
    return market, replayed(market)


@pytest.fixture(scope="module")
def unasked():
    return replayed(crash_market())


@pytest.mark.parametrize("combined", [True, False], ids=["combined", "legged"])
def test_a_replay_that_says_yes_trades_as_one_that_asks_nobody_with_one_question_a_roll(combined, unasked):
    market, events = asking(combined)
    assert violations(events, market) == []
    assert fills(events) == fills(unasked)
    asked = [p["approval"] for p in of(events, "approval.requested") if p["kind"] == "roll"]
    ended = [p["roll"] for p in of(events, "roll.ended")]
    assert ended
    assert sorted(asked) == sorted(ended)
    orders = [p["subject"]["orders"] for p in of(events, "approval.requested") if p["kind"] == "order"]
    assert not any(one["purpose"].startswith("roll") for asked in orders for one in asked)


def test_a_replay_that_says_no_trades_nothing():
    market, events = asking(combined=True, answer="no")
    assert violations(events, market) == []
    assert fills(events) == []
