"""What protection tells people: nothing worse is hidden by what came before, and a question is asked."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from alluse_assets.alerts.delivery import StandingState, standings
from alluse_assets.alerts.states import alerts_of
from alluse_assets.base.config.model_people import NotifyRules
from alluse_assets.ledger.book_fold import fold
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.strategies.protect import breaker_events
from tests.strategies.mini_market import CALENDAR, MiniMarket, config, contract, days

MON, TUE = days(2)
P100 = contract(100)
QUOTES, PASSED = {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]}
PHONE = NotifyRules.model_validate({"channels": {"phone": {"secret": "env:X"}}})


def look(state, points, at: datetime, new_session=False):
    reading = VixReading(Decimal(points), MON)
    return breaker_events(state, reading, [date(2011, 1, 7)], MON, at, new_session, config())


def test_close_only_is_told_of_though_safe_was_told_of_a_quarter_of_an_hour_before():
    """People who knew of SAFE, which still buys back, did not hear that orders are cancelled now."""
    state, opens = MiniMarket().state, CALENDAR.open_time(MON)
    safe = look(state, 66, opens, new_session=True)
    closing = look(fold(safe, state), 81, opens + timedelta(minutes=15))
    alerts = alerts_of([*safe, *closing])
    assert [one.alert.priority for one in alerts.values()] == ["CRITICAL", "CRITICAL"]
    told = standings(alerts.values(), [], PHONE, "LOW", opens + timedelta(minutes=16))
    assert {one.state for one in told} == {StandingState.WAITING}


@pytest.mark.parametrize("actions", [("ask_person",), ("faster_monitoring", "ask_person")])
def test_a_level_that_only_asks_a_person_is_told_of(actions):
    market = MiniMarket(config(protection__actions__rev__puts__level_1=actions))
    market.step(MON, 101, QUOTES, PASSED)
    events = market.step(TUE, 94)
    (alert,) = [one for one in alerts_of(events).values() if one.alert.id.startswith("level/")]
    assert (alert.alert.priority, alert.alert.question) == ("MEDIUM", True)
    assert "what to do with the shares?" in alert.alert.text
