"""Quiet hours in New York: when only CRITICAL alerts are sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from alluse_assets.base.calendar import FRIDAY, NEW_YORK
from alluse_assets.base.config.model_people import NotifyRules


def quiet_until(rules: NotifyRules, at: datetime) -> datetime | None:
    """When the quiet hours that ``at`` lies in end, UTC; None when it lies in none.

    They begin and end at New York's wall clock, so a night in which the clocks change is an hour shorter
    or longer. Their end is not quiet any more.
    """
    if rules.quiet_days == "none" or rules.quiet_start == rules.quiet_end:
        return None
    today = at.astimezone(NEW_YORK).date()
    for day in (today - timedelta(days=1), today):
        if rules.quiet_days == "weekdays" and day.weekday() > FRIDAY:
            continue
        last = day if rules.quiet_start < rules.quiet_end else day + timedelta(days=1)
        begin, end = _instant(day, rules.quiet_start), _instant(last, rules.quiet_end)
        if begin <= at < end:
            return end
    return None


def _instant(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, NEW_YORK).astimezone(UTC)
