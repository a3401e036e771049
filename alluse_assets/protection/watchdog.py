"""What a watchdog finds wrong with how a live book is run: late steps, missed looks, options without a level.

Pure: the sensor reads, asks this, and acts. Each finding has the alert that tells of it; its id names the
matter and the session, so that asking again raises nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from alluse_assets.alerts.alert import Alert, AlertType
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.ledger.book_state import BookState
from alluse_assets.protection.levels import monitoring_minutes, watch_level


class LookLog(Protocol):
    """Remembers of each book when it was looked at. No part of its journal: a day of looks is no history."""

    def looked(self, book: str, at: datetime) -> None:
        """The book was looked at, and all of it is committed."""

    def failed(self, book: str, at: datetime, why: str) -> None:
        """A look at the book could not be made."""

    def last(self, book: str) -> LastLook:
        """What is known of the book's looks."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """``looked_at``: the last look that was made. ``failed_at``, ``why``: the last one that was not."""

    looked_at: datetime | None = None
    failed_at: datetime | None = None
    why: str = ""


def step_alert_id(kind: str, session: date) -> str:
    """The id of the alert that a walk raises when a step cannot be made."""
    return f"walk/{kind}/{session}"


GRACE = timedelta(minutes=15)
"""How late a step may be before somebody is told: runs start within a minute or two."""
_MISSED_LOOKS = 3
"""So many looks in a row that were not made are told of."""
_LEAST_OUTAGE = timedelta(minutes=5)
"""Where looks come every minute: a run may take some, and a source that was slow is asked again."""
_RUN_TIME = timedelta(minutes=2)
"""A look that is under way is not missed yet."""
_DONE = {"open": "opened", "close": "closed"}


def decide_protocol_alerts(
    state: BookState,
    calendar: TradingCalendar,
    now: datetime,
    config: ProtocolConfig,
    told: Collection[str] = (),
    looks: LastLook | None = None,
) -> list[Alert]:
    """Everything that is wrong at ``now``; empty when all is well, or the book has not begun.

    Args:
        state: the book.
        calendar: whose sessions.
        now: the instant.
        config: the configuration in force.
        told: ids of alerts that the book has already. What a walk has told to be stuck is not told again,
            nor is what only waits behind it.
        looks: what is known of the book's looks; None: nobody remembers them.
    """
    if not state.opened:
        return []
    late: list[Alert] = []
    for kind, session in late_steps(state, calendar, now, config):
        if step_alert_id(kind, session) in told:
            break
        late.append(_late(f"{session} has not been {_DONE[kind]}", f"{kind}/{session}"))
    return [*late, *_missed_looks(state, calendar, now, config, looks), *_without_level(state, config)]


def late_steps(
    state: BookState, calendar: TradingCalendar, now: datetime, config: ProtocolConfig
) -> list[tuple[str, date]]:
    """Openings and closes that should have been made by ``now``, in order; none before the book is opened."""
    if not state.opened:
        return []
    first = datetime.fromisoformat(str(state.opened["first_session"])).date()
    begin = calendar.next_session(state.last_closed) if state.last_closed else first
    late = []
    for session in calendar.sessions(begin, now.astimezone(NEW_YORK).date()):
        opens = calendar.open_time(session)
        closed_by = calendar.close_time(session) + timedelta(minutes=config.live.close_after_minutes)
        if (state.last_opened is None or session > state.last_opened) and now > opens + GRACE:
            late.append(("open", session))
        if now > closed_by + GRACE:
            late.append(("close", session))
    return late


def book_watch_level(state: BookState, config: ProtocolConfig) -> int:
    """The level that says how often a book is looked at."""
    kinds = {name: account.kind for name, account in state.accounts.items()}
    return watch_level(state.protection.chains.values(), kinds, config.protection)  # type: ignore[arg-type]


def is_look_overdue(
    looks: LastLook, calendar: TradingCalendar, now: datetime, level: int, config: ProtocolConfig
) -> bool:
    """Whether the session's last look is so old that one was missed: failed, or its minute was busy.

    Args:
        looks: what is known of the book's looks.
        calendar: whose sessions.
        now: the instant.
        level: the highest of any open option.
        config: the configuration in force.
    """
    since = _last_look(looks, calendar, now, config)
    every = timedelta(minutes=monitoring_minutes(config.protection, level))
    return since is not None and now - since > every + _RUN_TIME


def _last_look(
    looks: LastLook, calendar: TradingCalendar, now: datetime, config: ProtocolConfig
) -> datetime | None:
    """From when on the session of ``now`` has not been looked at; None out of the hours of looks."""
    session = now.astimezone(NEW_YORK).date()
    if not calendar.is_session(session):
        return None
    first = calendar.open_time(session) + timedelta(minutes=config.live.first_look_minutes)
    if not first <= now <= calendar.close_time(session):
        return None
    return max(first, looks.looked_at or first)


def _late(what: str, matter: str) -> Alert:
    words = (
        f"Session {what}: nobody walks the book's steps, so nothing protects its positions. Start the "
        "schedule trading_schedule, or `alluse trade --watch`"
    )
    return Alert(f"watchdog/{matter}", AlertType.SYSTEM, "CRITICAL", words, dedup_key=f"watchdog/{matter}")


def _missed_looks(
    state: BookState,
    calendar: TradingCalendar,
    now: datetime,
    config: ProtocolConfig,
    looks: LastLook | None,
) -> list[Alert]:
    """While options are open: an alert when several looks in a row have not been made, one an outage."""
    since = None if looks is None else _last_look(looks, calendar, now, config)
    is_open = any(account.options for account in state.accounts.values())
    if looks is None or since is None or not is_open:
        return []
    every = monitoring_minutes(config.protection, book_watch_level(state, config))
    if now - since <= max(_MISSED_LOOKS * timedelta(minutes=every), _LEAST_OUTAGE):
        return []
    if looks.failed_at is not None and looks.failed_at > since:
        why = f"the last try, at {_clock(looks.failed_at)}, failed: {looks.why}"
    else:
        why = "nobody walks the book's steps: start the schedule trading_schedule, or `alluse trade --watch`"
    words = (
        f"The market has not been looked at since {_clock(since)} New York, so nothing protects what is "
        f"open; {why}"
    )
    name = f"watchdog/look/{since.astimezone(NEW_YORK):%Y-%m-%dT%H:%M}"
    return [Alert(name, AlertType.SYSTEM, "CRITICAL", words, dedup_key="watchdog/look")]


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%H:%M}"


def _without_level(state: BookState, config: ProtocolConfig) -> list[Alert]:
    if not config.protection.enabled:
        return []
    alerts = []
    for account in state.accounts.values():
        for contract, short in sorted(account.shorts.items()):
            if short.chain_id in state.protection.chains:
                continue
            matter = f"no_level/{account.name}/{contract}"
            words = f"{account.name} is short {contract} without a protection level: watch it by hand"
            alerts.append(
                Alert(
                    f"watchdog/{matter}",
                    AlertType.PROTOCOL,
                    "CRITICAL",
                    words,
                    account.name,
                    short.underlying,
                    dedup_key=matter,
                )
            )
    return alerts
