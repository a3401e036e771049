"""Runs a book over past sessions: one transaction a session, resumable at any point, once per book.

A session is committed whole or not at all, so a replay that was killed goes on behind the last session
it closed and ends in the same state as an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.paper.orders import paper_broker
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.canonical_form import diff
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head
from alluse_assets.journal.store import JournalStore
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.orchestration.market_feed import MarketFeed
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import SessionRoutine, sessions_to_run

_SESSIONS_BETWEEN_ANCHORS = 20
_LEASE_SECONDS = 30.0


@dataclass(slots=True)
class SessionRecorder:
    """Keeps a session's events for one transaction, applied to the state as they come."""

    state: BookState
    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        """Take an event and apply it."""
        self.state = apply(self.state, event)
        self.events.append(event)

    def barrier(self) -> None:
        """Nothing: the paper broker's word is in the same transaction as the intent."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay needs. ``profile`` is the name people see.

    ``config`` is what a new book is opened with, and what the market was prepared for: an existing book
    decides under the version that its journal has in force, and refuses a market prepared for another.
    """

    store: JournalStore
    anchors: AnchorFiles
    lake: Lake
    calendar: TradingCalendar
    book: str
    profile: str
    config: ProtocolConfig

    def run(self, start: date, end: date, on_session: Callable[[date, int, int], None] | None = None) -> Head:
        """Close every session from ``start`` to ``end`` that the book has not closed yet.

        Args:
            start: first session of the book; of an existing book it must be the one it began with.
            end: last day.
            on_session: called after each session with it, how many are done and how many there are.

        Raises:
            JournalError: the book exists with another first session or configuration.
            MissingDataError: data that a session needs is not in the lake.
            ConflictError: another process writes to the book.
        """
        sessions = self.calendar.sessions(start, end)
        if not sessions:
            raise JournalError(f"there is no session from {start} to {end}")
        self.store.create_book(self.book, "replay")
        with self.store.lease(self.book, _LEASE_SECONDS):
            head, state = self._load()
            if not head.seq:
                opened = open_book(
                    self.config, self.profile, sessions[0], self.calendar.open_time(sessions[0])
                )
                state, pending = BookState(), opened
                for event in opened:
                    state = apply(state, event)
            else:
                self._require_same_book(state, sessions[0])
                pending = []
            todo = sessions_to_run(self.calendar, state, sessions[0], end)
            feed = MarketFeed(self.lake, self.config, self.calendar, self.book, sessions[0], sessions[-1])
            done = len(sessions) - len(todo)
            for looks in feed.sessions(todo):
                state, events = close_session(state, looks, config_in_force(state), self.calendar)
                head = self.store.append(self.book, [*pending, *events], head)
                pending = []
                done += 1
                if done % _SESSIONS_BETWEEN_ANCHORS == 0:
                    self.anchors.add(self.book, head)
                if on_session:
                    on_session(looks[0].session, done, len(sessions))
            self.anchors.add(self.book, head)
        return head

    def _load(self) -> tuple[Head, BookState]:
        head, state = Head(), BookState()
        for row in self.store.read(self.book):
            head, state = row.head, apply(state, row.event)
        return head, state

    def _require_same_book(self, state: BookState, first: date) -> None:
        if state.opened["first_session"] != first.isoformat():
            raise JournalError(
                f"book {self.book!r} began on {state.opened['first_session']}, not on {first}: "
                "give that date, or another book's name"
            )
        changes = diff(config_in_force(state), self.config)
        if changes:
            shown = "; ".join(f"{c.path} is {c.before}, not {c.after}" for c in changes[:5])
            raise JournalError(
                f"book {self.book!r} runs under another configuration ({shown}): start again if it was "
                f"changed just now (version {state.config_version}), else give another book's name"
            )


def close_session(
    state: BookState, looks: Sequence[SessionMarket], config: ProtocolConfig, calendar: TradingCalendar
) -> tuple[BookState, Sequence[Event]]:
    """Walk one session of a replay, look by look: the state after it, and its events."""
    recorder, market = SessionRecorder(state), looks[0]
    broker = paper_broker(state, market, config)
    routine = SessionRoutine(recorder, broker, market, config, calendar, config.approvals.replay_answer)
    routine.open()
    for look in looks:
        routine.market, broker.quotes, broker.prices = look, look.quotes, look.prices
        routine.trade()
    broker.quotes = looks[-1].last_quotes
    routine.close()
    return recorder.state, recorder.events
