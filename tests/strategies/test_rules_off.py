"""Every rule can be switched off, and that changes what it should: its own events, from its first act on.

The made-up crash is replayed with one rule off at a time. Up to the first moment at which the rule did
something the journals are the same, the configuration in the book's first event aside; what only the rule
makes is gone.
"""

from functools import lru_cache
from itertools import takewhile

import pytest

from tests.end_to_end.crash_market import crash_config, crash_market
from tests.made_market import replayed

_TABLE = "protection__actions"


# The same crash with options quoted half an hour before the close, dividends, recovery calls, and a person
# who agrees to nothing, so that puts stay open far in the money.
BUSY = {"minutes_to_close": 30, "dividends": (3, 12, 33, 38, 43, 48, 53)}
RECOVERY = {f"accounts__{kind}__recovery_calls__enabled": True for kind in ("gen", "rev", "com")}
# The market's index has options of its own, which settle in cash: Rev-Acc hedges with its puts.
LEVEL_2 = ("alert_high", "roll", "refuse_new_entries")
HEDGED = {
    "market__index_options": {"SPY": {"pm_roots": ("SPY",)}},
    "protection__hedge__underlying": "SPY",
    f"{_TABLE}__rev__puts__level_2": (*LEVEL_2, "hedge"),
}


@lru_cache(maxsize=4)
def _journal(busy, settings=()):
    given = RECOVERY | HEDGED | {"approvals__replay_answer": "no"} if busy else {}
    given |= dict(settings)
    return replayed(crash_market(crash_config(**given), **(BUSY if busy else {})))


def journal(busy=False, **changes):
    """Events of the crash with these settings, as (key, type, payload, postings)."""
    found = []
    for event in _journal(busy, tuple(sorted(changes.items()))):
        if event.type == "book.opened":
            continue
        found.append((event.key, str(event.type), unmarked(event.payload), event.postings))
    return found


def unmarked(value):
    """A payload without the configuration's mark, and without the hash of what has it."""
    if isinstance(value, dict):
        return {k: unmarked(v) for k, v in value.items() if k not in ("config", "config_fingerprint", "hash")}
    return [unmarked(one) for one in value] if isinstance(value, list) else value


def common(one, other):
    """How many events two journals begin with alike."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def first(events, acts):
    """Place of the first event that the rule makes."""
    return next(place for place, event in enumerate(events) if acts(event))


def is_type(*kinds):
    return lambda event: event[1].startswith(kinds)


def has(field, *values, kind=""):
    return lambda event: event[1].startswith(kind) and event[2].get(field) in values


def action(name, level=None):
    """The level changes whose actions name ``name``."""
    return lambda e: (
        e[1] == "protection.level_changed" and name in e[2]["actions"] and level in (None, e[2]["level_to"])
    )


def is_level_alert(priority):
    return lambda e: (
        e[1] == "alert.raised" and e[0].startswith("alert/level/") and e[2]["priority"] == priority
    )


def refuses(reason):
    return lambda e: e[1] == "entry.decided" and reason in e[2]["refused"]


def without(name):
    """The action table of every kind and side without one action."""
    rules = crash_config().protection.actions
    changes = {}
    for kind in ("gen", "rev", "com"):
        for side in ("puts", "calls"):
            for level in ("level_1", "level_2", "level_3"):
                listed = getattr(getattr(rules.of(kind), side), level)
                if name in listed:
                    left = tuple(one for one in listed if one != name)
                    changes[f"{_TABLE}__{kind}__{side}__{level}"] = left
    return changes


def everywhere(field, value):
    return {f"accounts__{kind}__{field}": value for kind in ("gen", "rev", "com")}


# What is switched off; which event is the rule's first act while it is on; what nothing else makes.
CASES = {
    "protection": (
        {"protection__enabled": False},
        is_type("protection.level_changed"),
        is_type("protection.", "roll.", "exit."),
    ),
    "rolls": ({"rolls__enabled": False}, is_type("roll."), is_type("roll.")),
    "take profit": (
        everywhere("take_profit", False),
        has("purpose", "take_profit", kind="order.created"),
        has("purpose", "take_profit"),
    ),
    "pivot": (
        {"drawdown__pivot_enabled": False},
        is_type("drawdown.pivot"),
        lambda e: e[1].startswith("drawdown.p") or e[2].get("outcome") == "drawdown_pivot",
    ),
    "deep drawdown": (
        {"drawdown__deep_enabled": False},
        is_type("drawdown.deep"),
        lambda e: e[1].startswith("drawdown.deep") or e[2].get("outcome") == "deep_drawdown",
    ),
    "circuit breakers": (
        {"circuit_breakers__enabled": False},
        is_type("breaker."),
        lambda e: e[1].startswith("breaker.") or e[2].get("hold") in ("vix_safe", "vix_close_only"),
    ),
    "first share purchase": (
        {"accounts__com__first_share_purchase": False},
        is_type("share_purchase."),
        lambda e: e[1].startswith("share_purchase.") or e[2].get("purpose") == "first_purchase",
    ),
    "market mode shift": (
        {f"market_mode__delta_shift__{mode}": 0.0 for mode in ("green", "red", "chop")},
        has("right", "P", kind="entry.decided"),
        lambda e: False,
    ),
    "puts of Gen-Acc": (
        {"accounts__gen__puts__enabled": False},
        lambda e: e[1] == "entry.decided" and (e[2]["account"], e[2]["right"]) == ("GEN-1", "P"),
        lambda e: e[1] == "entry.decided" and (e[2]["account"], e[2]["right"]) == ("GEN-1", "P"),
    ),
    "calls of Com-Acc": (
        {"accounts__com__calls__enabled": False},
        lambda e: e[1] == "entry.decided" and (e[2]["account"], e[2]["right"]) == ("COM-1", "C"),
        lambda e: e[1] == "entry.decided" and (e[2]["account"], e[2]["right"]) == ("COM-1", "C"),
    ),
    "the alert of level 1": (without("alert_medium"), action("alert_medium"), has("priority", "MEDIUM")),
    "halved entries": (
        without("halve_new_entries"),
        action("halve_new_entries"),
        action("halve_new_entries"),
    ),
    "the prepared roll": (without("prepare_roll"), action("prepare_roll"), action("prepare_roll")),
    "the roll": (without("roll"), action("roll"), is_type("roll.")),
    "the close of level 3": (without("close"), action("close"), has("rule", "level_3_close")),
    "SAFE at level 3": (
        without("account_safe"),
        action("account_safe"),
        lambda e: str(e[2].get("hold", "")).startswith("level_3"),
    ),
    "refused entries": (
        without("refuse_new_entries"),
        action("refuse_new_entries"),
        action("refuse_new_entries"),
    ),
    "the alert of level 2": (without("alert_high"), action("alert_high"), is_level_alert("HIGH")),
    "the alert of level 3": (without("alert_critical"), action("alert_critical"), is_level_alert("CRITICAL")),
    "refused puts": (without("refuse_new_puts"), action("refuse_new_puts"), action("refuse_new_puts")),
    "faster monitoring": (
        without("faster_monitoring"),
        action("faster_monitoring"),
        action("faster_monitoring"),
    ),
    "the question about the shares": (
        without("ask_person"),
        action("ask_person"),
        lambda e: e[1] == "alert.raised" and e[2].get("question") is True,
    ),
}


BUSY_CASES = {
    "the strike's neighbourhood": (
        {"week_end__near_strike": "keep"},
        has("rule", "near_strike"),
        has("rule", "near_strike"),
    ),
    "dividend risk": (
        {"rolls__dividend_risk": "off"},
        has("rule", "dividend_risk"),
        has("rule", "dividend_risk"),
    ),
    "early assignment": ({"paper__early_assignment": False}, has("early", True), has("early", True)),
    "the hedge": (
        {f"{_TABLE}__rev__puts__level_2": LEVEL_2},
        action("hedge"),
        is_type("hedge.", "option.long_ended"),
    ),
    "recovery calls": (
        everywhere("recovery_calls__enabled", False),
        has("in_recovery", True),
        has("in_recovery", True),
    ),
    "the premium floor": (
        everywhere("puts__min_premium_yield", 0.0) | everywhere("calls__min_premium_yield", 0.0),
        refuses("yield_under_floor"),
        refuses("yield_under_floor"),
    ),
}


@pytest.mark.parametrize("name", [*CASES, *BUSY_CASES])
def test_a_rule_that_is_off_leaves_no_trace_and_nothing_before_it_changes(name):
    busy = name in BUSY_CASES
    changes, acts, its_own = (CASES | BUSY_CASES)[name]
    on, off = journal(busy), journal(busy, **changes)
    begins = first(on, acts)
    assert common(on, off) >= begins
    assert on != off
    assert not [event[0] for event in off if its_own(event)]


@pytest.mark.parametrize("busy", [False, True])
def test_what_a_rule_alone_makes_is_there_while_it_is_on(busy):
    """Else the test above would pass by its absence."""
    on = journal(busy)
    for name, (_, _, its_own) in (BUSY_CASES if busy else CASES).items():
        assert name == "market mode shift" or [event for event in on if its_own(event)], name
