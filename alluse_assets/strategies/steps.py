"""Which steps of a live book are due at an instant (protocol, section 3).

A session is opened once, looked at every so many minutes by the highest level of any open option, and closed
once after its bars are there. A replay walks the same three steps; what differs is who says when. Beside
them, what needs no market is tended to at once: what an account may not have working any more is cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.protection.levels import monitoring_minutes


class StepKind(StrEnum):
    """The three steps of a session, and ``tend``, which needs no market."""

    OPEN = "open"
    TEND = "tend"
    LOOK = "look"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and the instant that it is of: what it sees is what was known then."""

    kind: StepKind
    session: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a book does not wait for the next look: see ``strategies.waiting``.

    ``for_look``: a yes that can be used, a look that was missed. ``to_end``: orders that are to be cancelled,
    or were refused.
    """

    for_look: bool = False
    to_end: bool = False


NOTHING = Waiting()


def due_steps(
    calendar: TradingCalendar,
    first_session: date,
    last_opened: date | None,
    last_closed: date | None,
    highest_level: int,
    now: datetime,
    config: ProtocolConfig,
    waiting: Waiting = NOTHING,
) -> list[Step]:
    """What is due at ``now``, in order: sessions that were missed first, then this one's steps.

    A look that was missed is gone: a later one sees the market as it is by then. Openings and closes are
    made up for, however late.

    Args:
        calendar: whose sessions.
        first_session: the book's first.
        last_opened: the latest session that was opened; None: none.
        last_closed: the latest session that was closed; None: none.
        highest_level: of any open option: it says how often to look.
        now: the instant of the question.
        config: the configuration in force.
        waiting: what does not wait for the next look.
    """
    today = now.astimezone(NEW_YORK).date()
    begin = calendar.next_session(last_closed) if last_closed else first_session
    steps = []
    for session in calendar.sessions(begin, today):
        opens, closes = calendar.open_time(session), calendar.close_time(session)
        if now < opens:
            break
        if last_opened is None or session > last_opened:
            steps.append(Step(StepKind.OPEN, session, opens))
        if session == today and now <= closes and waiting.to_end:
            steps.append(Step(StepKind.TEND, session, now))
        if session == today and is_look_due(now, opens, closes, highest_level, config, waiting):
            steps.append(Step(StepKind.LOOK, session, now))
        if now >= closes + timedelta(minutes=config.live.close_after_minutes):
            steps.append(Step(StepKind.CLOSE, session, closes))
    return steps


def is_look_due(
    now: datetime,
    opens: datetime,
    closes: datetime,
    highest_level: int,
    config: ProtocolConfig,
    waiting: Waiting = NOTHING,
) -> bool:
    """Whether the minute of ``now`` is one to look in.

    That is every n-th of the session, by the highest level, and any one in which something waits for a look.
    """
    first = opens + timedelta(minutes=config.live.first_look_minutes)
    if not first <= now <= closes:
        return False
    every = monitoring_minutes(config.protection, highest_level)
    return waiting.for_look or int((now - opens).total_seconds() // 60) % every == 0
