"""Which steps of a live book are due: New York time, daylight saving, early closes and missed days."""

from datetime import UTC, date, datetime

import pytest

from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.strategies.steps import due_steps

CALENDAR, CONFIG = trading_calendar(), ProtocolConfig()
FRIDAY, MONDAY = date(2024, 3, 8), date(2024, 3, 11)  # daylight saving begins between them


def at(day, hour, minute, second=0):
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=NEW_YORK)


def due(now, opened=None, closed=FRIDAY, level=0, first=FRIDAY):
    found = due_steps(CALENDAR, first, opened, closed, level, now.astimezone(UTC), CONFIG)
    return [(step.kind.value, step.session) for step in found]


def test_a_session_is_opened_once_at_its_opening_in_new_york_whatever_daylight_saving_does():
    assert due(at(MONDAY, 9, 29), FRIDAY) == []
    assert due(at(MONDAY, 9, 30), FRIDAY) == [("open", MONDAY)]
    assert due(at(MONDAY, 9, 31), MONDAY) == []
    assert due(at(FRIDAY, 9, 30), None, None) == [("open", FRIDAY)]


@pytest.mark.parametrize(("level", "every"), [(0, 15), (1, 5), (2, 1), (3, 1)])
def test_it_is_looked_at_as_often_as_the_highest_level_says(level, every):
    looks = [m for m in range(60) if ("look", MONDAY) in due(at(MONDAY, 10, m), MONDAY, level=level)]
    assert looks == list(range(0, 60, every))


def test_no_look_before_the_first_minutes_are_over_or_after_the_close():
    assert due(at(MONDAY, 9, 34), MONDAY, level=3) == []
    assert due(at(MONDAY, 9, 35), MONDAY, level=3) == [("look", MONDAY)]
    assert due(at(MONDAY, 16, 0), MONDAY) == [("look", MONDAY)]
    assert due(at(MONDAY, 16, 1), MONDAY, level=3) == []


def test_a_session_is_closed_once_its_bars_can_be_there():
    assert due(at(MONDAY, 16, 29), MONDAY) == []
    assert due(at(MONDAY, 16, 30), MONDAY) == [("close", MONDAY)]
    assert due(at(MONDAY, 20, 0), MONDAY, MONDAY) == []


def test_an_early_close_closes_early():
    day = date(2024, 11, 29)
    assert due(at(day, 13, 30), day, date(2024, 11, 27)) == [("close", day)]
    assert due(at(day, 13, 1), day, date(2024, 11, 27), level=3) == []


def test_missed_sessions_are_opened_and_closed_in_order_and_never_looked_at():
    tuesday = date(2024, 3, 12)
    assert due(at(tuesday, 9, 30), FRIDAY) == [("open", MONDAY), ("close", MONDAY), ("open", tuesday)]
    assert due(at(tuesday, 9, 31), MONDAY) == [("close", MONDAY), ("open", tuesday)]


def test_a_weekend_and_a_holiday_have_no_steps():
    assert due(at(date(2024, 3, 9), 10, 0), FRIDAY) == []
    assert due(at(date(2024, 7, 4), 10, 0), date(2024, 7, 3), date(2024, 7, 3)) == []
