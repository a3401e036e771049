"""What is sent when, to which channel, and that nothing is sent twice without a reason."""

from datetime import datetime

import pytest

from alluse_assets.alerts.delivery import Delivery, StandingState, decide_deliveries, retry_at, standings
from alluse_assets.base.calendar import NEW_YORK
from tests.alerts.samples import NOON, alert, answered, minutes, raised, rules

PHONE_AND_DESK = {
    "phone": {"secret": "env:PHONE", "lowest_priority": "CRITICAL", "escalation": True},
    "desk": {"secret": "env:DESK", "lowest_priority": "MEDIUM"},
    "boss": {"secret": "env:BOSS", "lowest_priority": None, "escalation": True},
}


def decided(alerts, deliveries, given, now, lowest="LOW"):
    """(channel, kind, alerts) of each message."""
    sends = decide_deliveries(alerts.values(), deliveries, given, lowest, now)
    return [
        (s.channel, "/".join(sorted({i.kind for i in s.items})), tuple(i.alert for i in s.items))
        for s in sends
    ]


def tried(name, at, outcome="sent", channel="phone", number=0, attempt=1, kind="first"):
    return Delivery(name, channel, number, attempt, kind, at, outcome, "" if outcome == "sent" else "down")


def the(alerts, deliveries, given, now, name="a1", channel="phone", lowest="LOW"):
    (found,) = [
        one
        for one in standings(alerts.values(), deliveries, given, lowest, now)
        if (one.alert, one.channel) == (name, channel)
    ]
    return found


def test_each_channel_gets_what_is_urgent_enough_for_it():
    alerts = raised(*((alert(p, p), NOON) for p in ("LOW", "MEDIUM", "HIGH", "CRITICAL")))
    given = rules(channels=PHONE_AND_DESK)
    assert decided(alerts, [], given, NOON) == [
        ("desk", "first", ("CRITICAL",)),
        ("desk", "first", ("HIGH",)),
        ("desk", "first", ("MEDIUM",)),
        ("phone", "first", ("CRITICAL",)),
    ]
    assert decided(alerts, [], given, NOON, "HIGH") == [
        ("desk", "first", ("CRITICAL",)),
        ("desk", "first", ("HIGH",)),
        ("phone", "first", ("CRITICAL",)),
    ]


def test_nothing_is_sent_without_channels_or_when_switched_off():
    alerts = raised((alert(priority="CRITICAL"), NOON))
    assert decided(alerts, [], rules(channels={}), NOON) == []
    assert decided(alerts, [], rules(enabled=False), NOON) == []


def test_what_was_sent_is_not_sent_again():
    alerts = raised((alert(), NOON))
    assert decided(alerts, [tried("a1", NOON)], rules(), NOON + minutes(600)) == []
    found = the(alerts, [tried("a1", NOON)], rules(), NOON + minutes(600))
    assert (found.state, found.at, found.next) == (StandingState.SENT, NOON, None)


def test_a_failed_delivery_is_repeated_after_waits_that_double_and_then_given_up():
    alerts, given = raised((alert(), NOON)), rules(retries_at_most=3, retry_wait_at_most_minutes=3)
    rows, now = [], NOON
    for attempt, wait in ((1, 1), (2, 2), (3, 3)):
        rows.append(tried("a1", now, "failed", attempt=attempt))
        assert decided(alerts, rows, given, now + minutes(wait - 0.01)) == []
        waiting = the(alerts, rows, given, now)
        assert (waiting.state, waiting.next.due, waiting.error) == (
            StandingState.WAITING,
            now + minutes(wait),
            "down",
        )
        now += minutes(wait)
        assert decided(alerts, rows, given, now) == [("phone", "retry", ("a1",))]
    rows.append(tried("a1", now, "failed", attempt=4))
    given_up = the(alerts, rows, given, now + minutes(9999))
    assert (given_up.state, given_up.tries, given_up.error, given_up.next) == (
        StandingState.GIVEN_UP,
        4,
        "down",
        None,
    )


def test_a_delivery_that_was_cut_off_is_tried_again():
    alerts = raised((alert(), NOON))
    rows = [tried("a1", NOON, "sending")]
    assert decided(alerts, rows, rules(), NOON + minutes(1)) == [("phone", "retry", ("a1",))]


def test_the_longest_wait_holds_however_often_it_failed():
    assert retry_at(rules(retries_at_most=50), 50, NOON) == NOON + minutes(60)
    assert retry_at(rules(retries_at_most=0), 1, NOON) is None


def test_the_same_matter_is_sent_once_within_the_window_and_counted_in_the_next():
    times = (0, 5, 29, 30, 40)
    alerts = raised(*((alert(f"a{n}", dedup_key="TSLA"), NOON + minutes(n)) for n in times))
    now = NOON + minutes(41)
    sends = decide_deliveries(alerts.values(), [tried("a0", NOON)], rules(), "LOW", now)
    ((item,),) = [send.items for send in sends]
    assert (item.alert, item.like_it) == ("a30", ("a5", "a29", "a40"))
    for name, leader in (("a5", "a0"), ("a29", "a0"), ("a40", "a30")):
        found = the(alerts, [tried("a0", NOON)], rules(), now, name)
        assert (found.state, found.by) == (StandingState.SUPPRESSED, leader)


def test_other_matters_and_alerts_without_a_key_are_not_suppressed():
    alerts = raised((alert("a", dedup_key="x"), NOON), (alert("b", dedup_key="y"), NOON), (alert("c"), NOON))
    assert len(decided(alerts, [], rules(), NOON)) == 3
    again = raised((alert("a", dedup_key="x"), NOON), (alert("b", dedup_key="x"), NOON))
    assert len(decided(again, [], rules(dedup_minutes=0), NOON)) == 2


def test_a_more_urgent_alert_of_the_same_matter_is_sent():
    alerts = raised(
        (alert("a", "HIGH", dedup_key="x"), NOON), (alert("b", "CRITICAL", dedup_key="x"), NOON + minutes(1))
    )
    assert ("phone", "first", ("b",)) in decided(alerts, [tried("a", NOON)], rules(), NOON + minutes(1))


def test_a_matter_that_comes_back_after_it_was_resolved_is_sent():
    alerts = raised((alert("a", dedup_key="x"), NOON), (alert("b", dedup_key="x"), NOON + minutes(10)))
    alerts = answered(alerts, "a", NOON + minutes(5), resolve=True)
    assert decided(alerts, [tried("a", NOON)], rules(), NOON + minutes(10)) == [("phone", "first", ("b",))]


def test_a_suppressed_critical_alert_is_sent_when_the_one_that_stood_for_it_is_resolved():
    both = [(alert(n, "CRITICAL", dedup_key="x"), NOON + minutes(m)) for n, m in (("a", 0), ("b", 5))]
    rows = [tried("a", NOON)]
    assert decided(raised(*both), rows, rules(), NOON + minutes(5)) == []
    alerts = answered(raised(*both), "a", NOON + minutes(8), resolve=True)
    assert decided(alerts, rows, rules(), NOON + minutes(8)) == [("phone", "first", ("b",))]


@pytest.mark.parametrize("how", ["resolved unsent", "given up"])
def test_an_alert_that_nobody_will_hear_of_stands_for_no_other(how):
    alerts = raised((alert("a", dedup_key="x"), NOON), (alert("b", dedup_key="x"), NOON + minutes(1)))
    given, rows = rules(retries_at_most=0), []
    if how == "given up":
        rows = [tried("a", NOON, "failed")]
    else:
        alerts = answered(alerts, "a", NOON + minutes(2), resolve=True)
    assert decided(alerts, rows, given, NOON + minutes(2)) == [("phone", "first", ("b",))]


def test_an_alert_that_is_over_before_it_was_sent_is_not_needed():
    alerts = answered(raised((alert(), NOON)), "a1", NOON, resolve=True)
    assert the(alerts, [], rules(), NOON).state is StandingState.NOT_NEEDED
    assert decided(alerts, [tried("a1", NOON, "failed")], rules(), NOON + minutes(99)) == []


def at_night(hour, minute=0, day=3):
    return datetime(2026, 6, day, hour, minute, tzinfo=NEW_YORK)


def test_in_quiet_hours_only_critical_alerts_pass_and_the_others_come_as_one_digest():
    given = rules(quiet=True)
    alerts = raised(
        (alert("late", "HIGH"), at_night(23, day=2)),
        (alert("later", "LOW"), at_night(2)),
        (alert("grave", "CRITICAL"), at_night(3)),
    )
    assert decided(alerts, [], given, at_night(3)) == [("phone", "first", ("grave",))]
    rows = [tried("grave", at_night(3))]
    assert decided(alerts, rows, given, at_night(6, 59)) == []
    waiting = the(alerts, rows, given, at_night(3), "late")
    assert (waiting.state, waiting.next.due) == (StandingState.WAITING, at_night(7))
    assert decided(alerts, rows, given, at_night(7)) == [("phone", "digest", ("late", "later"))]


def test_what_comes_after_quiet_hours_is_not_part_of_the_digest():
    alerts = raised((alert("a"), at_night(2)), (alert("b"), at_night(3)), (alert("c"), at_night(7, 1)))
    assert decided(alerts, [], rules(quiet=True), at_night(7, 2)) == [
        ("phone", "first", ("c",)),
        ("phone", "digest", ("a", "b")),
    ]


def test_a_failed_digest_is_repeated_as_one_and_waits_for_the_end_of_the_next_quiet_hours():
    given = rules(quiet=True, retries_at_most=30)
    alerts = raised((alert("a"), at_night(2)), (alert("b"), at_night(3)))
    rows = [tried(n, at_night(7), "failed", kind="digest") for n in ("a", "b")]
    assert decided(alerts, rows, given, at_night(7, 1)) == [("phone", "retry", ("a", "b"))]
    rows += [tried(n, at_night(20, 59), "failed", attempt=2, kind="retry") for n in ("a", "b")]
    assert decided(alerts, rows, given, at_night(23)) == []
    assert the(alerts, rows, given, at_night(23), "a").next.due == at_night(7, day=4)
    assert decided(alerts, rows, given, at_night(7, day=4)) == [("phone", "retry", ("a", "b"))]


def test_a_flood_is_one_digest():
    alerts = raised(*((alert(f"a{n}", "CRITICAL" if n < 3 else "LOW"), NOON) for n in range(9)))
    assert decided(alerts, [], rules(), NOON)[-1] == ("phone", "digest", tuple(f"a{n}" for n in range(3, 9)))
    assert len(decided(alerts, [], rules(), NOON)) == 4
    flood = raised(*((alert(f"a{n}", "CRITICAL"), NOON) for n in range(9)))
    assert [kind for _, kind, _ in decided(flood, [], rules(), NOON)] == ["digest"]


def test_an_unanswered_critical_alert_is_escalated_at_intervals_up_to_the_limit():
    given = rules(channels=PHONE_AND_DESK, escalate_after_minutes=15, escalate_at_most=2)
    alerts = raised((alert(priority="CRITICAL"), NOON))
    rows = [tried("a1", NOON, channel=channel) for channel in ("phone", "desk")]
    assert decided(alerts, rows, given, NOON + minutes(14)) == []
    for number in (1, 2):
        now = NOON + minutes(15 * number)
        assert decided(alerts, rows, given, now) == [
            ("boss", "escalation", ("a1",)),
            ("phone", "escalation", ("a1",)),
        ]
        rows += [tried("a1", now, channel=c, number=number, kind="escalation") for c in ("boss", "phone")]
    assert decided(alerts, rows, given, NOON + minutes(9999)) == []


@pytest.mark.parametrize("resolve", [False, True])
def test_an_answer_ends_the_escalation(resolve):
    given = rules(channels=PHONE_AND_DESK)
    rows = [tried("a1", NOON, channel=channel) for channel in ("phone", "desk")]
    alerts = answered(raised((alert(priority="CRITICAL"), NOON)), "a1", NOON + minutes(1), resolve)
    assert decided(alerts, rows, given, NOON + minutes(99)) == []
    failed = [*rows, tried("a1", NOON + minutes(15), "failed", "boss", 1, kind="escalation")]
    assert decided(alerts, failed, given, NOON + minutes(99)) == []


def test_a_notifier_that_comes_back_late_tells_first_and_escalates_later():
    given = rules(channels=PHONE_AND_DESK)
    alerts = raised((alert(priority="CRITICAL"), NOON))
    now = NOON + minutes(300)
    assert ("phone", "first", ("a1",)) in decided(alerts, [], given, now)
    rows = [tried("a1", now, channel=c, number=n) for c, n in (("phone", 0), ("desk", 0), ("boss", 1))]
    assert decided(alerts, rows, given, now + minutes(14)) == []
    assert decided(alerts, rows, given, now + minutes(15)) == [
        ("boss", "escalation", ("a1",)),
        ("phone", "escalation", ("a1",)),
    ]


def test_a_channel_that_stays_down_is_escalated_to_again_after_it_was_given_up():
    given = rules(channels={"phone": PHONE_AND_DESK["phone"]}, retries_at_most=0)
    alerts = raised((alert(priority="CRITICAL"), NOON))
    rows = [tried("a1", NOON, "failed")]
    found = the(alerts, rows, given, NOON)
    assert (found.state, found.next.kind, found.next.due) == (
        StandingState.GIVEN_UP,
        "escalation",
        NOON + minutes(15),
    )
