"""What a person is asked besides orders: asked once, answered or not, done once or never."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alluse_assets.accounts.states import place_hold
from alluse_assets.base.events import Event
from alluse_assets.execution.approval_alerts import with_alert
from alluse_assets.execution.approvals import answer
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import apply, fold
from alluse_assets.ledger.lots import Lot
from alluse_assets.ledger.unit_value import UnitValue
from alluse_assets.protection.state import CoolOff, Pivot
from alluse_assets.strategies.questions import lift_events, resume_events
from tests.strategies.mini_market import CALENDAR, MiniMarket, config, contract, days

MON, TUE, WED, THU, FRI = days(5)
P100 = contract(100)
QUOTES, PASSED = {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]}
CHAIN = "2011-01-03/REV-1/open_put/AAPL110107P00110000"


def types(events):
    return [event.type.value for event in events]


def of(events, event_type):
    return [event.payload for event in events if event.type == event_type]


def in_a_drawdown(resumes_from=MON, policy=None, **changes):
    """A market whose Rev-Acc is 20 % under its mark, without shares, and may resume puts."""
    market = MiniMarket(config(**changes), policy=policy)
    account = market.account("REV-1")
    value = UnitValue(account.cash, account.capital, Decimal("0.8"), Decimal(1))
    state = market.state.with_account(replace(account, value=value))
    pivots = {"REV-1": Pivot("REV-1", resumes_from)}
    market.state = replace(state, protection=replace(state.protection, pivots=pivots))
    return market


def cooled_off(until=MON, policy=None, **changes):
    """A market in which Rev-Acc keeps level 3 of AAPL, and a person lifts it."""
    market = MiniMarket(config(**{"protection__reanchor_by": "person", **changes}), policy=policy)
    cooling = CoolOff("REV-1", "AAPL", CHAIN, "P", 3, until)
    protection = replace(market.state.protection, cool_offs={cooling.chain: cooling})
    market.state = replace(market.state, protection=protection)
    return market


def says(yes, by="Ann", minutes=5, day=MON):
    """What a person does with the one request that is open, so many minutes into the session."""

    def do(recorder):
        approvals = recorder.state.approvals
        (asked,) = [a for a in approvals.values() if a.answer is None]
        at = CALENDAR.open_time(day) + timedelta(minutes=minutes)
        rules = config().approvals
        event = answer(approvals, asked.approval, asked.hash, by, yes, at, "live", rules)
        for one in with_alert(asked, event):
            recorder.record(one)

    return do


# Puts resume


def test_where_the_pivot_leaves_nothing_to_write_calls_on_a_person_is_asked_once_a_session():
    market = in_a_drawdown()
    events = market.step(MON, 101, QUOTES, PASSED, looks=3)
    (asked,), (alert,) = of(events, "approval.requested"), of(events, "alert.raised")
    assert (asked["approval"], asked["kind"]) == (f"resume_puts/REV-1/{MON}", "resume_puts")
    assert asked["expires_at"] == "2011-01-10T21:00:00Z"
    assert asked["subject"] == {"account": "REV-1", "resumes_from": "2011-01-10", "size_share": "0.5"}
    assert (alert["question"], alert["priority"], alert["account"]) == (True, "HIGH", "REV-1")
    assert "sell puts again, at 0.5 of their size, though REV-1 is in a drawdown?" in alert["text"]
    assert market.outcome("REV-1", "P") == "drawdown_pivot"
    assert types(events)[-3:] == ["approval.expired", "alert.resolved", "session.closed"]
    assert market.state.approvals == {}
    again = of(market.step(TUE, 101), "approval.requested")
    assert [one["approval"] for one in again] == [f"resume_puts/REV-1/{TUE}"]


def test_after_a_yes_the_next_look_sells_puts_at_half_size():
    market = in_a_drawdown()
    events = market.step(MON, 101, QUOTES, PASSED, looks=2, after_open=says(True))
    wanted = ["approval.requested", "approval.answered", "approval.used", "drawdown.puts_resumed"]
    assert [one for one in types(events) if one in wanted] == wanted
    (resumed,) = of(events, "drawdown.puts_resumed")
    assert (resumed["account"], resumed["by"]) == ("REV-1", "Ann")
    assert market.account("REV-1").shorts[P100].contracts == 4  # eight without the drawdown
    assert market.state.protection.pivots["REV-1"].resumed
    assert of(market.step(TUE, 101), "approval.requested") == []


def test_after_a_no_it_stays_as_it_is_for_the_session():
    market = in_a_drawdown()
    events = market.step(MON, 101, QUOTES, PASSED, looks=3, after_open=says(False))
    assert types(events).count("approval.requested") == 1
    assert "approval.used" not in types(events)
    assert market.outcome("REV-1", "P") == "drawdown_pivot"
    assert market.state.approvals == {}
    assert len(of(market.step(TUE, 101), "approval.requested")) == 1


def test_a_yes_behind_the_last_look_is_not_kept_for_another_day():
    market = in_a_drawdown()
    events = market.step(MON, 101, after_looks=says(True, minutes=389))
    assert types(events)[-4:] == [
        "approval.answered", "alert.resolved", "approval.expired", "session.closed"
    ]  # fmt: skip
    assert not market.state.protection.pivots["REV-1"].resumed


@pytest.mark.parametrize("policy", [None, "no"])
def test_a_look_behind_the_close_does_not_ask_again(policy):
    """Quotes of index options are from a quarter past four; the request has expired by then."""
    market = in_a_drawdown(policy=policy)
    behind = CALENDAR.close_time(MON) + timedelta(minutes=15)
    events = market.step(MON, 101, at=behind, looks=2)
    assert types(events).count("approval.requested") == 1
    assert market.state.approvals == {}


def test_where_no_approval_is_needed_the_rule_resumes_them():
    market = in_a_drawdown(drawdown__resume_needs_approval=False)
    events = market.step(MON, 101, QUOTES, PASSED)
    assert of(events, "drawdown.puts_resumed")[0]["by"] == "rule"
    assert not [one for one in types(events) if one.startswith("approval.")]
    assert market.account("REV-1").shorts[P100].contracts == 4


def with_shares(market):
    account = market.account("REV-1")
    return market.state.with_account(replace(account, shares={"AAPL": (Lot(100, Decimal(100), MON),)}))


def paused(market):
    at = CALENDAR.open_time(MON)
    held = place_hold(market.state.protection, "REV-1", "paused", "x", at, "person:Ann")
    return apply(market.state, held)


def resume(state, policy=None, settings=None, minutes=0):
    opens, closes = CALENDAR.open_time(MON), CALENDAR.close_time(MON)
    at = opens + timedelta(minutes=minutes)
    return resume_events(state, MON, at, closes, policy, settings or config())


@pytest.mark.parametrize(
    "state",
    [
        MiniMarket().state,
        in_a_drawdown(resumes_from=TUE).state,
        with_shares(in_a_drawdown()),
        paused(in_a_drawdown()),
    ],
    ids=["no pivot", "cool-off not over", "shares to write on", "paused"],
)
def test_nobody_is_asked_where_puts_cannot_resume(state):
    assert resume(state) == []


@pytest.mark.parametrize("policy", ["yes", "no"])
def test_a_replay_answers_at_once_and_tells_nobody(policy):
    market = in_a_drawdown(policy=policy)
    events = market.step(MON, 101, QUOTES, PASSED, looks=2)
    (answered,) = of(events, "approval.answered")
    assert (answered["by"], answered["answer"]) == ("policy:replay", policy)
    assert "alert.raised" not in types(events)
    assert [one["by"] for one in of(events, "drawdown.puts_resumed")] == ["policy:replay"] * (policy == "yes")
    assert (P100 in market.account("REV-1").shorts) is (policy == "yes")


def test_a_yes_to_another_size_is_not_used():
    asked = fold(resume(in_a_drawdown().state), in_a_drawdown().state)
    (one,) = asked.approvals.values()
    yes = answer(
        asked.approvals, one.approval, one.hash, "Ann", True, one.requested_at, "live", config().approvals
    )
    state = fold(with_alert(one, yes), asked)
    assert resume(state, settings=config(drawdown__resume_put_size_share=0.9), minutes=1) == []
    assert types(resume(state, minutes=1)) == ["approval.used", "drawdown.puts_resumed"]


def test_killed_between_answer_and_use_it_is_done_once_by_the_next_process():
    """The use and what it is for are one append: a process that dies before it leaves the yes unused."""
    market = in_a_drawdown()
    before = market.state
    events = market.step(MON, 101, after_open=says(True))
    at = types(events).index("approval.answered") + 2  # with the end of its alert
    restarted = fold(events[:at], before)
    did = resume(restarted, minutes=10)
    assert types(did) == ["approval.used", "drawdown.puts_resumed"]
    assert [e.key for e in did] == [e.key for e in events if e.type in {one.type for one in did}]
    assert resume(fold(did, restarted), minutes=20) == []


# A level is lifted


def test_where_a_person_lifts_the_level_it_stays_after_the_cool_off_until_somebody_does():
    market = cooled_off()
    events = market.step(MON, 101, QUOTES, PASSED, looks=2)
    (asked,) = of(events, "approval.requested")
    assert asked["approval"] == f"lift_level/REV-1/AAPL/{MON}"
    assert asked["expires_at"] == "2011-01-11T21:00:00Z"  # the next session's close
    assert (asked["subject"]["chains"], asked["subject"]["level_from"]) == ([CHAIN], 3)
    (alert,) = [one for one in of(events, "alert.raised") if one["question"]]
    assert "lift AAPL in REV-1 from level 3" in alert["text"]
    assert market.state.protection.level_of("REV-1", "AAPL") == 3
    assert market.outcome("REV-1", "P") == "account_safe"
    tuesday = market.step(TUE, 101)
    assert of(tuesday, "approval.requested") == []
    assert types(tuesday)[-3:] == ["approval.expired", "alert.resolved", "session.closed"]
    assert [one["approval"] for one in of(market.step(WED, 101), "approval.requested")] == [
        f"lift_level/REV-1/AAPL/{WED}"
    ]


def test_after_a_yes_the_symbol_is_anchored_anew_and_the_account_is_free_in_the_same_look():
    market = cooled_off()
    events = market.step(MON, 101, QUOTES, PASSED, looks=2, after_open=says(True))
    (ended,) = of(events, "protection.cool_off_ended")
    assert (ended["by"], ended["price"], ended["atr"], ended["level_to"]) == ("Ann", "101", "5", 0)
    assert market.state.protection.cool_offs == {}
    assert "account.hold_lifted" in types(events)
    assert market.account("REV-1").shorts[P100].contracts == 8


def test_a_yes_after_the_close_counts_in_the_next_session():
    market = cooled_off()
    market.step(MON, 101, after_looks=says(True, minutes=600))
    assert market.state.protection.level_of("REV-1", "AAPL") == 3
    events = market.step(TUE, 101)
    assert types(events)[:3] == ["session.opened", "approval.used", "protection.cool_off_ended"]


def test_a_no_stands_until_the_request_s_time_is_over():
    market = cooled_off()
    asked = []
    for day in (MON, TUE, WED):
        answers = says(False) if day == MON else None
        asked += of(market.step(day, 101, after_open=answers), "approval.requested")
    assert [one["approval"].rpartition("/")[2] for one in asked] == [f"{MON}", f"{WED}"]
    assert market.state.protection.level_of("REV-1", "AAPL") == 3


def lift(state, policy=None, session=MON, **changes):
    opens, ends = CALENDAR.open_time(session), CALENDAR.close_time(TUE)
    settings = config(**{"protection__reanchor_by": "person", **changes})
    return lift_events(state, {}, {}, session, opens, ends, policy, settings)


def test_nobody_is_asked_before_the_cool_off_is_over_or_where_the_rule_lifts():
    assert lift(cooled_off(until=TUE).state) == []
    assert lift(cooled_off().state, protection__reanchor_by="rule") == []
    market = cooled_off(protection__reanchor_by="rule")
    events = market.step(MON, 101)
    assert of(events, "protection.cool_off_ended")[0]["by"] == "rule"
    assert "approval.requested" not in types(events)


@pytest.mark.parametrize("policy", ["yes", "no"])
def test_a_replay_lifts_the_level_by_its_policy(policy):
    events = cooled_off(policy=policy).step(MON, 101, looks=2)
    assert [one["by"] for one in of(events, "protection.cool_off_ended")] == ["policy:replay"] * (
        policy == "yes"
    )
    assert types(events).count("approval.requested") == 1


def test_a_yes_to_an_earlier_cool_off_does_not_lift_a_later_one():
    state = cooled_off().state
    state = fold(lift(state), state)
    (one,) = state.approvals.values()
    at = one.requested_at
    yes = answer(state.approvals, one.approval, one.hash, "Ann", True, at, "live", config().approvals)
    later = Event(
        EventType.COOL_OFF_BEGUN,
        at,
        "rule:protection",
        "cool_off/other",
        {"account": "REV-1", "symbol": "AAPL", "chain": "other", "right": "P", "level": 3, "until": f"{MON}"},
    )
    assert types(lift(fold(with_alert(one, yes), state))) == ["approval.used", "protection.cool_off_ended"]
    assert lift(fold([yes, later], state)) == []


@pytest.mark.parametrize("make", [in_a_drawdown, cooled_off])
@pytest.mark.parametrize("policy", [None, "yes", "no"])
def test_the_same_sessions_give_the_same_events_and_no_key_twice(make, policy):
    runs = []
    for _ in range(2):
        market = make(policy=policy)
        for day in (MON, TUE, WED, THU):
            market.step(day, 101, QUOTES, PASSED if day == MON else None, looks=2)
        runs.append([(e.key, e.effective_at, e.payload) for e in market.events])
    assert runs[0] == runs[1]
    keys = [key for key, *_ in runs[0]]
    assert len(set(keys)) == len(keys)
