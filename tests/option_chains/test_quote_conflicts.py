"""Which quotes cannot all be true, and which of them are to blame."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.option_chains.quote_conflicts import blamed, conflicts

STRIKES = np.array([90.0, 95.0, 100.0, 105.0, 110.0])
CALLS = np.array([11.0, 7.0, 4.0, 2.0, 1.0])


def judged(bid, ask, is_call=True):
    return blamed(conflicts(STRIKES[: len(bid)], np.array(bid), np.array(ask), is_call))


def test_a_smooth_chain_has_no_conflict():
    assert judged(CALLS - 0.1, CALLS + 0.1) == {}
    assert judged(CALLS[::-1] - 0.1, CALLS[::-1] + 0.1, is_call=False) == {}


def test_an_ask_far_too_low_is_blamed_and_not_the_strikes_beyond_it():
    ask = CALLS + 0.1
    bid = CALLS - 0.1
    ask[1], bid[1] = 0.6, 0.5
    assert set(judged(bid, ask)) == {1}


def test_a_bid_far_too_high_is_blamed():
    bid, ask = CALLS - 0.1, CALLS + 0.1
    bid[3], ask[3] = 20.0, 20.2
    assert set(judged(bid, ask)) == {3}


def test_a_put_at_a_lower_strike_is_not_bid_above_a_higher_ones_ask():
    bid, ask = CALLS[::-1] - 0.1, CALLS[::-1] + 0.1
    bid[0], ask[0] = 9.0, 9.2
    assert set(judged(bid, ask, is_call=False)) == {0}


def test_of_two_that_disagree_with_nobody_else_both_go():
    assert judged([5.0, 6.0], [5.2, 6.2]) == {0: "not_monotone", 1: "not_monotone"}


def test_a_bump_above_its_neighbours_is_not_convex():
    assert judged([10.9, 9.9, 3.9], [11.1, 10.1, 4.1]) == {1: "not_convex"}


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40)), min_size=2, max_size=12), st.booleans())
def test_without_the_blamed_nothing_contradicts_anything(quotes, is_call):
    strike = 100.0 + 5.0 * np.arange(len(quotes))
    bid = np.array([b / 20 for b, _ in quotes])
    ask = bid + np.array([width / 20 for _, width in quotes])
    found = conflicts(strike, bid, ask, is_call)
    guilty = blamed(found)
    assert all(set(conflict.members) & set(guilty) for conflict in found)
    assert bool(guilty) == bool(found)
    for low in range(len(quotes)):
        for high in range(low + 1, len(quotes)):
            dear, cheap = (low, high) if is_call else (high, low)
            if bid[cheap] > ask[dear] + 1e-9:
                assert guilty.keys() & {low, high}
