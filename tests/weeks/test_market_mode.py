"""Green, Red, Chop: both thresholds from both sides, and nothing seen that lies ahead."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_market import MarketModeRules
from alluse_assets.base.errors import MissingDataError
from alluse_assets.weeks.market_mode import ModeSeries, confirm, guess, read_mode

RULES = MarketModeRules()
DAYS = [date(2011, 1, 7), *(date(2011, 1, 10) + timedelta(days=k) for k in range(5))]


def reading(closes, atr=1.0):
    series = ModeSeries(dict(zip(DAYS, closes, strict=True)), {DAYS[-1]: atr})
    return read_mode("2011-01-10", DAYS[1:], DAYS[0], series, RULES)


def test_a_steady_rise_is_green_and_a_steady_fall_is_red():
    assert reading([100, 101, 102, 103, 104, 105]).mode == "Green"
    assert reading([105, 104, 103, 102, 101, 100]).mode == "Red"


def test_a_small_move_and_a_crooked_one_are_chop():
    assert reading([100.0, 100.1, 100.2, 100.3, 100.4, 100.5]).mode == "Chop"
    assert reading([100, 110, 90, 110, 90, 104]).mode == "Chop"


def test_the_threshold_itself_counts():
    """m = 0.35 exactly when the net move is 0.35 x ATR x root 5."""
    net = 0.35 * 5**0.5
    steps = [100 + net * k / 5 for k in range(6)]
    assert reading(steps).move == Decimal("0.350000")
    assert reading(steps).mode == "Green"
    assert reading([100 + (net - 1e-5) * k / 5 for k in range(6)]).mode == "Chop"


def test_the_efficiency_itself_counts():
    """A net move of 3 over a path of 10."""
    closes = [100, 106.5, 103, 103, 103, 103]
    assert reading(closes).efficiency == Decimal("0.300000")
    assert reading(closes).mode == "Green"
    assert reading([100, 106.6, 103, 103, 103, 103]).mode == "Chop"


def test_a_standing_market_is_chop_and_divides_by_nothing():
    assert reading([100] * 6, atr=0.0).mode == "Chop"


def test_missing_bars_are_an_error_that_says_which():
    with pytest.raises(MissingDataError, match="no close on 2011-01-07"):
        read_mode("2011-01-10", DAYS[1:], DAYS[0], ModeSeries(dict.fromkeys(DAYS[1:], 1.0), {}), RULES)
    with pytest.raises(MissingDataError, match="no ATR on 2011-01-14"):
        read_mode("2011-01-10", DAYS[1:], DAYS[0], ModeSeries(dict.fromkeys(DAYS, 1.0), {}), RULES)


def test_the_guess_reads_the_weeks_before_and_nothing_of_its_own_week():
    calendar = trading_calendar()
    week = calendar.week_of(date(2011, 2, 14))
    trailing = calendar.weeks(date(2011, 1, 18), date(2011, 2, 11))
    before = calendar.previous_session(trailing[0].first)
    days = [before, *(d for w in trailing for d in w.sessions)]
    closes = {day: 100.0 + k for k, day in enumerate(days)}
    known = ModeSeries(closes, dict.fromkeys(days, 1.0))
    later = ModeSeries(
        {**closes, **dict.fromkeys(week.sessions, 1.0)},
        {**known.atr_usd, **dict.fromkeys(week.sessions, 9.0)},
    )
    found = guess(week, trailing, before, known, RULES)
    assert found == guess(week, trailing, before, later, RULES)
    assert (found.mode, found.week, found.last) == ("Green", "2011-02-14", date(2011, 2, 11))


def test_the_confirmation_reads_the_week_itself():
    calendar = trading_calendar()
    week = calendar.week_of(date(2011, 2, 14))
    before = calendar.previous_session(week.first)
    closes = {day: 100.0 - k for k, day in enumerate((before, *week.sessions))}
    assert confirm(week, before, ModeSeries(closes, dict.fromkeys(week.sessions, 1.0)), RULES).mode == "Red"
