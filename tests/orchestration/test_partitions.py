"""Partitions are the exchange's: its sessions, none of its holidays, weeks from Monday, whole months."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.calendar import PUBLISHED_THROUGH, trading_calendar
from alluse_assets.orchestration.partitions import (
    FIRST_SESSION_DAY,
    MONTHS,
    SESSIONS,
    WEEKS,
    closed_weekdays,
    key_of,
    span_of,
)


def test_the_list_of_closures_is_the_calendars():
    expected = trading_calendar().closed_weekdays(FIRST_SESSION_DAY, PUBLISHED_THROUGH)
    lines = "\n".join(["closed_weekday", *map(str, expected)])
    assert closed_weekdays() == expected, f"write this into orchestration/closed_weekdays.csv:\n{lines}"


def test_session_partitions_are_the_sessions_of_the_calendar():
    keys = SESSIONS.get_partition_keys()
    sessions = trading_calendar().sessions(FIRST_SESSION_DAY, date.fromisoformat(keys[-1]))
    assert keys == [str(session) for session in sessions]
    assert len([key for key in keys if key[:4] in ("2011", "2012")]) == 502


def test_the_current_week_and_month_have_partitions():
    last_session = date.fromisoformat(SESSIONS.get_last_partition_key())
    assert WEEKS.get_last_partition_key() >= key_of(WEEKS, last_session)
    assert MONTHS.get_last_partition_key() >= key_of(MONTHS, last_session)


@pytest.mark.parametrize(
    ("partitions", "keys", "start", "end"),
    [
        (MONTHS, ["2011-12", "2012-01", "2012-02"], date(2011, 12, 1), date(2012, 2, 29)),
        (WEEKS, ["2011-01-03", "2011-01-10"], date(2011, 1, 3), date(2011, 1, 16)),
        (SESSIONS, ["2011-01-14", "2011-01-18"], date(2011, 1, 14), date(2011, 1, 18)),
    ],
)
def test_keys_stand_for_whole_days(partitions, keys, start, end):
    span = span_of(partitions, keys)
    assert (span.start, span.end) == (start, end)


@given(st.dates(date(2003, 1, 6), date(2026, 1, 1)))
def test_every_day_is_within_its_own_partition(day):
    for partitions in (MONTHS, WEEKS):
        key = key_of(partitions, day)
        span = span_of(partitions, [key])
        assert span.start <= day <= span.end
        assert partitions.has_partition_key(key)
        assert key_of(partitions, span.end + timedelta(days=1)) > key
