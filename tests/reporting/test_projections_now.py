"""The tables of a book as it is now: what came after the last close counts."""

from datetime import date

from alluse_assets.accounts.states import place_hold
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.ledger.book_fold import fold
from alluse_assets.reporting.projections import project, project_now
from tests.analytics_app.protocol_book import WORST, crash_events, events_until

CALENDAR = trading_calendar()
LOOKED = date(2011, 2, 2)
"""A session in which levels change after the open."""


def of_day(frame, day):
    return frame.filter(session=day)


def during(session):
    """The book's events up to the last level change of ``session``, before its close."""
    events = crash_events()
    changes = [
        number
        for number, event in enumerate(events)
        if event.type == "protection.level_changed" and event.payload["session"] == session.isoformat()
    ]
    return list(events[: changes[-1] + 1])


def test_at_a_close_both_are_the_same():
    events = events_until(WORST)
    now, then = project_now(events, CALENDAR), project(events, CALENDAR)
    assert list(now) == list(then)
    assert all(now[name].equals(then[name]) for name in then)


def test_a_level_of_this_session_counts_before_its_close():
    events = during(LOOKED)
    now = project_now(events, CALENDAR)
    last = events[-1].payload
    assert of_day(project(events, CALENDAR)["protection_levels"], LOOKED).is_empty()
    levels = of_day(now["protection_levels"], LOOKED)
    assert levels.filter(chain=last["chain"])["level"].to_list() == [last["level_to"]]
    assert set(of_day(now["chain_contracts"], LOOKED)["chain"]) >= {last["chain"]}
    assert of_day(now["account_states"], LOOKED).height == 3


def test_a_pause_after_the_close_replaces_that_days_state():
    events = events_until(WORST)
    state = fold(events).protection
    pause = place_hold(state, "GEN-1", "paused", "holiday", events[-1].effective_at, "person:Ann")
    states = of_day(project_now([*events, pause], CALENDAR)["account_states"], WORST)
    assert dict(states.select("account", "state").rows())["GEN-1"] == "PAUSED"
    assert states.height == 3


def test_before_the_first_close_the_accounts_are_known():
    events = crash_events()
    opening = [event for event in events[:20] if event.type in ("book.opened", "account.opened")]
    states = project_now(opening, CALENDAR)["account_states"]
    assert states.select("account", "state").rows() == [
        ("COM-1", "ACTIVE"),
        ("GEN-1", "ACTIVE"),
        ("REV-1", "ACTIVE"),
    ]
