import csv
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.calendar import (
    FIRST_DAY,
    FRIDAY,
    MONDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    calendar_horizon,
    expiry_instant,
    trading_calendar,
)
from alluse_assets.base.errors import DataError
from tests.paths import SHARED

NEW_YORK = ZoneInfo("America/New_York")
days = st.dates(FIRST_DAY + timedelta(days=60), calendar_horizon() - timedelta(days=60))


def _published() -> list[tuple[date, str, str]]:
    with (SHARED / "data/known_answers/nyse_holidays_2010_2028.csv").open() as file:
        return [
            (date.fromisoformat(row["date"]), row["kind"], row["close_time_et"])
            for row in csv.DictReader(file)
        ]


def test_closures_are_those_the_exchange_published_and_no_others():
    published = {day for day, kind, _ in _published() if kind == "closed"}
    ours = set(trading_calendar().closed_weekdays(date(2010, 1, 1), date(2028, 12, 31)))
    assert len(published) == 179
    assert ours == published


def test_early_closes_and_their_times_are_those_the_exchange_published():
    calendar = trading_calendar()
    published = {day: close for day, kind, close in _published() if kind == "early_close"}
    ours = {
        day: f"{calendar.close_time(day).astimezone(NEW_YORK):%H:%M}"
        for day in calendar.sessions(date(2010, 1, 1), date(2028, 12, 31))
        if calendar.is_early_close(day)
    }
    assert len(published) == 39
    assert ours == published


def test_the_horizon_covers_every_published_year_and_beyond_it_there_is_an_error_not_an_answer():
    assert calendar_horizon() == date(2028, 12, 31)
    with pytest.raises(DataError, match="outside the XNYS calendar"):
        trading_calendar().is_session(calendar_horizon() + timedelta(days=1))
    with pytest.raises(DataError, match="outside the XNYS calendar"):
        trading_calendar().next_session(calendar_horizon())
    with pytest.raises(DataError, match="outside the XNYS calendar"):
        trading_calendar().previous_session(FIRST_DAY + timedelta(days=10), 50)


def test_importing_the_calendar_does_not_import_pandas():
    code = "import sys, alluse_assets.base.calendar; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_opening_and_closing_instants_follow_daylight_saving():
    calendar = trading_calendar()
    assert calendar.open_time(date(2011, 3, 11)) == datetime(2011, 3, 11, 14, 30, tzinfo=UTC)
    assert calendar.open_time(date(2011, 3, 14)) == datetime(2011, 3, 14, 13, 30, tzinfo=UTC)
    assert calendar.close_time(date(2012, 11, 2)) == datetime(2012, 11, 2, 20, 0, tzinfo=UTC)
    assert calendar.close_time(date(2012, 11, 5)) == datetime(2012, 11, 5, 21, 0, tzinfo=UTC)
    assert expiry_instant(date(2011, 3, 11)) == datetime(2011, 3, 11, 21, 0, tzinfo=UTC)
    assert expiry_instant(date(2011, 3, 18)) == datetime(2011, 3, 18, 20, 0, tzinfo=UTC)


def test_an_option_expires_at_16_00_also_on_an_early_close():
    assert expiry_instant(date(2011, 11, 25)) == datetime(2011, 11, 25, 21, 0, tzinfo=UTC)
    assert trading_calendar().close_time(date(2011, 11, 25)) == datetime(2011, 11, 25, 18, 0, tzinfo=UTC)


def test_hurricane_sandy_closed_two_sessions():
    week = trading_calendar().week_of(date(2012, 10, 31))
    assert week.sessions == (date(2012, 10, 31), date(2012, 11, 1), date(2012, 11, 2))
    assert week.id == "2012-10-29"


def test_a_week_across_the_year_end_keeps_both_years_sessions():
    calendar = trading_calendar()
    week = calendar.week_of(date(2013, 1, 1))
    assert week.id == "2012-12-31"
    assert week.sessions == (date(2012, 12, 31), date(2013, 1, 2), date(2013, 1, 3), date(2013, 1, 4))
    assert [w.id for w in calendar.weeks(date(2012, 12, 31), date(2013, 1, 2))] == ["2012-12-31"]
    assert calendar.week_of(date(2011, 1, 2)).id == "2010-12-27"


def test_two_years_have_104_weeks_and_502_sessions():
    calendar = trading_calendar()
    weeks = calendar.weeks(date(2011, 1, 3), date(2012, 12, 28))
    assert len(weeks) == 104
    assert len(calendar.sessions(date(2011, 1, 3), date(2012, 12, 31))) == 502


@pytest.mark.parametrize(
    ("day", "weekdays", "expected"),
    [
        (date(2012, 4, 3), [THURSDAY], ["2012-04-05"]),  # Good Friday's week has a Thursday
        (date(2010, 4, 1), [FRIDAY], []),  # Good Friday itself: nothing is left, the week is idle
        (date(2012, 11, 20), [THURSDAY], ["2012-11-23"]),  # Thanksgiving: the early close after it
        (date(2012, 1, 17), [MONDAY, TUESDAY, WEDNESDAY], ["2012-01-17", "2012-01-18"]),
        (date(2012, 7, 3), [MONDAY, TUESDAY, WEDNESDAY], ["2012-07-02", "2012-07-03", "2012-07-05"]),
        (date(2012, 12, 26), [MONDAY], ["2012-12-24"]),
        (date(2012, 9, 5), [MONDAY], ["2012-09-04"]),
        (date(2012, 10, 31), [MONDAY, TUESDAY], ["2012-10-31"]),
    ],
)
def test_an_entry_weekday_on_a_holiday_moves_to_the_next_session_of_its_week(day, weekdays, expected):
    calendar = trading_calendar()
    found = calendar.entry_sessions(calendar.week_of(day), weekdays)
    assert [session.isoformat() for session in found] == expected


def test_the_entry_window_opens_earlier_on_an_early_close():
    calendar = trading_calendar()
    times = (time(10), time(11), time(9, 45))
    usual = calendar.entry_window(date(2012, 11, 21), *times)
    early = calendar.entry_window(date(2012, 11, 23), *times)
    assert [moment.astimezone(NEW_YORK).time() for moment in usual] == [time(10), time(11)]
    assert [moment.astimezone(NEW_YORK).time() for moment in early] == [time(9, 45), time(11)]


def test_the_last_expiry_of_good_fridays_week_is_thursday():
    calendar = trading_calendar()
    assert calendar.week_last_expiry(calendar.week_of(date(2011, 4, 18))) == date(2011, 4, 21)
    assert calendar.weekly_expiries(date(2011, 4, 18), 3) == [
        date(2011, 4, 21),
        date(2011, 4, 29),
        date(2011, 5, 6),
    ]


def test_weekly_expiries_start_next_week_when_this_weeks_has_passed():
    assert trading_calendar().weekly_expiries(date(2011, 4, 22), 1) == [date(2011, 4, 29)]


def test_a_monthly_expiry_is_the_third_friday_or_the_session_before():
    calendar = trading_calendar()
    assert calendar.monthly_expiry(2012, 1) == date(2012, 1, 20)
    assert calendar.monthly_expiry(2008, 3) == date(2008, 3, 20)
    assert list(islice(calendar.monthly_expiries(date(2012, 11, 17)), 3)) == [
        date(2012, 12, 21),
        date(2013, 1, 18),
        date(2013, 2, 15),
    ]


def test_asking_for_the_close_of_a_holiday_names_the_next_session():
    with pytest.raises(DataError, match="2012-07-04 is no session of XNYS; the next one is 2012-07-05"):
        trading_calendar().close_time(date(2012, 7, 4))


@given(day=days, n=st.integers(1, 20))
def test_next_and_previous_session_undo_each_other(day, n):
    calendar = trading_calendar()
    later = calendar.next_session(day, n)
    assert calendar.trading_days_between(day, later) == n
    assert calendar.previous_session(later, n) == calendar.session_on_or_before(day)


@given(day=days, weekdays=st.lists(st.integers(MONDAY, FRIDAY), max_size=5))
def test_entry_sessions_are_sessions_of_the_week_never_before_their_weekday(day, weekdays):
    calendar = trading_calendar()
    week = calendar.week_of(day)
    found = calendar.entry_sessions(week, weekdays)
    assert list(found) == sorted(set(found))
    assert set(found) <= set(week.sessions)
    assert len(found) <= len(set(weekdays))
    for weekday in weekdays:
        wanted = week.monday + timedelta(days=weekday)
        if calendar.is_session(wanted):
            assert wanted in found


@given(day=days)
def test_every_session_belongs_to_exactly_one_week(day):
    calendar = trading_calendar()
    end = day + timedelta(days=45)
    sessions = [s for week in calendar.weeks(day, end) for s in week.sessions if day <= s <= end]
    assert sessions == calendar.sessions(day, end)
