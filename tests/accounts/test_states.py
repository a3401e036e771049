"""Who may take an account out of which state, and that one hold never takes another with it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.accounts.states import (
    HOLD_RULES,
    AccountStatus,
    allows_entries,
    allows_exits,
    allows_rolls,
    lift_hold,
    place_hold,
    status_of,
)
from alluse_assets.base.errors import AccountError
from alluse_assets.protection.state import ProtectionState, protect

AT = datetime(2011, 1, 10, 15, tzinfo=UTC)


def held(*holds):
    state = ProtectionState()
    for hold in holds:
        state = protect(state, place_hold(state, "GEN-1", hold, "why", AT, "rule:test"))
    return state


def lifted(state, hold, who):
    return protect(state, lift_hold(state, "GEN-1", hold, "over", AT, "x", who))


@pytest.mark.parametrize(
    ("hold", "status", "rule_may", "person_may"),
    [
        ("paused", "PAUSED", False, True),
        ("level_3:AAPL", "SAFE", True, True),
        ("vix_safe", "SAFE", True, False),
        ("unreconciled", "SAFE", True, False),
        ("vix_close_only", "CLOSE_ONLY", True, False),
        ("close_only", "CLOSE_ONLY", False, True),
        ("halted", "HALTED", False, True),
        ("merging", "MERGING", True, False),
        ("merged", "MERGED", False, False),
        ("closed", "CLOSED", False, False),
    ],
)
def test_each_hold_has_a_state_and_ends_by_who_may_end_it(hold, status, rule_may, person_may):
    state = held(hold)
    assert status_of(state, "GEN-1") == status
    for who, may in (("rule", rule_may), ("person", person_may)):
        if may:
            assert status_of(lifted(state, hold, who), "GEN-1") is AccountStatus.ACTIVE
        else:
            with pytest.raises(AccountError, match=f"GEN-1 is {status} \\({hold}\\)"):
                lift_hold(state, "GEN-1", hold, "over", AT, "x", who)


def test_the_table_above_has_every_hold():
    assert len(HOLD_RULES) == 10


def test_a_paused_account_stays_paused_when_its_level_is_left():
    state = held("paused", "level_3:AAPL")
    assert status_of(state, "GEN-1") is AccountStatus.SAFE
    assert status_of(lifted(state, "level_3:AAPL", "rule"), "GEN-1") is AccountStatus.PAUSED


def test_an_event_says_from_which_state_to_which():
    state = held("paused")
    event = place_hold(state, "GEN-1", "halted", "kill switch", AT, "person:ann")
    assert (event.payload["state_from"], event.payload["state_to"]) == ("PAUSED", "HALTED")
    assert place_hold(state, "GEN-1", "paused", "again", AT, "person:ann") is None


def test_what_is_held_and_lifted_and_held_again_in_one_instant_has_a_key_each():
    """A replay's clock stands still between its sessions, and a second pause took the first one's key."""
    state, keys = ProtectionState(), []
    for _ in range(2):
        event = place_hold(state, "GEN-1", "paused", "x", AT, "person:ann")
        keys.append(event.key)
        state = protect(state, event)
        event = lift_hold(state, "GEN-1", "paused", "x", AT, "person:ann", "person")
        keys.append(event.key)
        state = protect(state, event)
    assert len(set(keys)) == 4


def test_a_hold_of_no_known_kind_is_refused():
    with pytest.raises(AccountError, match="no hold is called 'tired'"):
        place_hold(ProtectionState(), "GEN-1", "tired", "x", AT, "x")


@pytest.mark.parametrize(
    ("status", "entries", "exits", "rolls"),
    [
        ("ACTIVE", True, True, True),
        ("PAUSED", False, True, True),
        ("SAFE", False, True, True),
        ("CLOSE_ONLY", False, True, False),
        ("MERGING", False, True, False),
        ("HALTED", False, False, False),
        ("MERGED", False, False, False),
        ("CLOSED", False, False, False),
    ],
)
def test_what_a_state_allows(status, entries, exits, rolls):
    one = AccountStatus(status)
    assert (allows_entries(one), allows_exits(one), allows_rolls(one)) == (entries, exits, rolls)


@given(st.lists(st.sampled_from(sorted(HOLD_RULES)), unique=True, max_size=6))
def test_the_strictest_hold_counts_in_whatever_order_they_came(holds):
    strictness = list(AccountStatus)
    wanted = max((HOLD_RULES[h].status for h in holds), key=strictness.index, default=AccountStatus.ACTIVE)
    assert status_of(held(*holds), "GEN-1") is status_of(held(*reversed(holds)), "GEN-1") is wanted
    assert replace(held(*holds), vix_tier=1).holds == held(*holds).holds
