from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.protection.circuit_breakers import (
    Tier,
    VixReading,
    is_stale,
    tier_by_value,
    tier_in_force,
)

RULES = ProtocolConfig().circuit_breakers
MON, TUE, WED = date(2011, 1, 10), date(2011, 1, 11), date(2011, 1, 12)


def by_value(points, before=Tier.NONE, new_session=True, rules=RULES):
    return tier_by_value(before, VixReading(Decimal(str(points)), MON), new_session, rules)


@pytest.mark.parametrize(
    ("points", "tier"),
    [(50, 0), ("50.01", 1), (65, 1), ("65.01", 2), (80, 2), ("80.01", 3), (140, 3)],
)
def test_a_tier_begins_over_its_edge(points, tier):
    assert by_value(points) == tier


@pytest.mark.parametrize(
    ("before", "points", "tier"),
    [(1, "48.01", 1), (1, 48, 0), (2, "63.01", 2), (2, 63, 1), (3, "78.01", 3), (3, 78, 2), (3, 20, 0)],
)
def test_a_tier_is_left_two_points_lower(before, points, tier):
    assert by_value(points, Tier(before)) == tier


def test_a_tier_is_left_in_the_next_session_only():
    assert by_value(20, Tier.SAFE, new_session=False) == Tier.SAFE
    assert by_value(20, Tier.SAFE) == Tier.NONE
    assert by_value(90, Tier.SAFE, new_session=False) == Tier.CLOSE_ONLY


def test_a_value_of_the_session_before_is_fresh_and_an_older_one_or_none_is_stale():
    assert not is_stale(VixReading(Decimal(20), TUE), [MON, TUE], WED, 1)
    assert is_stale(VixReading(Decimal(20), MON), [MON, TUE], WED, 1)
    assert is_stale(None, [MON, TUE], WED, 1)


@pytest.mark.parametrize(("by", "tier"), [(0, 2), (1, 2), (2, 3), (3, 3)])
def test_a_stale_value_counts_one_tier_tighter_and_at_least_safe(by, tier):
    assert tier_in_force(Tier(by), True, RULES) == tier
    assert tier_in_force(Tier(by), False, RULES) == by


@given(st.decimals("5", "150", places=2), st.sampled_from(list(Tier)), st.booleans())
def test_asking_again_changes_nothing(points, before, new_session):
    once = by_value(points, before, new_session)
    assert by_value(points, once, new_session) == once


def test_switched_off_nothing_stops():
    off = with_values(ProtocolConfig(), {"circuit_breakers.enabled": False}).circuit_breakers
    assert by_value(120, Tier.SAFE, rules=off) == Tier.NONE
    assert tier_in_force(Tier.NONE, True, off) == Tier.NONE
