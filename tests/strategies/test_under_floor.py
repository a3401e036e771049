"""A yield under the floor: no trade, unless a person says so (protocol, sections 2 and 7)."""

from datetime import time

import pytest

from alluse_assets.base.calendar import new_york_instant
from tests.strategies.mini_market import MiniMarket, config, contract, days

MON, TUE, WED, THU, FRI = days(5)
P100, P99, C102, C98 = contract(100), contract(99), contract(102, "C"), contract(98, "C")
LOW = {P100: ("0.90", "0.95"), P99: ("0.80", "0.85")}
REV_PUT = {("rev", "P"): [P100, P99]}


def step(market, day=MON, close=101, **fields):
    return market.step(day, close, **{"quotes": LOW, "floor_only": REV_PUT, **fields})


def types(events):
    return [event.type.value for event in events]


def only(events, event_type):
    (found,) = [event.payload for event in events if event.type == event_type]
    return found


def test_the_best_that_the_floor_alone_refused_is_asked_about_and_unanswered_means_no():
    market = MiniMarket()
    events = step(market)
    decision, asked = only(events, "entry.decided"), only(events, "approval.requested")
    assert (decision["outcome"], decision["chosen"], decision["contracts"]) == ("asked_under_floor", P100, 8)
    assert asked["reasons"] == ["under_floor"]
    (order,) = asked["subject"]["orders"]
    assert (order["instrument"], order["quantity"], order["limit_price"]) == (P100, 8, "0.90")
    created = only(events, "order.created")["evidence"]
    assert (created["premium_yield_ppm"], created["floor_ppm"]) == (10_000, 10_000)
    assert only(events, "alert.raised")["question"] is True
    assert types(events)[-4:] == ["order.expired", "approval.expired", "alert.resolved", "session.closed"]
    assert market.account("REV-1").shorts == {}
    assert market.state.entries_of_week == ()


@pytest.mark.parametrize(
    ("hour", "ends"), [(10, "2011-01-10T16:00:00Z"), (12, "2011-01-10T21:00:00Z")], ids=["inside", "behind"]
)
def test_an_entry_asks_to_the_end_of_the_entry_window_in_new_york(hour, ends):
    events = step(MiniMarket(), at=new_york_instant(MON, time(hour, 30)))
    assert only(events, "approval.requested")["expires_at"] == ends


@pytest.mark.parametrize(("policy", "contracts"), [("yes", 8), ("no", None)])
def test_a_replay_answers_and_only_a_yes_uses_up_the_week(policy, contracts):
    market = MiniMarket(policy=policy)
    step(market)
    held = market.account("REV-1").shorts
    assert {name: short.contracts for name, short in held.items()} == ({P100: contracts} if contracts else {})
    step(market, TUE)
    again = "entered_this_week" if contracts else "asked_under_floor"
    assert market.outcome("REV-1", "P") == again


def test_a_session_asks_once_for_each_account_ticker_and_side():
    events = step(MiniMarket(policy="no"))
    assert types(events).count("approval.requested") == 1
    assert types(events).count("order.created") == 1


def test_what_passed_is_ordered_and_nobody_is_asked():
    quotes = {P100: ("1.50", "1.60"), P99: ("0.80", "0.85")}
    floor = {("rev", "P"): [P99]}
    events = step(MiniMarket(), quotes=quotes, passed={("rev", "P"): [P100]}, floor_only=floor)
    assert only(events, "entry.decided")["outcome"] == "order"
    assert "approval.requested" not in types(events)


def test_with_the_switch_off_nobody_is_asked():
    events = step(MiniMarket(config(approvals__under_floor=False), policy="yes"))
    assert only(events, "entry.decided")["outcome"] == "none_passed"
    assert "order.created" not in types(events)


def test_a_no_leaves_the_account_as_if_nobody_had_been_asked():
    asked, silent = MiniMarket(policy="no"), MiniMarket(config(approvals__under_floor=False))
    for market in (asked, silent):
        step(market)
        step(market, TUE)
    assert asked.state.accounts == silent.state.accounts
    assert asked.state.entries_of_week == silent.state.entries_of_week


def test_a_call_is_asked_about_only_at_or_over_the_basis():
    market = MiniMarket(policy="no")
    market.step(MON, 101, {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]})
    for day in (TUE, WED, THU):
        market.step(day, 101)
    market.step(FRI, 99)  # assigned at 100, less the premium: the basis is under 100
    monday = days(6)[5]
    low, high = contract(95, "C", monday.replace(day=21)), contract(100, "C", monday.replace(day=21))
    quotes = {low: ("0.30", "0.33"), high: ("0.20", "0.22")}
    events = market.step(monday, 99, quotes, floor_only={("rev", "C"): [low, high]})
    assert only(events, "entry.decided")["chosen"] == high
    assert only(events, "approval.requested")["reasons"] == ["under_floor"]
    assert market.account("REV-1").shorts == {}


def test_a_book_that_only_advises_says_what_it_would_have_sold():
    market = MiniMarket(config(approvals__mode="advise"), policy="yes")
    events = market.step(MON, 101, {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]})
    assert only(events, "alert.raised")["script"][0]["quantity"] == 8
    assert "order.submitted" not in types(events)


def test_in_mode_approve_a_replay_that_says_yes_trades_as_in_auto():
    books = [MiniMarket(config(approvals__mode=mode), policy="yes") for mode in ("approve", "auto")]
    for market in books:
        market.step(MON, 101, {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]})
        market.step(TUE, 101, {P100: ("0.10", "0.12")})
    assert books[0].state.accounts == books[1].state.accounts
    assert books[0].account("REV-1").shorts == {}  # the profit was taken


def outcomes(events):
    return [event.payload["outcome"] for event in events if event.type == "entry.decided"]


def test_while_an_entry_waits_for_a_person_the_ticker_is_not_entered_otherwise():
    market = MiniMarket(config(approvals__mode="approve"))
    quotes = {P100: ("1.50", "1.60")}
    events = market.step(MON, 101, quotes, {("rev", "P"): [P100]}, looks=3)
    assert outcomes(events) == ["order", "order_waits"]
    assert types(events).count("approval.requested") == 1


@pytest.mark.parametrize(("policy", "then"), [(None, "order_waits"), ("no", "none_passed")])
def test_a_later_look_of_the_session_does_not_ask_again(policy, then):
    events = step(MiniMarket(policy=policy), looks=3)
    assert outcomes(events) == ["asked_under_floor", then]
    assert types(events).count("approval.requested") == 1
