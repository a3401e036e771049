"""The trading schedule and the watchdog: a run when something is due, else the reason."""

from datetime import date, datetime
from types import SimpleNamespace

import dagster as dg
import pytest

from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.ledger.book_state import BookState
from alluse_assets.protection.watchdog import decide_protocol_alerts
from alluse_assets.strategies.steps import due_steps
from jobs.trading import trading_schedule

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


def test_a_book_that_has_not_begun_is_not_watched():
    assert decide_protocol_alerts(BookState(), CALENDAR, at(12, 0), CONFIG) == []
