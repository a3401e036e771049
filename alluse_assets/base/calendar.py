"""The XNYS trading calendar: sessions, early closes, trading weeks, entry sessions, expiries.

Here: dates and instants, from exchange-calendars. Not here: what is done in a session or a week, and
no clock: "today" is always an argument of somebody else's.

The calendar is built on first use, not on import: exchange-calendars brings pandas, which would cost
each process that loads the code location more than a second whether it needs a calendar or not.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from alluse_assets.base.errors import DataError

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(1990, 1, 1)
# The exchange publishes its closures about three years ahead; further on a rule would be a guess. This
# date is a constant rather than "today plus a year", so that a calendar is the same on every day.
PUBLISHED_THROUGH = date(2028, 12, 31)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = range(5)
_EXPIRY_TIME = time(16, 0)


@dataclass(frozen=True, slots=True)
class TradingWeek:
    """The sessions of one calendar week, at least one, in order. ``monday`` may itself be a holiday."""

    monday: date
    sessions: tuple[date, ...]

    @property
    def id(self) -> str:
        """The week's name everywhere: its Monday as ``YYYY-MM-DD``."""
        return self.monday.isoformat()

    @property
    def first(self) -> date:
        """The first session."""
        return self.sessions[0]

    @property
    def last(self) -> date:
        """The last session: usually Friday, Thursday in the week of Good Friday."""
        return self.sessions[-1]


class TradingCalendar:
    """Sessions with their opening and closing instants, and what follows from them.

    Every question about a date outside ``first_session`` to ``horizon`` raises a DataError instead of
    answering "no session".
    """

    def __init__(
        self,
        sessions: Iterable[date],
        opens: Iterable[datetime],
        closes: Iterable[datetime],
        early_closes: Iterable[date],
        *,
        first_day: date = FIRST_DAY,
        horizon: date = PUBLISHED_THROUGH,
    ) -> None:
        """``sessions`` ascending; ``opens`` and ``closes`` aware, one a session; bounds are inclusive."""
        self._sessions = list(sessions)
        self._open = dict(zip(self._sessions, opens, strict=True))
        self._close = dict(zip(self._sessions, closes, strict=True))
        self._early = frozenset(early_closes)
        self.first_day = first_day
        self.horizon = horizon

    @property
    def first_session(self) -> date:
        """The first session that the calendar knows."""
        return self._sessions[0]

    def sessions(self, start: date, end: date) -> list[date]:
        """The sessions from ``start`` to ``end``, both included."""
        self._check(start, end)
        return self._sessions[bisect_left(self._sessions, start) : bisect_right(self._sessions, end)]

    def closed_weekdays(self, start: date, end: date) -> list[date]:
        """Mondays to Fridays from ``start`` to ``end`` on which the exchange is closed."""
        self._check(start, end)
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return [day for day in days if day.weekday() <= FRIDAY and day not in self._open]

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on ``day``."""
        self._check(day)
        return day in self._open

    def is_early_close(self, session: date) -> bool:
        """Whether ``session`` closes before 16:00 New York."""
        self._require(session)
        return session in self._early

    def open_time(self, session: date) -> datetime:
        """The opening of ``session``, in UTC."""
        self._require(session)
        return self._open[session]

    def close_time(self, session: date) -> datetime:
        """The close of ``session``, early closes included, in UTC."""
        self._require(session)
        return self._close[session]

    def previous_session(self, day: date, n: int = 1) -> date:
        """The ``n``-th session strictly before ``day``, which need not be a session itself."""
        self._check(day)
        return self._at(bisect_left(self._sessions, day) - n, day)

    def next_session(self, day: date, n: int = 1) -> date:
        """The ``n``-th session strictly after ``day``, which need not be a session itself."""
        self._check(day)
        return self._at(bisect_right(self._sessions, day) + n - 1, day)

    def session_on_or_before(self, day: date) -> date:
        """``day`` when it is a session, else the last one before it."""
        return day if self.is_session(day) else self.previous_session(day)

    def trading_days_between(self, start: date, end: date) -> int:
        """How many sessions lie after ``start`` and up to ``end``; 0 when they are the same day."""
        self._check(start, end)
        return bisect_right(self._sessions, end) - bisect_right(self._sessions, start)

    def week_of(self, day: date) -> TradingWeek:
        """The trading week of ``day``'s calendar week, Monday to Sunday.

        Raises:
            DataError: that week has no session, or lies outside the calendar.
        """
        self._check(day)
        monday = day - timedelta(days=day.weekday())
        low, high = (bisect_left(self._sessions, edge) for edge in (monday, monday + timedelta(days=7)))
        if low == high:
            raise DataError(f"the week of {monday} has no session on XNYS")
        return TradingWeek(monday, tuple(self._sessions[low:high]))

    def weeks(self, start: date, end: date) -> list[TradingWeek]:
        """The weeks that have a session from ``start`` to ``end``, each with all of its sessions."""
        by_monday = {day - timedelta(days=day.weekday()): day for day in self.sessions(start, end)}
        return [self.week_of(session) for session in by_monday.values()]

    def entry_sessions(self, week: TradingWeek, weekdays: Iterable[int]) -> tuple[date, ...]:
        """The sessions of ``week`` on which entries are allowed (protocol, section 2), ascending, each once.

        ``weekdays`` counts Monday as 0. A weekday without a session is replaced by the next session of
        the same week; when none is left, nothing replaces it, so the result may be empty: an idle week.
        """
        chosen = set()
        for weekday in weekdays:
            wanted = week.monday + timedelta(days=weekday)
            chosen.update([session for session in week.sessions if session >= wanted][:1])
        return tuple(sorted(chosen))

    def entry_window(
        self, session: date, opens: time, closes: time, early_close_opens: time
    ) -> tuple[datetime, datetime]:
        """First and last instant of the entry window of ``session``, in UTC; arguments are New York time.

        On an early close the window opens at ``early_close_opens`` and ends as on other days.
        """
        start = early_close_opens if self.is_early_close(session) else opens
        return new_york_instant(session, start), new_york_instant(session, closes)

    def week_last_expiry(self, week: TradingWeek) -> date:
        """The last expiry of the week: its last session."""
        return week.last

    def weekly_expiries(self, day: date, count: int) -> list[date]:
        """The last sessions of ``count`` weeks, the first of them on or after ``day``."""
        found: list[date] = []
        cursor = day
        while len(found) < count:
            last = self.week_of(cursor).last
            if last >= day:
                found.append(last)
            cursor = cursor - timedelta(days=cursor.weekday()) + timedelta(days=7)
        return found

    def monthly_expiry(self, year: int, month: int) -> date:
        """The third Friday, or the session before it when the exchange is closed.

        Until January 2015 the contracts themselves named the Saturday after; their last trading day is
        this one, and it is the date used for all years.
        """
        first = date(year, month, 1)
        friday = first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 14)
        return self.session_on_or_before(friday)

    def monthly_expiries(self, day: date) -> Iterator[date]:
        """Monthly expiries on or after ``day``, without end; past the horizon a DataError."""
        year, month = day.year, day.month
        while True:
            expiry = self.monthly_expiry(year, month)
            if expiry >= day:
                yield expiry
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def _check(self, *days: date) -> None:
        for day in days:
            if not self.first_day <= day <= self.horizon:
                raise DataError(
                    f"{day} is outside the XNYS calendar ({self.first_day} to {self.horizon}); later dates "
                    "need a newer release, made when the exchange has published its closures"
                )

    def _require(self, session: date) -> None:
        self._check(session)
        if session not in self._open:
            raise DataError(f"{session} is no session of XNYS; the next one is {self.next_session(session)}")

    def _at(self, index: int, asked: date) -> date:
        if not 0 <= index < len(self._sessions):
            raise DataError(
                f"the session asked for, counted from {asked}, is outside the XNYS calendar "
                f"({self.first_day} to {self.horizon})"
            )
        return self._sessions[index]


@lru_cache(maxsize=1)
def trading_calendar() -> TradingCalendar:
    """The XNYS calendar from 1990 to ``calendar_horizon()``; built once a process."""
    from exchange_calendars import get_calendar

    with warnings.catch_warnings():
        # exchange-calendars 4.13 meets a deprecation of pandas 3 that its users cannot act on.
        warnings.simplefilter("ignore", DeprecationWarning)
        source = get_calendar("XNYS", start=FIRST_DAY.isoformat(), end=PUBLISHED_THROUGH.isoformat())
    opens, closes = (
        [instant.to_pydatetime().astimezone(UTC) for instant in column]
        for column in (source.opens, source.closes)
    )
    return TradingCalendar(
        (stamp.date() for stamp in source.sessions),
        opens,
        closes,
        (stamp.date() for stamp in source.early_closes),
    )


def calendar_horizon() -> date:
    """The last day that the calendar covers. A start less than a year before it deserves a warning."""
    return PUBLISHED_THROUGH


def new_york_instant(day: date, at: time) -> datetime:
    """The instant of the wall-clock time ``at`` in New York on ``day``, in UTC."""
    return datetime.combine(day, at, NEW_YORK).astimezone(UTC)


def new_york_text(moment: datetime) -> str:
    """An instant as people read it: ``Thu 2026-11-19 11:00 New York``; with seconds where there are any."""
    there = moment.astimezone(NEW_YORK)
    clock = f"{there:%H:%M:%S}" if there.second or there.microsecond else f"{there:%H:%M}"
    return f"{there:%a %Y-%m-%d} {clock} New York"


def has_stopped_trading(expiry: date, session: date, now: datetime, ends_at: datetime) -> bool:
    """Whether an option that expires on ``expiry`` trades no more at ``now`` of ``session``.

    ``ends_at``: when options that expire in this session stop: at 16:00 New York or an early close.
    """
    return expiry < session or (expiry == session and now >= ends_at)


def expiry_instant(expiry: date) -> datetime:
    """The instant to which an option's life counts: 16:00 New York on its expiry date, in UTC."""
    return new_york_instant(expiry, _EXPIRY_TIME)
