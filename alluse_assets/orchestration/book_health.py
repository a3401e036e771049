"""What ``alluse doctor`` says of each book: mode, states, last step, and whether its alerts reach anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Literal, NamedTuple

from alluse_assets.accounts.config_in_force import CONFIG_EVENTS, config_in_force
from alluse_assets.accounts.states import AccountStatus, status_of
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.deliveries import PostgresDeliveries
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.alerts.delivery import StandingState, standings
from alluse_assets.alerts.states import ALERT_EVENTS, alerts_of
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.errors import AlluseError
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookRow
from alluse_assets.ledger.book_fold import fold
from alluse_assets.ledger.book_state import BookState
from alluse_assets.orchestration.book_config import config_of_book, profile_asked
from alluse_assets.orchestration.notifications import why_nothing_is_sent
from alluse_assets.protection.watchdog import decide_protocol_alerts

_NEEDED = (
    *CONFIG_EVENTS,
    *(EventType.SESSION_OPENED, EventType.ACCOUNT_OPENED, EventType.HOLD_PLACED, EventType.HOLD_LIFTED),
)
"""Events that say mode, states and steps; the rest of a journal is not read."""


class BookFinding(NamedTuple):
    """One line: of which book, how it is, and what to do where it is not well."""

    what: str
    status: Literal["ok", "off", "warning", "fault"]
    found: str
    remedy: str = ""


def examine_books(
    url: str, environ: Mapping[str, str], calendar: TradingCalendar, now: datetime
) -> Iterator[BookFinding]:
    """Two lines a book: how it stands, and what becomes of its alerts.

    Raises:
        ServerError: the database cannot be reached.
    """
    with open_pool(url) as pool:
        journal, deliveries = PostgresJournal(pool), PostgresDeliveries(pool)
        for row in journal.books():
            stands = partial(_book, journal, row, calendar, now)
            reaches = partial(_alerts, journal, deliveries, row, environ, now)
            for name, look in ((row.name, stands), (f"{row.name}: alerts", reaches)):
                try:
                    yield look()
                except AlluseError as error:
                    yield BookFinding(name, "fault", str(error), "see the message")


def _book(journal: PostgresJournal, row: BookRow, calendar: TradingCalendar, now: datetime) -> BookFinding:
    state = fold(one.event for one in journal.read(row.name, types=_NEEDED))
    if not state.opened:
        return BookFinding(row.name, "off", f"{row.kind}, not opened yet", "alluse trade opens a paper book")
    config = config_in_force(state)
    statuses = {name: status_of(state.protection, name) for name in sorted(state.accounts)}
    found = (
        f"{row.kind}, mode {config.approvals.mode}; {_states(statuses)}; {_last_step(journal, row, state)}"
    )
    if row.kind == "replay":
        return BookFinding(row.name, "ok", found)
    late = decide_protocol_alerts(state, calendar, now, config)
    if late:
        return BookFinding(row.name, "warning", found, late[0].text)
    if set(statuses.values()) - {AccountStatus.ACTIVE}:
        return BookFinding(
            row.name, "warning", found, f"why: the app's page Protection, or alluse alerts --book {row.name}"
        )
    return BookFinding(row.name, "ok", found)


def _states(statuses: Mapping[str, AccountStatus]) -> str:
    active = [name for name, status in statuses.items() if status is AccountStatus.ACTIVE]
    if len(active) == len(statuses):
        return f"all {len(statuses)} accounts ACTIVE"
    return ", ".join(f"{name} {status}" for name, status in statuses.items())


def _last_step(journal: PostgresJournal, row: BookRow, state: BookState) -> str:
    if state.last_opened and (state.last_closed is None or state.last_opened > state.last_closed):
        step = f"opened {state.last_opened}, not closed"
    elif state.last_closed:
        step = f"closed {state.last_closed}"
    else:
        step = "no session yet"
    last = next(iter(journal.read(row.name, journal.head(row.name).seq - 1))).event
    return f"last step: {step}; last event {last.effective_at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"


def _alerts(
    journal: PostgresJournal,
    deliveries: PostgresDeliveries,
    row: BookRow,
    environ: Mapping[str, str],
    now: datetime,
) -> BookFinding:
    what = f"{row.name}: alerts"
    config = config_of_book(journal, row.name, profile_asked(row.name, environ), environ).asked
    why_nothing = why_nothing_is_sent(config, row.kind)
    tries = sorted(deliveries.read(row.name), key=lambda one: one.at)
    if why_nothing and not tries:
        return BookFinding(what, "off", f"nothing is sent: {why_nothing}")
    alerts = alerts_of(one.event for one in journal.read(row.name, types=ALERT_EVENTS))
    stand = standings(alerts.values(), tries, config.notify, config.alerts.lowest_sent, now)
    given_up = sum(one.state is StandingState.GIVEN_UP for one in stand)
    channels = f"channels {', '.join(sorted(config.notify.channels)) or 'none'}"
    lost = f"; {given_up} given up" if given_up else ""
    if not tries:
        return BookFinding(what, "ok", f"{channels}; nothing was sent yet{lost}")
    last = tries[-1]
    when = f"{last.at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"
    if last.outcome == "failed":
        found = f"{channels}; the last delivery, to {last.channel} at {when}, failed: {last.error}{lost}"
        return BookFinding(
            what, "warning", found, f"alluse notify --test {last.channel}; alluse alerts --book {row.name}"
        )
    word = "was sent" if last.outcome == "sent" else "is under way, or was cut off"
    found = f"{channels}; the last delivery, to {last.channel} at {when}, {word}{lost}"
    status: Literal["ok", "warning"] = "warning" if given_up else "ok"
    return BookFinding(what, status, found, f"alluse alerts --book {row.name}" if given_up else "")
