"""A notifier simulated over days with channels that fail at random: what must hold whatever happens."""

from collections import Counter
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.alerts.alert import PRIORITIES, alert_event, rank
from alluse_assets.alerts.delivery import Delivery, StandingState, decide_deliveries, standings
from alluse_assets.alerts.quiet_hours import quiet_until
from alluse_assets.alerts.states import AlertState, alerts_of, decide_acknowledge, decide_resolve
from tests.alerts.samples import NOON, alert, minutes, rules

CHANNELS = {
    "desk": {"secret": "env:D", "lowest_priority": "MEDIUM"},
    "mail": {"secret": "env:M"},
    "phone": {"secret": "env:P", "lowest_priority": "CRITICAL", "escalation": True},
    "boss": {"secret": "env:B", "lowest_priority": None, "escalation": True},
}


@st.composite
def days(draw):
    """A history: alerts with answers, rules, ticks of the notifier, and which deliveries fail."""
    alerts = []
    for number in range(draw(st.integers(1, 12))):
        alerts.append(
            (
                alert(
                    f"a{number}",
                    draw(st.sampled_from(PRIORITIES)),
                    dedup_key=draw(st.sampled_from(["", "x", "y"])),
                ),
                NOON + minutes(draw(st.integers(0, 2000))),
                draw(st.sampled_from([None, None, "acknowledge", "resolve"])),
                minutes(draw(st.integers(0, 300))),
            )
        )
    given = rules(
        quiet=draw(st.booleans()),
        channels=CHANNELS,
        dedup_minutes=draw(st.sampled_from([0, 30, 600])),
        retries_at_most=draw(st.integers(0, 4)),
        digest_over=draw(st.integers(1, 4)),
        escalate_at_most=draw(st.integers(0, 3)),
    )
    ticks = sorted(draw(st.sets(st.integers(0, 6000), min_size=1, max_size=60)))
    fails = draw(st.lists(st.sampled_from(["sent", "failed", "sending"]), min_size=5, max_size=40))
    lowest = draw(st.sampled_from(PRIORITIES))
    return alerts, given, [NOON + minutes(tick) for tick in ticks], fails, lowest


def known_at(history, now):
    """The alerts as the journal has them at ``now``."""
    events = [alert_event(one, at, "rule:test") for one, at, _, _ in history if at <= now]
    for one, at, answer, after in history:
        if answer and at + after <= now:
            decide = decide_acknowledge if answer == "acknowledge" else decide_resolve
            events.append(decide(alerts_of(events), one.id, "ann", at + after, "done"))
    return alerts_of(events)


def run(history, given, ticks, fails, lowest):
    rows, messages = [], []
    for now in ticks:
        alerts = known_at(history, now)
        sends = decide_deliveries(alerts.values(), rows, given, lowest, now)
        assert sends == decide_deliveries(reversed([*alerts.values()]), [*reversed(rows)], given, lowest, now)
        for send in sends:
            outcome = fails[len(messages) % len(fails)]
            messages.append((send, now, outcome, alerts))
            rows += [
                Delivery(i.alert, send.channel, i.round, i.attempt, i.kind, now, outcome, "")
                for i in send.items
            ]
    return rows, messages


@settings(max_examples=150, deadline=None)
@given(days())
def test_nothing_is_sent_twice_without_a_reason_and_nothing_is_lost(day):
    history, given_rules, ticks, _, lowest = day
    rows, messages = run(*day)
    # A try happens once, after its last one failed, and a round that was sent is over.
    assert max(Counter((r.channel, r.alert, r.round, r.attempt) for r in rows).values(), default=1) == 1
    by_round = {}
    for row in rows:
        by_round.setdefault((row.channel, row.alert, row.round), []).append(row)
    for (channel, _, number), own in by_round.items():
        assert [row.attempt for row in own] == [*range(1, len(own) + 1)]
        assert all(row.outcome != "sent" for row in own[:-1])
        assert len(own) <= 1 + given_rules.retries_at_most
        assert number <= (given_rules.escalate_at_most if CHANNELS[channel].get("escalation") else 0)
        for row in own:
            assert (row.kind == "retry") == (row.attempt > 1)
            assert (row.kind == "escalation") == (row.attempt == 1 and row.round > 0)
    for send, now, _, alerts in messages:
        for item in send.items:
            one = alerts[item.alert]
            assert one.state is not AlertState.RESOLVED
            assert not item.round or (one.state is AlertState.NEW and one.alert.priority == "CRITICAL")
            assert one.alert.priority == "CRITICAL" or quiet_until(given_rules, now) is None
    # Every alert stands somewhere on every channel that it concerns.
    now = ticks[-1]
    alerts = known_at(history, now)
    found = {(s.channel, s.alert): s for s in standings(alerts.values(), rows, given_rules, lowest, now)}
    for name, channel in CHANNELS.items():
        floor = channel.get("lowest_priority", "LOW")
        for one in alerts.values():
            tells = floor and rank(one.alert.priority) >= max(rank(floor), rank(lowest))
            if not tells:
                continue
            standing = found[name, one.alert.id]
            own = [row for row in rows if (row.channel, row.alert) == (name, one.alert.id)]
            if standing.state is StandingState.SENT:
                assert any(row.outcome == "sent" for row in own)
            elif standing.state is StandingState.SUPPRESSED:
                assert not own
                leader = found[name, standing.by]
                assert leader.state in (StandingState.SENT, StandingState.WAITING)
            elif standing.state is StandingState.GIVEN_UP:
                assert len([row for row in own if row.round == 0]) == 1 + given_rules.retries_at_most
            elif standing.state is StandingState.WAITING:
                assert standing.next
            else:
                assert one.state is AlertState.RESOLVED


@settings(max_examples=60, deadline=None)
@given(days())
def test_with_time_and_working_channels_every_open_alert_is_told_or_stood_for(day):
    history, given_rules, ticks, _, lowest = day
    later = [ticks[-1] + timedelta(hours=n) for n in range(200)]
    rows, _ = run(history, given_rules, [*ticks, *later], ["sent"], lowest)
    alerts = known_at(history, later[-1])
    for standing in standings(alerts.values(), rows, given_rules, lowest, later[-1]):
        assert standing.next is None
        if standing.state is StandingState.NOT_NEEDED:
            told_first = CHANNELS[standing.channel].get("lowest_priority", "LOW")
            one = alerts[standing.alert]
            assert one.state is not AlertState.NEW or (
                told_first is None or rank(one.alert.priority) < rank(lowest)
            )
