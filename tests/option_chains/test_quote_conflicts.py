"""Which quotes cannot all be true, and which of them are to blame."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.option_chains.quote_conflict_kernels import TICK_USD, contradicted
from alluse_assets.option_chains.quote_conflicts import RULES, blamed, conflicts, contradictory

STRIKES = np.array([90.0, 95.0, 100.0, 105.0, 110.0])
CALLS = np.array([11.0, 7.0, 4.0, 2.0, 1.0])


def judged(bid, ask, is_call=True, stretch=1.0):
    """Places in order of strikes, from 90 up, of the guilty, with their rules."""
    towards_cheaper = slice(None, None, 1 if is_call else -1)
    strikes = STRIKES[: len(bid)] if is_call else -STRIKES[: len(bid)]
    columns = (np.array(column)[towards_cheaper] for column in (strikes, bid, ask))
    guilty = contradictory(*columns, stretch)
    return {place if is_call else len(bid) - 1 - place: rule for place, rule in sorted(guilty.items())}


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
    assert judged([10.9, 9.2, 5.0], [11.1, 9.4, 5.2]) == {1: "not_convex"}


def test_strikes_between_that_say_nothing_hide_no_bump():
    """Sell two at 100 for 9.00, buy one at 90 for 14.00 and one at 110 for 3.50: 0.50 for certain."""
    bid = [13.8, 0.0, 9.0, 0.0, 3.3]
    ask = [14.0, 30.0, 9.2, 18.0, 3.5]
    assert judged(bid, ask) == {2: "not_convex"}


def test_a_bid_less_than_a_tick_above_strikes_further_apart_is_sound():
    assert judged([1.0, 0.6, 0.53, 0.3, 0.2], [1.0, 0.9, 0.6, 0.6, 0.02]) == {}
    assert judged([1.0, 0.6, 0.57, 0.3, 0.0], [1.0, 0.9, 0.6, 0.6, 0.02]) == {2: "not_convex"}


def test_a_spread_is_worth_no_more_than_its_strikes_are_apart():
    """Sell the call at 90 for 12.50, buy the one at 95 for 7.20: 5.30 now for 5.00 at most later."""
    bid, ask = [12.5, 7.0], [12.7, 7.2]
    both = {0: "above_width", 1: "above_width"}
    assert judged(bid, ask) == both
    assert judged(bid[::-1], ask[::-1], is_call=False) == both
    assert judged(bid, ask, stretch=1.07) == {}


def test_a_bid_far_too_high_is_blamed_by_its_spreads_alone():
    """Deep calls were bid for above their spread's width, and no put stood by to say so."""
    bid, ask = [16.0, 7.0, 4.0, 2.0, 1.0], [16.1, 7.2, 4.2, 2.2, 1.2]
    assert judged(bid, ask) == {0: "above_width"}


def test_what_a_wrong_quote_hid_is_found_when_it_has_gone():
    """Convexity was asked of neighbours once: of 0 and 2 nobody asked after 1 had gone."""
    bid = np.array([13.8, 0.0, 9.0, 8.9, 3.3])
    ask = np.array([14.0, 8.0, 9.2, 9.3, 3.5])
    guilty = judged(bid, ask)
    assert 1 in guilty
    kept = [place for place in range(5) if place not in guilty]
    assert certain_gain(STRIKES[kept], bid[kept], ask[kept]) <= TICK_USD


def certain_gain(reach, bid, ask, stretch=1.0):
    """The most that two or three trades make for certain, by trying all of them."""
    gains = [0.0]
    for dear, cheap in combinations(range(len(reach)), 2):
        gains += [
            bid[cheap] - ask[dear],
            bid[dear] - ask[cheap] - stretch * (reach[cheap] - reach[dear]),
        ]
    for left, place, right in combinations(range(len(reach)), 3):
        share = (reach[right] - reach[place]) / (reach[right] - reach[left])
        gains.append(bid[place] - share * ask[left] - (1 - share) * ask[right])
    return max(gains)


QUOTES = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 40), st.integers(1, 3)), min_size=1, max_size=10
)


def columns_of(quotes, is_call):
    reach = 100.0 + 2.5 * np.cumsum([step for *_, step in quotes])
    bid = np.array([b / 20 for b, *_ in quotes])
    ask = bid + np.array([width / 20 for _, width, _ in quotes])
    return (reach if is_call else -reach[::-1]), bid, ask


@given(QUOTES, st.booleans(), st.sampled_from([1.0, 1.01, 1.1]))
def test_what_is_kept_makes_nobody_money_for_certain(quotes, is_call, stretch):
    reach, bid, ask = columns_of(quotes, is_call)
    guilty = contradictory(reach, bid, ask, stretch)
    kept = [place for place in range(len(quotes)) if place not in guilty]
    assert certain_gain(reach[kept], bid[kept], ask[kept], stretch) <= TICK_USD + 1e-9
    assert set(guilty.values()) <= set(RULES)
    assert not conflicts(reach[kept], bid[kept], ask[kept], stretch)


@given(st.lists(QUOTES, min_size=1, max_size=5), st.booleans(), st.sampled_from([1.0, 1.1]))
def test_the_compiled_look_sees_a_contradiction_where_there_is_one(chains, is_call, stretch):
    parts = [columns_of(quotes, is_call) for quotes in chains]
    reach, bid, ask = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    starts = np.cumsum([0, *(len(quotes) for quotes in chains)])
    found = np.zeros(len(chains), np.bool_)
    contradicted(reach, bid, ask, np.full(reach.size, stretch), starts, found)
    assert found.tolist() == [bool(conflicts(*part, stretch)) for part in parts]


@given(QUOTES, st.booleans())
def test_without_the_blamed_no_conflict_is_left(quotes, is_call):
    found = conflicts(*columns_of(quotes, is_call))
    guilty = blamed(found)
    assert all(set(conflict.members) & set(guilty) for conflict in found)
    assert bool(guilty) == bool(found)
