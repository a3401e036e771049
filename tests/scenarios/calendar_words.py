"""What a scenario says of entry windows and of the market mode, against the product. Nothing is walked."""

from __future__ import annotations

from datetime import datetime

from alluse_assets.base.calendar import new_york_instant, trading_calendar
from alluse_assets.weeks.market_mode import ModeSeries, read_mode
from tests.scenarios.settings import config_of
from tests.scenarios.words import Scenario

CALENDAR = trading_calendar()


def window_faults(scenario: Scenario) -> list[str]:
    """Entry windows that are not as told."""
    faults, rules = [], config_of(scenario).entry
    for day, wanted in scenario.windows.items():
        window = CALENDAR.entry_window(
            day, rules.window_start, rules.window_end, rules.early_close_window_start
        )
        expected = tuple(
            new_york_instant(day, datetime.strptime(clock, "%H:%M").time())  # noqa: DTZ007
            for clock in wanted.split(" to ")
        )
        if window != expected:
            faults.append(f"window of {day}: {window}, not {wanted} New York")
    return faults


def mode_faults(scenario: Scenario) -> list[str]:
    """Weeks whose mode is not as told."""
    faults, rules = [], config_of(scenario).market_mode
    for told in scenario.modes:
        week = CALENDAR.week_of(told["week"])
        before = CALENDAR.previous_session(week.first)
        closes = dict(zip((before, *week.sessions), [told["before"], *told["closes"]], strict=True))
        series = ModeSeries(closes, {week.last: told["atr"]})
        found = read_mode(week.id, week.sessions, before, series, rules)
        if found.mode.value != told["mode"]:
            faults.append(f"mode of {told}: {found}")
    return faults
