"""Quiet hours follow New York's clocks, also in the nights in which they change."""

from datetime import UTC, datetime, timedelta

import pytest

from alluse_assets.alerts.quiet_hours import quiet_until
from alluse_assets.base.calendar import NEW_YORK
from tests.alerts.samples import rules

NIGHTS = rules(quiet=True)


def local(year, month, day, hour, minute=0):
    return datetime(year, month, day, hour, minute, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("evening", "morning", "hours"),
    [
        (local(2026, 6, 2, 21), local(2026, 6, 3, 7), 10),
        (local(2026, 3, 7, 21), local(2026, 3, 8, 7), 9),  # the clocks go forward
        (local(2026, 10, 31, 21), local(2026, 11, 1, 7), 11),  # and back
    ],
)
def test_a_night_is_quiet_from_its_beginning_until_its_end(evening, morning, hours):
    begin, end = evening.astimezone(UTC), morning.astimezone(UTC)
    assert end - begin == timedelta(hours=hours)
    step = timedelta(minutes=1)
    assert quiet_until(NIGHTS, begin - step) is None
    moment = begin
    while moment < end:
        assert quiet_until(NIGHTS, moment) == end, moment
        moment += timedelta(minutes=15)
    assert quiet_until(NIGHTS, end) is None


def test_nights_that_begin_on_a_weekend_can_be_loud():
    weekdays = rules(quiet=True, quiet_days="weekdays")
    assert quiet_until(weekdays, local(2026, 6, 5, 22)) == local(2026, 6, 6, 7)  # Friday to Saturday
    assert quiet_until(weekdays, local(2026, 6, 6, 6)) == local(2026, 6, 6, 7)
    assert quiet_until(weekdays, local(2026, 6, 6, 22)) is None
    assert quiet_until(weekdays, local(2026, 6, 8, 6)) is None  # Sunday's night
    assert quiet_until(weekdays, local(2026, 6, 8, 22)) == local(2026, 6, 9, 7)


def test_quiet_hours_may_lie_within_a_day_and_be_switched_off():
    lunch = rules(quiet=True, quiet_start="12:00", quiet_end="13:00")
    assert quiet_until(lunch, local(2026, 6, 3, 12, 30)) == local(2026, 6, 3, 13)
    assert quiet_until(lunch, local(2026, 6, 3, 13)) is None
    for off in (rules(quiet=False), rules(quiet=True, quiet_start="07:00", quiet_end="07:00")):
        assert quiet_until(off, local(2026, 6, 3, 2)) is None
