"""Walks a paper book in real time: each step that is due, one transaction a step, resumable at any point.

The steps, rules and fold are the replay's. What a killed process had not committed did not happen; the next
one walks the step again, on what was known at its instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.paper.orders import paper_broker
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head
from alluse_assets.journal.store import JournalStore
from alluse_assets.ledger.book_state import BookState, apply
from alluse_assets.orchestration.live_feed import LiveFeed
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.strategies.session import SessionRoutine
from alluse_assets.strategies.steps import Step, StepKind, due_steps

_LEASE_SECONDS = 20.0

FeedOf = Callable[[ProtocolConfig, date], LiveFeed]
"""The feed of a configuration, for a book that began with a session."""


@dataclass
class LiveBook:
    """A paper book and the market that it sees.

    Attributes:
        store, anchors, lake, calendar: the installation.
        book, profile: names; ``asked`` is what a new book runs on.
        feed_of: the feed for the configuration in force.
        look: brings fresh quotes of these tickers before a look; None where something else does.
    """

    store: JournalStore
    anchors: AnchorFiles
    lake: Lake
    calendar: TradingCalendar
    book: str
    profile: str
    asked: ProtocolConfig
    feed_of: FeedOf
    look: Callable[[Sequence[str]], object] | None = None
    _head: Head = field(default_factory=Head)
    _state: BookState = field(default_factory=BookState)

    def walk(self, now: datetime) -> list[Step]:
        """Walk what is due at ``now``; the steps that were walked. Nothing due writes nothing.

        Raises:
            ConfigError: the book is a replay's.
            MissingDataError: a step's bars are not there yet; the steps before it are done.
            ConflictError: another process has the book.
        """
        self._require_paper()
        now = now.astimezone(UTC)
        with self.store.lease(self.book, _LEASE_SECONDS):
            self._catch_up()
            if not self._head.seq:
                self._append(self._opening(now))
            steps = self._due(now)
            for step in steps:
                self._walk(step)
            if steps:
                self.anchors.add(self.book, self._head)
        return steps

    def due(self, now: datetime) -> list[Step]:
        """What ``walk`` would walk; the whole of the first session for a book that is not opened yet."""
        self.read()
        return self._due(now)

    def read(self) -> BookState:
        """The book as it is in the journal now."""
        self._catch_up()
        return self._state

    def append(self, events: Sequence[Event]) -> None:
        """Put events of others, such as a watchdog's alerts, into the journal.

        Raises:
            ConflictError: another process has the book.
        """
        if events:
            with self.store.lease(self.book, _LEASE_SECONDS):
                self._catch_up()
                self._append(events)

    def _require_paper(self) -> None:
        kinds = {row.name: row.kind for row in self.store.books()}
        kind = kinds.get(self.book, "paper")
        if kind != "paper":
            raise ConfigError(
                f"book {self.book!r} is a {kind} book: `alluse trade` walks paper books; name another"
            )
        self.store.create_book(self.book, "paper")

    def _due(self, now: datetime) -> list[Step]:
        state = self._state
        opened = state.opened.get("first_session")
        first = date.fromisoformat(str(opened)) if opened else self._first_session(now)
        config = config_in_force(state) if opened else self.asked
        level = highest_level(state)
        return due_steps(self.calendar, first, state.last_opened, state.last_closed, level, now, config)

    def _first_session(self, now: datetime) -> date:
        today = now.astimezone(NEW_YORK).date()
        if self.calendar.is_session(today) and now <= self.calendar.close_time(today):
            return today
        return self.calendar.next_session(today)

    def _opening(self, now: datetime) -> list[Event]:
        first = self._first_session(now)
        return open_book(self.asked, self.profile, first, min(now, self.calendar.open_time(first)))

    def _catch_up(self) -> None:
        for row in self.store.read(self.book, self._head.seq):
            self._head, self._state = row.head, apply(self._state, row.event)

    def _walk(self, step: Step) -> None:
        config = config_in_force(self._state)
        if step.kind is StepKind.LOOK and self.look is not None:
            self.look(list(config.underlyings))
        first = date.fromisoformat(str(self._state.opened["first_session"]))
        market = self.feed_of(config, first).market(step, self._state.mode_guess)
        recorder = SessionRecorder(self._state)
        routine = SessionRoutine(
            recorder, paper_broker(self._state, market, config), market, config, self.calendar
        )
        {StepKind.OPEN: routine.open, StepKind.LOOK: routine.trade, StepKind.CLOSE: routine.close}[
            step.kind
        ]()
        self._append(recorder.events)

    def _append(self, events: Sequence[Event]) -> None:
        if events:
            self._head = self.store.append(self.book, events, self._head)
            for event in events:
                self._state = apply(self._state, event)


def highest_level(state: BookState) -> int:
    """The highest protection level of any open option of a book."""
    return max((one.level for one in state.protection.chains.values() if one.contracts), default=0)
