"""The trading schedule and the watchdog: a run when something is due, else the reason."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.ledger.book_state import BookState
from alluse_assets.protection.watchdog import decide_protocol_alerts
from alluse_assets.strategies.steps import due_steps
from jobs.trading import WalkRequest, trading_schedule, walk_book
from jobs.weekly_cycle import weekly_cycle_schedule

CALENDAR = trading_calendar()
CONFIG = ProtocolConfig.model_validate({"market": {"source": "live", "routes": {"default": ["alpaca"]}}})
FRIDAY, MONDAY = date(2024, 5, 31), date(2024, 6, 3)


def at(hour, minute, day=MONDAY):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)


def desk(opened=FRIDAY, closed=FRIDAY, source="live"):
    def due(now):
        return due_steps(CALENDAR, FRIDAY, opened, closed, 0, now, CONFIG)

    config = SimpleNamespace(market=SimpleNamespace(source=source))
    return SimpleNamespace(config=config, book="paper1", live_book=SimpleNamespace(due=due))


def tick(when, **book):
    context = dg.build_schedule_context(scheduled_execution_time=when)
    return trading_schedule(context, desk=desk(**book))


@pytest.mark.parametrize(
    ("when", "opened", "steps", "key"),
    [
        (at(9, 30), FRIDAY, "open:2024-06-03", "trading-paper1-2024-06-03T13:30Z"),
        (at(10, 0), MONDAY, "look:2024-06-03", "trading-paper1-2024-06-03T14:00Z"),
        (at(16, 30), MONDAY, "close:2024-06-03", "trading-paper1-2024-06-03T20:30Z"),
    ],
)
def test_what_is_due_is_one_run_with_a_key_of_its_minute(when, opened, steps, key):
    request = tick(when, opened=opened)
    assert (request.run_key, request.tags["alluse/steps"]) == (key, steps)
    # The run walks its tick's minute, however late it starts.
    asked = request.run_config["ops"]["walk_book"]["config"]["at"]
    assert datetime.fromisoformat(asked) == when


def test_a_run_walks_the_minute_that_it_was_asked_for_and_a_manual_one_walks_now():
    walked = []
    book = SimpleNamespace(walk=lambda now: walked.append(now) or [])
    for given in ({"at": at(10, 0).isoformat()}, {}):
        context = dg.build_op_context(resources={"desk": SimpleNamespace(live_book=book)})
        walk_book(context, WalkRequest(**given))
    assert walked[0] == at(10, 0)
    assert datetime.now(UTC) - walked[1] < timedelta(minutes=1)


def ticks(schedule, start, end):
    """The schedule's ticks from ``start`` to ``end``."""
    found = []
    zone = schedule.execution_timezone
    for one in schedule_execution_time_iterator(start.timestamp(), schedule.cron_schedule, zone):
        if one > end:
            return found
        found.append(one)
    return found


def test_the_schedule_reaches_a_close_that_is_made_hours_after_the_bell():
    late = ticks(trading_schedule, at(23, 30), at(4, 10, date(2024, 6, 4)))
    assert max(b - a for a, b in pairwise(late)) == timedelta(minutes=10)
    config = ProtocolConfig.model_validate({**CONFIG.model_dump(), "live": {"close_after_minutes": 720}})
    due = [now for now in late if due_steps(CALENDAR, FRIDAY, MONDAY, FRIDAY, 0, now, config)]
    assert due[0] == at(4, 0, date(2024, 6, 4))
    session = ticks(trading_schedule, at(9, 30), at(16, 0))
    assert len(session) == 391


def test_when_nothing_is_due_or_live_the_reason_is_said():
    assert "nothing is due at 13:20 UTC" in tick(at(9, 20)).skip_message
    before = date(2024, 7, 3)
    assert "nothing is due" in tick(at(10, 0, date(2024, 7, 4)), opened=before, closed=before).skip_message
    assert "nothing is live" in tick(at(10, 0), source="sample").skip_message


def alerts(now, opened, closed):
    state = BookState(opened={"first_session": "2024-05-31"}, last_opened=opened, last_closed=closed)
    return [alert.id for alert in decide_protocol_alerts(state, CALENDAR, now, CONFIG)]


def test_the_watchdog_tells_of_a_session_that_nobody_opens_or_closes_after_some_grace():
    assert alerts(at(9, 40), FRIDAY, FRIDAY) == []
    assert alerts(at(9, 46), FRIDAY, FRIDAY) == ["watchdog/open/2024-06-03"]
    assert alerts(at(16, 44), MONDAY, FRIDAY) == []
    assert alerts(at(16, 46), MONDAY, FRIDAY) == ["watchdog/close/2024-06-03"]
    assert alerts(at(16, 46), MONDAY, MONDAY) == []


def weekly(when, closed, walked=True):
    desk = SimpleNamespace(
        services=SimpleNamespace(calendar=CALENDAR), book="paper1", is_walked=walked, last_closed=closed
    )
    context = dg.build_schedule_context(scheduled_execution_time=when)
    return weekly_cycle_schedule(context, desk=desk)


def test_a_week_is_reviewed_once_its_last_session_is_closed_in_holiday_weeks_too():
    thursday, good_friday, saturday = date(2024, 3, 28), date(2024, 3, 29), date(2024, 3, 30)
    request = weekly(at(18, 0, good_friday), closed=thursday)
    assert request.run_key == "weekly_cycle-paper1-2024-03-25"
    assert weekly(at(6, 0, saturday), closed=thursday).run_key == request.run_key
    waiting = weekly(at(18, 0, good_friday), closed=date(2024, 3, 27))
    assert "2024-03-28 is not closed yet" in waiting.skip_message
    # What has not come by Saturday is reviewed without it.
    assert weekly(at(6, 0, saturday), closed=date(2024, 3, 27)).run_key == request.run_key
    assert weekly(at(18, 0, good_friday), closed=None, walked=False).run_key == request.run_key


def test_a_book_that_has_not_begun_is_not_watched():
    assert decide_protocol_alerts(BookState(), CALENDAR, at(12, 0), CONFIG) == []
