"""Runs a replayed book once more with approval = yes, in memory: it is no book, and leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.config_in_force import ConfigTimeline, config_state, timeline_of
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head, RecordedEvent, link
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.market_feed import MarketFeed
from alluse_assets.orchestration.replay import close_session
from alluse_assets.reporting.floor_comparison import FloorComparison, asks_anything, side_by_side

OnSession = Callable[[date, int, int], None]


def compare_floors(
    book: str,
    rows: Sequence[RecordedEvent],
    lake: Lake,
    calendar: TradingCalendar,
    config: ProtocolConfig,
    on_session: OnSession | None = None,
) -> FloorComparison:
    """Put a replay beside the same one with ``approvals.replay_answer`` = yes.

    A replay that asked nothing, or says yes itself, is the other one, too, and is not run again.

    Args:
        book: its name; the other replay reads the same market through it.
        rows: its journal, with at least one closed session.
        lake: where its market is.
        calendar: the trading calendar.
        config: what the book runs on now.
        on_session: called after each session with it, how many are done and how many there are.

    Raises:
        JournalError: the book has closed no session.
        MissingDataError: data that a session needs is not in the lake.
    """
    closed = [str(r.event.payload["session"]) for r in rows if r.event.type == EventType.SESSION_CLOSED]
    if not closed:
        raise JournalError(f"book {book!r} has closed no session yet: there is nothing to compare")
    state = config_state(row.event for row in rows)
    timeline = timeline_of(state.config_history, state.last_closed)
    says_yes = all(version.approvals.replay_answer == "yes" for _, version in timeline.versions)
    if says_yes or not asks_anything(rows):
        return side_by_side(book, rows, rows, config, calendar)
    opened: Any = rows[0].event.payload
    # What changed on the way changes in the other replay in the same session.
    assenting = ConfigTimeline(
        tuple(
            (after, with_values(version, {"approvals.replay_answer": "yes"}))
            for after, version in timeline.versions
        )
    )
    events = replay_in_memory(
        lake,
        calendar,
        book,
        opened["profile"],
        assenting,
        date.fromisoformat(closed[0]),
        date.fromisoformat(closed[-1]),
        on_session,
    )
    return side_by_side(book, rows, _chained(book, events, rows[0]), config, calendar)


def replay_in_memory(
    lake: Lake,
    calendar: TradingCalendar,
    book: str,
    profile: str,
    configs: ConfigTimeline,
    start: date,
    end: date,
    on_session: OnSession | None = None,
) -> list[Event]:
    """The events that a replay of ``start`` to ``end`` would write, without a journal to write them to.

    Each session is decided under its own version of ``configs``; that versions changed is no event here.
    """
    sessions = calendar.sessions(start, end)
    events = open_book(configs.on(sessions[0]), profile, sessions[0], calendar.open_time(sessions[0]))
    state = fold(events)
    feed = MarketFeed(lake, configs.current, calendar, book, sessions[0], sessions[-1])
    for done, looks in enumerate(feed.sessions(sessions), start=1):
        state, of_session = close_session(state, looks, configs.on(looks[0].session), calendar)
        events += of_session
        if on_session:
            on_session(looks[0].session, done, len(sessions))
    return events


def _chained(book: str, events: Iterable[Event], first: RecordedEvent) -> list[RecordedEvent]:
    head, chained = Head(), []
    for event in events:
        chained.append(link(book, head, event, first.recorded_at))
        head = chained[-1].head
    return chained
