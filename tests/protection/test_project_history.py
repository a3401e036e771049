"""What began and ended in protection, as tables: of a made-up crash that reaches every level and tier."""

import json
from datetime import UTC, date, datetime

import pytest

from alluse_assets.accounts.states import lift_hold, place_hold
from alluse_assets.protection.project_history import (
    project_account_holds,
    project_level_changes,
    project_protection_stops,
)
from alluse_assets.protection.state import ProtectionState, protect
from alluse_assets.protection.tables import ACCOUNT_HOLDS, LEVEL_CHANGES, PROTECTION_STOPS
from tests.end_to_end.crash_market import crash_market
from tests.made_market import replayed

NOON = datetime(2011, 1, 10, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def events():
    return replayed(crash_market())


def test_every_level_change_is_a_row_with_its_actions_and_the_exact_orders(events):
    changes = [dict(e.payload) for e in events if e.type == "protection.level_changed"]
    for event in events:
        # A level that came at the open has its orders from the first quotes on.
        if event.type == "protection.script_ready":
            last = [p for p in changes if p["chain"] == event.payload["chain"]]
            same = [p for p in last if p["level_to"] == event.payload["level"] and p["at"] == "open"]
            next(p for p in same if p["session"] <= event.payload["session"])["script"] = event.payload[
                "script"
            ]
    rows = project_level_changes(events)
    assert LEVEL_CHANGES.conform(rows).height == len(changes)
    assert set(rows["level_to"]) == {1, 2, 3}
    told = sorted(json.dumps(json.loads(script), sort_keys=True) for script in rows["script"])
    assert told == sorted(json.dumps(p["script"], sort_keys=True) for p in changes)
    level_3 = rows.filter(level_to=3, right="P").row(0, named=True)
    assert {"close", "account_safe"} <= set(level_3["actions"])
    assert level_3["multiple"] == pytest.approx(
        (level_3["anchor_price"] - level_3["price"]) / level_3["anchor_atr"], abs=1e-4
    )


def test_a_hold_says_why_since_when_who_may_end_it_and_who_did(events):
    rows = project_account_holds(events)
    assert ACCOUNT_HOLDS.conform(rows).height == sum(e.type == "account.hold_placed" for e in events)
    safe = rows.filter(hold="level_3:AAA").row(0, named=True)
    assert (safe["account"], safe["state"], safe["why"]) == ("REV-1", "SAFE", "AAA is at level 3")
    assert (safe["may_lift"], safe["ends_when"]) == (
        ["person", "rule"],
        "it ends by itself when the symbol has left level 3, or by a person",
    )
    assert (safe["placed_at"].date(), safe["lifted_at"].date()) == (date(2011, 2, 3), date(2011, 2, 10))
    breaker = rows.filter(hold="vix_safe")
    assert breaker["may_lift"].to_list() == [["rule"]] * 3
    assert "by itself" in breaker["ends_when"][0]


def test_a_hold_that_is_placed_twice_is_two_rows_and_the_last_one_still_holds():
    state, events = ProtectionState(), []
    for hour, change in enumerate(("place", "lift", "place")):
        at = NOON.replace(hour=hour)
        event = (
            place_hold(state, "GEN-1", "paused", "holiday", at, "person:Ann")
            if change == "place"
            else lift_hold(state, "GEN-1", "paused", "back", at, "person:Bob", "person")
        )
        events.append(event)
        state = protect(state, event)
    rows = project_account_holds(events)
    assert rows.select("lifted_by", "lifted_why").rows() == [("person:Bob", "back"), (None, None)]
    assert rows["may_lift"].to_list() == [["person"], ["person"]]


def test_what_limits_entries_has_its_beginning_its_measure_and_its_end(events):
    rows = project_protection_stops(events)
    assert PROTECTION_STOPS.conform(rows).equals(rows)
    assert set(rows["kind"]) == {"cool_off", "deep_drawdown", "drawdown_pivot", "vix_breaker"}
    assert rows["ended_at"].null_count() == 0
    tiers = rows.filter(kind="vix_breaker").sort("began_at")
    assert tiers["level"].to_list() == [1, 2, 1]
    assert tiers["ended_at"].to_list()[:-1] == tiers["began_at"].to_list()[1:]
    assert tiers["measure"].max() > 65
    pivots = rows.filter(kind="drawdown_pivot")
    assert set(pivots["account"]) == {"GEN-1", "REV-1", "COM-1"}
    assert pivots["measure"].min() >= 0.07


def test_a_deep_drawdown_that_lasts_is_one_row_whose_end_moves(events):
    begun = [e.payload for e in events if e.type == "drawdown.deep_begun"]
    deep = project_protection_stops(events).filter(kind="deep_drawdown")
    assert deep.select("symbol", "until").rows() == [("BBB", date.fromisoformat(begun[-1]["until"]))]
    assert deep["account"].to_list() == [None]


def test_a_breaker_whose_value_alone_moves_is_no_new_row(events):
    same = [e for e in events if e.type == "breaker.tier_changed"]
    moved = [e.payload["tier_from"] != e.payload["tier_to"] for e in same]
    assert project_protection_stops(same).height == sum(moved) - 1, "the last change ends the last tier"
