"""Which steps of a live book are due at an instant (protocol, section 3).

A session is opened once, looked at every so many minutes by the highest level of any open option, and closed
once after its bars are there. A replay walks the same three steps; what differs is who says when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.protection.levels import monitoring_minutes


class StepKind(StrEnum):
    """The three steps of a session."""

    OPEN = "open"
    LOOK = "look"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and the instant that it is of: what it sees is what was known then."""

    kind: StepKind
    session: date
    at: datetime


def due_steps(
    calendar: TradingCalendar,
    first_session: date,
    last_opened: date | None,
    last_closed: date | None,
    highest_level: int,
    now: datetime,
    config: ProtocolConfig,
) -> list[Step]:
    """What is due at ``now``, in order: sessions that were missed first, then this one's steps.

    A look that was missed is gone: the next one sees the market as it is by then. Openings and closes are
    made up for, however late.

    Args:
        calendar: whose sessions.
        first_session: the book's first.
        last_opened: the latest session that was opened; None: none.
        last_closed: the latest session that was closed; None: none.
        highest_level: of any open option: it says how often to look.
        now: the instant of the question.
        config: the configuration in force.
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
        if session == today and is_look_due(now, opens, closes, highest_level, config):
            steps.append(Step(StepKind.LOOK, session, now))
        if now >= closes + timedelta(minutes=config.live.close_after_minutes):
            steps.append(Step(StepKind.CLOSE, session, closes))
    return steps


def is_look_due(
    now: datetime, opens: datetime, closes: datetime, highest_level: int, config: ProtocolConfig
) -> bool:
    """Whether the minute of ``now`` is one to look in: every n-th of the session, by the highest level."""
    first = opens + timedelta(minutes=config.live.first_look_minutes)
    if not first <= now <= closes:
        return False
    every = monitoring_minutes(config.protection, highest_level)
    return int((now - opens).total_seconds() // 60) % every == 0
