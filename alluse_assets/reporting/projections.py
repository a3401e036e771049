"""All tables that are projected from one book's journal, and the one function that makes them.

Pure: events in, frames out. Where the frames go (the lake, the research file) is decided elsewhere, so that
every reader of a journal up to some day sees the same tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from alluse_assets.accounts.project import project_book_terms, project_config_versions
from alluse_assets.accounts.tables import BOOK_TERMS, CONFIG_VERSIONS
from alluse_assets.alerts.project import project_alerts
from alluse_assets.alerts.tables import ALERTS
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.config_manager import from_canonical
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Table
from alluse_assets.execution.approval_table import APPROVALS, project_approvals
from alluse_assets.execution.project import project_option_trades, project_orders
from alluse_assets.execution.tables import OPTION_TRADES, ORDERS
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import fold
from alluse_assets.ledger.project import (
    BookAtClose,
    book_at_closes,
    project_balances,
    project_lots,
    project_net_asset_value,
    project_positions,
)
from alluse_assets.ledger.tables import BALANCES, LOTS, NET_ASSET_VALUE, POSITIONS
from alluse_assets.protection.project import (
    project_account_states,
    project_chain_contracts,
    project_protection_levels,
    project_rolls,
)
from alluse_assets.protection.project_history import (
    project_account_holds,
    project_level_changes,
    project_protection_stops,
)
from alluse_assets.protection.tables import (
    ACCOUNT_HOLDS,
    ACCOUNT_STATES,
    CHAIN_CONTRACTS,
    LEVEL_CHANGES,
    PROTECTION_LEVELS,
    PROTECTION_STOPS,
    ROLLS,
)
from alluse_assets.reporting.performance import project_performance, project_period_returns
from alluse_assets.reporting.tables import PERFORMANCE, PERIOD_RETURNS
from alluse_assets.strategies.decisions import ENTRY_DECISIONS, project_entry_decisions
from alluse_assets.weeks.project import project_market_modes, project_week_types
from alluse_assets.weeks.tables import MARKET_MODES, WEEK_TYPES

PROJECTIONS: tuple[Table, ...] = (
    BOOK_TERMS,
    CONFIG_VERSIONS,
    NET_ASSET_VALUE,
    BALANCES,
    POSITIONS,
    LOTS,
    ORDERS,
    OPTION_TRADES,
    APPROVALS,
    ENTRY_DECISIONS,
    MARKET_MODES,
    PROTECTION_LEVELS,
    CHAIN_CONTRACTS,
    LEVEL_CHANGES,
    ACCOUNT_STATES,
    ACCOUNT_HOLDS,
    PROTECTION_STOPS,
    ROLLS,
    WEEK_TYPES,
    ALERTS,
    PERFORMANCE,
    PERIOD_RETURNS,
)


def project(events: Sequence[Event], calendar: TradingCalendar) -> dict[str, pl.DataFrame]:
    """Every table of ``PROJECTIONS`` by name, in that order, from a book's events.

    Args:
        events: from the first; where they end is the day that the tables know.
        calendar: says which sessions end a week.

    Raises:
        JournalError: the events do not begin with the opening of a book.
    """
    if not events or events[0].type != EventType.BOOK_OPENED:
        raise JournalError("there is no opened book in this journal; replay or open one first")
    form = events[0].payload["config"]
    assert isinstance(form, Mapping)
    config = from_canonical(form)
    closes = book_at_closes(events)

    def is_week_end(session: date) -> bool:
        return calendar.week_of(session).last == session

    frames = {
        BOOK_TERMS.name: project_book_terms(events),
        CONFIG_VERSIONS.name: project_config_versions(events),
        NET_ASSET_VALUE.name: project_net_asset_value(closes),
        BALANCES.name: project_balances(closes),
        POSITIONS.name: project_positions(closes),
        LOTS.name: project_lots(closes, is_week_end),
        ORDERS.name: project_orders(events),
        OPTION_TRADES.name: project_option_trades(events),
        APPROVALS.name: project_approvals(events),
        ENTRY_DECISIONS.name: project_entry_decisions(events),
        MARKET_MODES.name: project_market_modes(events),
        PROTECTION_LEVELS.name: project_protection_levels(closes),
        CHAIN_CONTRACTS.name: project_chain_contracts(closes),
        LEVEL_CHANGES.name: project_level_changes(events),
        ACCOUNT_STATES.name: project_account_states(closes),
        ACCOUNT_HOLDS.name: project_account_holds(events),
        PROTECTION_STOPS.name: project_protection_stops(events),
        ROLLS.name: project_rolls(events),
        WEEK_TYPES.name: project_week_types(events, is_week_end),
        ALERTS.name: project_alerts(events),
    }
    value, trades = frames[NET_ASSET_VALUE.name], frames[OPTION_TRADES.name]
    frames[PERFORMANCE.name] = project_performance(value, trades, frames[BALANCES.name], config.multiplier)
    frames[PERIOD_RETURNS.name] = project_period_returns(value, lambda day: calendar.week_of(day).id)
    return frames


def project_now(events: Sequence[Event], calendar: TradingCalendar) -> dict[str, pl.DataFrame]:
    """As ``project``; levels and states of accounts have a row of the last event's day, too.

    What happened after the last close is in those rows. Their prices are the last close's: a journal has
    others only where something changed.
    """
    frames = project(events, calendar)
    closes = book_at_closes(events)
    if events[-1].type == EventType.SESSION_CLOSED:
        return frames
    day, state = events[-1].effective_at.astimezone(NEW_YORK).date(), fold(events)
    now = (
        replace(closes[-1], session=day, state=state)
        if closes
        else BookAtClose(day, state, {}, frozenset(), {})
    )
    for table, rows in (
        (PROTECTION_LEVELS, project_protection_levels([now])),
        (CHAIN_CONTRACTS, project_chain_contracts([now])),
        (ACCOUNT_STATES, project_account_states([now])),
    ):
        before = frames[table.name].filter(pl.col("session") != day)
        frames[table.name] = pl.concat([before, rows])
    return frames
