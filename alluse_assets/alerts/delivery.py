"""What is to be sent now, and where every alert stands on every channel. Pure: no clock, no network.

For each alert and channel there are rounds: round 0 tells it for the first time, each later one is an
escalation. A round is tried until it is sent or given up. So each alert that concerns a channel is at any
moment exactly one of: sent, waiting (and until when), suppressed by another one, given up, not needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from alluse_assets.alerts.alert import CRITICAL, rank
from alluse_assets.alerts.quiet_hours import quiet_until
from alluse_assets.alerts.same_matter import SameMatter, same_matters
from alluse_assets.alerts.states import AlertState, CurrentAlert
from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.config.model_people import NotifyChannel, NotifyRules

Kind = Literal["first", "digest", "retry", "escalation"]
Outcome = Literal["sending", "sent", "failed"]
"""``sending`` without an end: whoever sent was stopped before it knew, so it is sent once more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to deliver one alert to one channel. ``attempt`` counts from 1 in each round."""

    alert: str
    channel: str
    round: int
    attempt: int
    kind: Kind
    at: datetime
    outcome: Outcome
    error: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """The next try of one alert on one channel. ``like_it``: alerts of the same matter that are not sent."""

    alert: str
    round: int
    attempt: int
    kind: Kind
    due: datetime
    together: bool = False
    """It waited through quiet hours, or failed in a digest: it goes with the others like that."""
    like_it: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """One message to one channel, about one alert or several."""

    channel: str
    items: tuple[Item, ...]


class StandingState(StrEnum):
    """Where an alert stands on a channel."""

    SENT = "sent"
    WAITING = "waiting"
    SUPPRESSED = "suppressed"
    GIVEN_UP = "given up"
    FAILED = "failed"
    """On a channel whose rules are not known here: whether it is tried again nobody can say."""
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one alert stands on one channel.

    Attributes:
        alert: its id.
        channel: the channel's name.
        state: the one thing that holds of it.
        at: when it was sent, given up or tried last; None for the others.
        next: what comes next and when; None when nothing does.
        by: the alert that stands for a suppressed one.
        tries: deliveries that were tried, in all rounds.
        error: why the last try failed, if it did.
    """

    alert: str
    channel: str
    state: StandingState
    at: datetime | None
    next: Item | None
    by: str = ""
    tries: int = 0
    error: str = ""


def decide_deliveries(
    alerts: Iterable[CurrentAlert],
    deliveries: Iterable[Delivery],
    rules: NotifyRules,
    lowest_sent: Priority,
    now: datetime,
) -> list[Send]:
    """Everything that is due at ``now``, by channel: CRITICAL alerts, then escalations, then the others.

    Alerts that waited through quiet hours are one digest, and so are more than ``digest_over`` at once.
    """
    current = {one.alert.id: one for one in alerts}
    due: dict[str, list[Item]] = {}
    for standing in standings(current.values(), deliveries, rules, lowest_sent, now):
        if standing.next and standing.next.due <= now:
            due.setdefault(standing.channel, []).append(standing.next)
    return [
        send
        for channel, items in due.items()
        for group in _groups(items, current)
        for send in _sends(channel, group, rules.digest_over)
    ]


def standings(
    alerts: Iterable[CurrentAlert],
    deliveries: Iterable[Delivery],
    rules: NotifyRules,
    lowest_sent: Priority,
    now: datetime,
) -> list[Standing]:
    """Where each alert stands on each channel that it concerns, by channel, oldest alert first.

    Of those that were raised at one instant the most urgent comes first.
    """
    if not rules.enabled:
        return []
    ordered = sorted(alerts, key=lambda one: (one.raised_at, -rank(one.alert.priority), one.alert.id))
    tried: dict[tuple[str, str], list[Delivery]] = {}
    for one in sorted(deliveries, key=lambda one: (one.round, one.attempt)):
        tried.setdefault((one.channel, one.alert), []).append(one)
    found = []
    for name, channel in sorted(rules.channels.items()):
        own = _OneChannel(name, channel, rules, lowest_sent, now)
        found += own.standings(ordered, {alert: rows for (on, alert), rows in tried.items() if on == name})
    return found


def standings_elsewhere(deliveries: Iterable[Delivery], known: Collection[str]) -> list[Standing]:
    """What became of deliveries on channels that the rules at hand do not name, by channel and alert.

    They were another profile's, so only what was tried is known, not what comes next.

    Args:
        deliveries: every try.
        known: channels that ``standings`` tells of.
    """
    tried: dict[tuple[str, str], list[Delivery]] = {}
    for one in sorted(deliveries, key=lambda one: (one.channel, one.alert, one.round, one.attempt)):
        if one.channel not in known:
            tried.setdefault((one.channel, one.alert), []).append(one)
    found = []
    for (channel, alert), rows in tried.items():
        sent = [row for row in rows if row.outcome == "sent"]
        state = StandingState.SENT if sent else StandingState.FAILED
        error = rows[-1].error if rows[-1].outcome != "sent" else ""
        at = sent[-1].at if sent else rows[-1].at
        found.append(Standing(alert, channel, state, at, None, "", len(rows), error))
    return found


def retry_at(rules: NotifyRules, attempt: int, at: datetime) -> datetime | None:
    """When a try that failed at ``at`` is repeated; None: it was the last one."""
    if attempt > rules.retries_at_most:
        return None
    wait = timedelta(seconds=rules.retry_after_seconds) * (1 << min(attempt - 1, 20))
    return at + min(wait, timedelta(minutes=rules.retry_wait_at_most_minutes))


@dataclass(frozen=True, slots=True)
class _OneChannel:
    name: str
    channel: NotifyChannel
    rules: NotifyRules
    lowest_sent: Priority
    now: datetime

    def standings(
        self, alerts: Sequence[CurrentAlert], tried: Mapping[str, list[Delivery]]
    ) -> list[Standing]:
        concerned = [one for one in alerts if self._tells(one) or self._escalates(one)]
        window = timedelta(minutes=self.rules.dedup_minutes)
        stands_for = {one.alert.id: self._stands_for_others(one, tried) for one in concerned}
        matters = same_matters(concerned, stands_for, set(tried), window)
        return [self._standing(one, tried.get(one.alert.id, []), matters[one.alert.id]) for one in concerned]

    def _tells(self, one: CurrentAlert) -> bool:
        """Whether the channel gets the alert when it is new."""
        lowest = self.channel.lowest_priority
        return lowest is not None and rank(one.alert.priority) >= max(rank(lowest), rank(self.lowest_sent))

    def _escalates(self, one: CurrentAlert) -> bool:
        return self.channel.escalation and one.alert.priority == CRITICAL and self.rules.escalate_at_most > 0

    def _stands_for_others(self, one: CurrentAlert, tried: Mapping[str, list[Delivery]]) -> bool:
        """Not when nobody will ever hear of it: then the next one of the same matter must be sent."""
        rows = tried.get(one.alert.id, [])
        if any(row.outcome == "sent" for row in rows):
            return True
        first = [row for row in rows if row.round == 0]
        given_up = bool(first) and self._ended(first) is not None
        return one.state is not AlertState.RESOLVED and not given_up

    def _standing(self, one: CurrentAlert, rows: list[Delivery], matter: SameMatter) -> Standing:
        alert = one.alert.id
        sent = [row for row in rows if row.outcome == "sent"]
        error = rows[-1].error if rows and rows[-1].outcome != "sent" else ""
        if matter.leader:
            return Standing(alert, self.name, StandingState.SUPPRESSED, None, None, matter.leader)
        coming = self._next(one, rows)
        if coming:
            coming = replace(coming, like_it=matter.like_it)
        if sent:
            state, at = StandingState.SENT, sent[-1].at
        elif rows and self._ended([row for row in rows if row.round == rows[-1].round]):
            state, at = StandingState.GIVEN_UP, rows[-1].at
        else:
            state, at = (StandingState.WAITING if coming else StandingState.NOT_NEEDED), None
        return Standing(alert, self.name, state, at, coming, "", len(rows), error)

    def _ended(self, rows: Sequence[Delivery]) -> datetime | None:
        """When a round was sent or given up; None while it goes on. ``rows``: at least one, in order."""
        last = rows[-1]
        is_over = last.outcome == "sent" or retry_at(self.rules, last.attempt, last.at) is None
        return last.at if is_over else None

    def _next(self, one: CurrentAlert, rows: list[Delivery]) -> Item | None:
        began = one.raised_at
        if self._tells(one):
            first = [row for row in rows if row.round == 0]
            ended = self._ended(first) if first else None
            if ended is None:
                return None if one.state is AlertState.RESOLVED else self._first(one, first)
            began = ended
        if one.state is not AlertState.NEW or not self._escalates(one):
            return None
        for number in range(1, self.rules.escalate_at_most + 1):
            own = [row for row in rows if row.round == number]
            ended = self._ended(own) if own else None
            if ended is None:
                due = began + timedelta(minutes=self.rules.escalate_after_minutes)
                return self._item(one, number, own, due)
            began = ended
        return None

    def _first(self, one: CurrentAlert, rows: Sequence[Delivery]) -> Item:
        item = self._item(one, 0, rows, one.raised_at)
        if one.alert.priority == CRITICAL:
            return replace(item, together=bool(rows) and rows[0].kind == "digest")
        waited = quiet_until(self.rules, one.raised_at) is not None
        until = quiet_until(self.rules, max(item.due, self.now))
        together = rows[0].kind == "digest" if rows else waited
        return replace(item, due=until or item.due, together=together or until is not None)

    def _item(self, one: CurrentAlert, number: int, rows: Sequence[Delivery], due: datetime) -> Item:
        if not rows:
            return Item(one.alert.id, number, 1, "escalation" if number else "first", due)
        last = rows[-1]
        again = retry_at(self.rules, last.attempt, last.at)
        assert again is not None, "a round that is over has no next try"
        return Item(one.alert.id, number, last.attempt + 1, "retry", again)


def _groups(items: Sequence[Item], alerts: Mapping[str, CurrentAlert]) -> list[list[Item]]:
    critical = [one for one in items if not one.round and alerts[one.alert].alert.priority == CRITICAL]
    escalated = [one for one in items if one.round]
    others = [one for one in items if not one.round and alerts[one.alert].alert.priority != CRITICAL]
    return [critical, escalated, others]


def _sends(channel: str, items: Sequence[Item], digest_over: int) -> list[Send]:
    alone = [one for one in items if not one.together]
    gathered = [one for one in items if one.together]
    if len(alone) > digest_over:
        alone, gathered = [], list(items)
    digest = tuple(replace(one, kind="digest" if one.kind == "first" else one.kind) for one in gathered)
    sends = [Send(channel, (one,)) for one in alone]
    return [*sends, Send(channel, digest)] if digest else sends
