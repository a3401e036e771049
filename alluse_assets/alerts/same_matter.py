"""Which alerts are one matter: of those with the same key within a time, the first stands for the others.

An alert is suppressed only by one that is at least as urgent, that was not resolved before, and that
people hear of. A suppressed CRITICAL one comes back when the one that stood for it is resolved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alluse_assets.alerts.alert import CRITICAL, rank
from alluse_assets.alerts.states import CurrentAlert


@dataclass(frozen=True, slots=True)
class SameMatter:
    """``leader``: the alert that stands for this one, else empty. ``like_it``: suppressed ones to tell of.

    Those of the matter before it and those that it stands for itself.
    """

    leader: str = ""
    like_it: tuple[str, ...] = ()


def same_matters(
    alerts: Sequence[CurrentAlert],
    stands_for: Mapping[str, bool],
    tried: Collection[str],
    window: timedelta,
) -> dict[str, SameMatter]:
    """The matter of each alert, by id.

    Args:
        alerts: those that concern one channel, oldest first.
        stands_for: whether people hear of an alert, so that it can stand for others.
        tried: alerts of which a delivery was tried: these are not suppressed any more.
        window: how long an alert stands for others like it.
    """
    leaders: dict[str, CurrentAlert] = {}
    suppressed_by: dict[str, str] = {}
    quiet_ones: dict[str, list[str]] = {}
    before: dict[str, str] = {}
    for one in alerts:
        key, name = one.alert.dedup_key, one.alert.id
        leader = leaders.get(key) if key else None
        if leader and name not in tried and _stands_for(leader, one, window):
            suppressed_by[name] = leader.alert.id
            quiet_ones[leader.alert.id].append(name)
        elif key and stands_for[name]:
            before[name] = leader.alert.id if leader else ""
            leaders[key] = one
            quiet_ones[name] = []
    return {
        one.alert.id: SameMatter(
            suppressed_by.get(one.alert.id, ""),
            (
                *quiet_ones.get(before.get(one.alert.id, ""), ()),
                *quiet_ones.get(one.alert.id, ()),
            ),
        )
        for one in alerts
    }


def _stands_for(leader: CurrentAlert, one: CurrentAlert, window: timedelta) -> bool:
    if one.raised_at >= leader.raised_at + window or rank(one.alert.priority) > rank(leader.alert.priority):
        return False
    if leader.resolved is None:
        return True
    return one.alert.priority != CRITICAL and leader.resolved.at > one.raised_at
