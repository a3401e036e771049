"""What a watchdog finds wrong with how a live book is run: steps that are late, positions without a level.

Pure: the sensor reads, asks this, and acts. Each finding has the alert that tells of it; its id names the
matter and the session, so that asking again raises nothing twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alluse_assets.alerts.alert import Alert, AlertType
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.ledger.book_state import BookState

GRACE = timedelta(minutes=15)
"""How late a step may be before somebody is told: runs start within a minute or two."""


def decide_protocol_alerts(
    state: BookState, calendar: TradingCalendar, now: datetime, config: ProtocolConfig
) -> list[Alert]:
    """Everything that is wrong at ``now``; empty when all is well, or the book has not begun.

    Args:
        state: the book.
        calendar: whose sessions.
        now: the instant.
        config: the configuration in force.
    """
    if not state.opened:
        return []
    return [*_late_steps(state, calendar, now, config), *_without_level(state, config)]


def _late_steps(
    state: BookState, calendar: TradingCalendar, now: datetime, config: ProtocolConfig
) -> list[Alert]:
    first = datetime.fromisoformat(str(state.opened["first_session"])).date()
    begin = calendar.next_session(state.last_closed) if state.last_closed else first
    alerts = []
    for session in calendar.sessions(begin, now.astimezone(NEW_YORK).date()):
        opens = calendar.open_time(session)
        closed_by = calendar.close_time(session) + timedelta(minutes=config.live.close_after_minutes)
        if (state.last_opened is None or session > state.last_opened) and now > opens + GRACE:
            alerts.append(_late(f"{session} has not been opened", f"open/{session}"))
        if now > closed_by + GRACE:
            alerts.append(_late(f"{session} has not been closed", f"close/{session}"))
    return alerts


def _late(what: str, matter: str) -> Alert:
    words = (
        f"Session {what}: nobody walks the book's steps, so nothing protects its positions. Start the "
        "schedule trading_schedule, or `alluse trade --watch`"
    )
    return Alert(f"watchdog/{matter}", AlertType.SYSTEM, "CRITICAL", words, dedup_key=f"watchdog/{matter}")


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
