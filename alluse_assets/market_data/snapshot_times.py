"""When live chains are looked at: at the open, at the close, and premiums every so often in between.

Pure over the calendar. Who asks a source then, and where it is kept, is the orchestration's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from alluse_assets.base.calendar import NEW_YORK, TradingCalendar, new_york_instant
from alluse_assets.base.config.model_market import ChainRules

SnapshotKind = Literal["open", "premium", "close"]


@dataclass(frozen=True, slots=True, order=True)
class SnapshotTime:
    """An instant (UTC) at which to look. ``open`` and ``close`` take whole chains, ``premium`` premiums."""

    at: datetime
    kind: SnapshotKind

    @property
    def key(self) -> str:
        """A name of its own, the same whoever asks: ``premium-2024-06-03T14:00Z``."""
        return f"{self.kind}-{self.at:%Y-%m-%dT%H:%MZ}"


def snapshot_times(calendar: TradingCalendar, session: date, rules: ChainRules) -> list[SnapshotTime]:
    """Every instant of ``session``, in order; early closes are respected.

    Premiums are taken on full multiples of the interval after midnight New York, from the opening chain
    on and before the closing one: 10:00, 10:30 and so on for 30 minutes.
    """
    opens, closes = calendar.open_time(session), calendar.close_time(session)
    first = opens + timedelta(minutes=rules.minutes_after_open)
    last = closes - timedelta(minutes=rules.minutes_before_close)
    step = timedelta(minutes=rules.snapshot_minutes)
    midnight = new_york_instant(session, time(0))
    at = midnight + step * -((midnight - first) // step)
    times = [SnapshotTime(first, "open"), SnapshotTime(last, "close")] if first < last else []
    while at < last:
        if first < at:
            times.append(SnapshotTime(at, "premium"))
        at += step
    return sorted(times)


def due(calendar: TradingCalendar, after: datetime, until: datetime, rules: ChainRules) -> list[SnapshotTime]:
    """The instants after ``after`` and up to ``until``, of the one latest session only.

    A source cannot be asked for the past: what was missed for longer than a session is not made up for.
    """
    session = until.astimezone(NEW_YORK).date()
    if not calendar.is_session(session):
        return []
    return [one for one in snapshot_times(calendar, session, rules) if after < one.at <= until]
