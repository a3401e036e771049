"""When which band holds: entry weekdays, holidays, and what the market mode moves."""

from datetime import date

import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.strategies.entry_calendar import delta_band, entry_calendar

CONFIG = ProtocolConfig()


def rows(monday, mode="Green", config=CONFIG):
    calendar = trading_calendar()
    week = calendar.week_of(monday)
    return entry_calendar([week], {week.id: mode}, calendar, config)


def sessions(frame, kind, right):
    chosen = frame.filter((frame["kind"] == kind) & (frame["right"] == right))
    return sorted({day.isoformat() for day in chosen["session"]})


def test_an_ordinary_week_has_the_table_s_weekdays():
    frame = rows(date(2011, 1, 10))
    assert sessions(frame, "gen", "P") == ["2011-01-13"]
    assert sessions(frame, "gen", "C") == ["2011-01-10", "2011-01-11"]
    assert sessions(frame, "rev", "P") == ["2011-01-10", "2011-01-11", "2011-01-12"]
    assert sessions(frame, "com", "C") == ["2011-01-10"]


def test_a_holiday_moves_to_the_next_session_of_the_week():
    """Martin Luther King day, 2011-01-17."""
    frame = rows(date(2011, 1, 18))
    assert sessions(frame, "com", "P") == ["2011-01-18"]
    assert sessions(frame, "rev", "P") == ["2011-01-18", "2011-01-19"]
    assert sessions(frame, "gen", "C") == ["2011-01-18"]


def test_thanksgiving_moves_thursday_to_friday():
    assert sessions(rows(date(2011, 11, 21)), "gen", "P") == ["2011-11-25"]


def test_the_week_of_good_friday_ends_on_thursday():
    frame = rows(date(2011, 4, 18))
    assert sessions(frame, "gen", "P") == ["2011-04-21"]
    calls = frame.filter((frame["kind"] == "gen") & (frame["right"] == "C"))
    assert set(calls["only_expiry"]) == {date(2011, 4, 21)}


def test_a_disabled_leg_has_no_sessions():
    config = with_values(CONFIG, {"accounts.gen.calls.enabled": False})
    assert sessions(rows(date(2011, 1, 10), config=config), "gen", "C") == []


@pytest.mark.parametrize(
    ("kind", "mode", "low", "high"),
    [
        ("gen", "Green", 40, 50),
        ("gen", "Red", 35, 45),
        ("gen", "Chop", 30, 40),
        ("com", "Red", 15, 25),
        ("com", "Chop", 10, 20),
    ],
)
def test_the_guess_moves_both_ends_of_the_put_band(kind, mode, low, high):
    assert delta_band(CONFIG.accounts.of(kind).puts, "P", mode, CONFIG) == (low * 10**6, high * 10**6)


def test_no_shift_goes_under_the_floor():
    config = with_values(CONFIG, {"market_mode.delta_floor": 15})
    assert delta_band(config.accounts.com.puts, "P", "Chop", config) == (15 * 10**6, 20 * 10**6)


def test_the_guess_never_moves_the_call_band():
    for mode in ("Green", "Red", "Chop"):
        assert delta_band(CONFIG.accounts.rev.calls, "C", mode, CONFIG) == (30 * 10**6, 40 * 10**6)
