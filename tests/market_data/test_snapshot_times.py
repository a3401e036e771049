"""When live chains are looked at."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.model_market import ChainRules
from alluse_assets.market_data.snapshot_times import due, snapshot_times

CALENDAR = trading_calendar()
RULES = ChainRules()
MONDAY = date(2024, 6, 3)
DAY_AFTER_THANKSGIVING = date(2024, 11, 29)


def clock(session, rules=RULES):
    return [
        (one.kind, f"{one.at.astimezone(NEW_YORK):%H:%M}") for one in snapshot_times(CALENDAR, session, rules)
    ]


def test_a_session_has_its_open_its_close_and_premiums_on_the_half_hours_between():
    times = clock(MONDAY)
    assert times[0] == ("open", "09:45")
    assert times[1:4] == [("premium", "10:00"), ("premium", "10:30"), ("premium", "11:00")]
    assert times[-2:] == [("premium", "15:30"), ("close", "15:55")]


def test_an_early_close_ends_the_day_early():
    assert clock(DAY_AFTER_THANKSGIVING)[-2:] == [("premium", "12:30"), ("close", "12:55")]


def test_premiums_are_on_multiples_of_their_interval_after_midnight():
    assert [at for kind, at in clock(MONDAY, ChainRules(snapshot_minutes=45)) if kind == "premium"][:2] == [
        "10:30",
        "11:15",
    ]


def test_a_premium_never_falls_together_with_the_opening_chain():
    assert clock(MONDAY, ChainRules(minutes_after_open=30))[:2] == [("open", "10:00"), ("premium", "10:30")]


def test_a_session_too_short_for_its_margins_has_no_chains():
    assert clock(DAY_AFTER_THANKSGIVING, ChainRules(minutes_after_open=180, minutes_before_close=40)) == []


def test_every_instant_has_a_name_of_its_own():
    times = snapshot_times(CALENDAR, MONDAY, ChainRules())
    assert len({one.key for one in times}) == len(times)
    assert times[0].key == "open-2024-06-03T13:45Z"


def test_nothing_is_due_on_a_holiday_or_at_night():
    night = datetime(2024, 6, 4, 1, 0, tzinfo=UTC)
    assert due(CALENDAR, night - timedelta(hours=1), night, ChainRules()) == []
    holiday = datetime(2024, 7, 4, 15, 0, tzinfo=UTC)
    assert due(CALENDAR, holiday - timedelta(hours=1), holiday, ChainRules()) == []


@given(st.lists(st.integers(1, 17 * 60), min_size=1, max_size=20, unique=True), st.integers(1, 390))
@pytest.mark.parametrize("session", [MONDAY, DAY_AFTER_THANKSGIVING])
def test_however_often_one_looks_each_instant_is_due_once(session, minutes, interval):
    rules = ChainRules(snapshot_minutes=interval)
    midnight = datetime(session.year, session.month, session.day, 5, tzinfo=UTC)
    ticks = [
        midnight,
        *(midnight + timedelta(minutes=m) for m in sorted(minutes)),
        midnight + timedelta(hours=18),
    ]
    seen = [one for a, b in pairwise(ticks) for one in due(CALENDAR, a, b, rules)]
    assert seen == snapshot_times(CALENDAR, session, rules)
