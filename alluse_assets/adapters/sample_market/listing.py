"""Which option series the sample market lists: expiries and strikes, as an exchange would.

An expiry, once listed, stays until it has passed. So do strikes for as long as a close near them is at
most three weeks old; the coarse strikes of far expiries are a subset of the fine ones of near expiries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from alluse_assets.base.calendar import TradingCalendar

WEEKLIES = 5
MONTHLIES = 3
LEAPS_DAYS = 730
FINE_STRIKES_DAYS = 45
KEPT_SESSIONS = 15
_LEAST_STEPS = 6
_JANUARY = 1
_MILLIS = 1000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ladder:
    """All strikes that can be listed, in thousandths of a USD, ascending."""

    strikes: Integers

    def between(self, low: Floats, spot: Floats, high: Floats) -> tuple[Integers, Integers]:
        """For each series the strikes from ``low`` to ``high``, six each side of ``spot`` at the least.

        Returns:
            The series' index and the strike, one entry a strike, by series and strike.
        """
        at = np.searchsorted(self.strikes, _millis(spot))
        first = np.minimum(np.searchsorted(self.strikes, _millis(low)), at - _LEAST_STEPS).clip(min=0)
        past = np.maximum(np.searchsorted(self.strikes, _millis(high), side="right"), at + _LEAST_STEPS)
        past = past.clip(max=self.strikes.size)
        counts = past - first
        series = np.repeat(np.arange(counts.size), counts)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return series, self.strikes[first[series] + offsets]


def _ladder(*steps: tuple[float, float]) -> Ladder:
    """A ladder from (up to this strike, in steps of this), both in USD."""
    parts = []
    start = steps[0][1]
    for end, step in steps:
        parts.append(np.arange(round(start * _MILLIS), round(end * _MILLIS), round(step * _MILLIS)))
        start = end
    return Ladder(np.concatenate(parts).astype(np.int64))


FINE = _ladder((50, 0.5), (200, 1), (500, 2.5), (5000, 5))
COARSE = _ladder((50, 2.5), (200, 5), (500, 10), (5000, 20))
INDEX_STRIKES = _ladder((10_000, 10))


def listed_expiries(calendar: TradingCalendar, session: date) -> list[date]:
    """Expiries after ``session``: the next five weekly, three monthly and the Januaries up to two years."""
    tomorrow = session + timedelta(days=1)
    januaries = [calendar.monthly_expiry(year, _JANUARY) for year in range(session.year, session.year + 3)]
    leaps = [day for day in januaries if tomorrow <= day <= session + timedelta(days=LEAPS_DAYS)]
    monthlies = islice(calendar.monthly_expiries(tomorrow), MONTHLIES)
    return sorted({*calendar.weekly_expiries(tomorrow, WEEKLIES), *monthlies, *leaps})


def index_expiries(calendar: TradingCalendar, session: date) -> list[date]:
    """The weekly expiries around 30 days ahead: what a volatility index needs, and no more."""
    weekly = calendar.weekly_expiries(session + timedelta(days=16), 4)
    return [day for day in weekly if (day - session).days <= 44]


def _millis(price: Floats) -> Integers:
    return np.rint(price * _MILLIS).astype(np.int64)
