"""Whole replays, pinned: the made-up crash and the two-year sample; test_real_chains has the SPX chains.

What the crash must show is said in words first; its pin keeps the rest.
"""

from datetime import date
from decimal import Decimal

import pytest

from tests.end_to_end.crash_market import CALM, CRASH, crash_market
from tests.end_to_end.pins import assert_pinned, figures
from tests.made_market import replayed
from tests.properties.invariants import Book, violations


@pytest.fixture(scope="module")
def market():
    return crash_market()


@pytest.fixture(scope="module")
def events(market):
    return replayed(market)


def of(events, kind, **fields):
    """Payloads of one type whose fields are these."""
    return [
        e.payload
        for e in events
        if e.type == kind and all(e.payload.get(name) == value for name, value in fields.items())
    ]


def test_the_market_falls_by_a_third_in_ten_sessions_with_the_index_at_70(market):
    before, end = market.sessions[CALM - 1], market.sessions[CALM + CRASH - 1]
    for symbol in market.traded:
        fall = market.paths[symbol][end].close / market.paths[symbol][before].close - 1
        assert -0.37 < fall < -0.33
    assert 70 <= max(market.vix.values()) < 71


def test_every_invariant_holds_through_the_crash(market, events):
    assert violations(events, market) == []


def test_every_level_is_reached_and_told_of(events):
    assert {p["level_to"] for p in of(events, "protection.level_changed")} >= {1, 2, 3}
    assert {p["priority"] for p in of(events, "alert.raised")} >= {"MEDIUM", "HIGH", "CRITICAL"}


def test_what_is_at_level_2_is_rolled_and_what_is_at_level_3_closed_or_it_is_said_why_not(events):
    assert {p["state"] for p in of(events, "roll.ended")} == {"ROLLED"}
    assert of(events, "roll.decided", outcome="debit_in_safe")
    closes = {p["outcome"] for p in of(events, "exit.decided", rule="level_3_close")}
    assert closes == {"order", "nothing_offered", "trading_ended"}


def test_an_account_with_a_put_at_level_3_is_safe_until_the_cool_off_is_over(events):
    begun = of(events, "account.hold_placed", hold="level_3:AAA")
    assert [p["account"] for p in begun] == ["REV-1"]
    kinds = [
        (e.effective_at.date(), e.type)
        for e in events
        if e.payload.get("account") == "REV-1"
        and e.payload.get("hold", e.payload.get("symbol")) in ("level_3:AAA", "AAA")
        if e.type.startswith(("account.hold", "protection.cool_off"))
    ]
    assert kinds == [
        (date(2011, 2, 3), "account.hold_placed"),
        (date(2011, 2, 3), "protection.cool_off_begun"),
        (date(2011, 2, 10), "protection.cool_off_ended"),
        (date(2011, 2, 10), "account.hold_lifted"),
    ]


def test_breakers_tighten_with_the_index_and_loosen_after_it(events):
    tiers = [(p["tier_from"], p["tier_to"]) for p in of(events, "breaker.tier_changed")]
    assert tiers == [(0, 1), (1, 2), (2, 1), (1, 0)]
    assert len(of(events, "account.hold_placed", hold="vix_safe")) == 3
    assert len(of(events, "account.hold_lifted", hold="vix_safe")) == 3


def test_a_put_that_nobody_would_sell_back_ends_in_a_deep_drawdown(events):
    deep, *later = of(events, "drawdown.deep_begun")
    assert {one["symbol"] for one in (deep, *later)} == {"BBB"}
    assert Decimal(deep["under"]) > Decimal("0.15")
    assert len(of(events, "drawdown.deep_ended", symbol="BBB")) == 1


def test_every_account_turns_to_calls_only_and_back_when_it_has_recovered(events):
    begun = {p["account"] for p in of(events, "drawdown.pivot_begun")}
    assert begun == {p["account"] for p in of(events, "drawdown.pivot_ended")} == {"GEN-1", "REV-1", "COM-1"}
    assert of(events, "entry.decided", outcome="drawdown_pivot")


def test_every_cool_off_and_every_hold_has_ended(events):
    begun = [(p["account"], p["symbol"]) for p in of(events, "protection.cool_off_begun")]
    assert sorted(begun) == sorted(
        (p["account"], p["symbol"]) for p in of(events, "protection.cool_off_ended")
    )
    book = Book()
    for event in events:
        book.take(event)
    assert not any(book.holds.values())


def test_the_crash_is_pinned(events):
    assert_pinned("crash", events)


def test_the_two_year_sample_is_pinned(sample_run):
    assert_pinned("sample", sample_run.events)


def test_a_pin_sees_another_limit_price(events):
    order = next(e for e in events if e.type == "order.created")
    other = [e for e in events if e is not order]
    place = events.index(order)
    changed = type(order)(
        order.type, order.effective_at, order.actor, order.key, {**order.payload, "limit_price": "9.99"}
    )
    assert figures([*other[:place], changed, *other[place:]]) != figures(events)
