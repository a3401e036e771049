"""Walks a paper book in real time: each step that is due, one transaction a step, resumable at any point.

The steps, rules and fold are the replay's. What a killed process had not committed did not happen; the next
one walks the step again, on what was known at its instant. Networks are asked before the book is taken, so
that a slow or silent source never keeps a person's commands from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import polars as pl

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.paper.orders import paper_broker
from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import AlluseError, ConfigError, DataError, LedgerError, SourceError
from alluse_assets.base.events import Event
from alluse_assets.journal.chain import Head
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import JournalStore
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.market_data.tables import BARS
from alluse_assets.orchestration.live_feed import LiveFeed
from alluse_assets.orchestration.replay import SessionRecorder
from alluse_assets.protection.watchdog import LookLog, book_watch_level, is_look_overdue, step_alert_id
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.session import GuardRoutine, SessionRoutine
from alluse_assets.strategies.steps import Step, StepKind, due_steps
from alluse_assets.strategies.waiting import waiting_in

_LEASE_SECONDS = 20.0
_ACTOR = "system:walk"
_NOT_BROUGHT = (SourceError, DataError, ConfigError)
"""How asking a source ends that has nothing for us: no answer, an unusable one, nobody to ask."""
_STOPS_A_STEP = (DataError, LedgerError)
"""What one step cannot be made for, while the others and the protection of what is open go on."""

FeedOf = Callable[[ProtocolConfig, date], LiveFeed]
"""The feed of a configuration, for a book that began with a session."""


@dataclass(slots=True)
class _Asked:
    """What the sources were asked before the book was taken, and what came of it.

    ``at``: when they had answered. ``has_looked``: whether quotes were asked for, or come by themselves.
    """

    at: datetime
    has_looked: bool = False
    look_failed: AlluseError | None = None
    bars_failed: dict[date, AlluseError] = field(default_factory=dict)


@dataclass
class LiveBook:
    """A paper book and the market that it sees.

    Attributes:
        store, anchors, lake, calendar: the installation.
        book, profile: names; ``asked`` is what a new book runs on.
        feed_of: the feed for the configuration in force.
        look: brings fresh quotes before a look, under the configuration in force; None where something else
            does.
        bring: brings the bars up to a session to the lake, before it is closed or the next one is opened;
            None where something else does.
        clock: says when the quotes were there, which is the look's instant; None: the instant asked about.
        looks: remembers the looks, for the watchdog.
    """

    store: JournalStore
    anchors: AnchorFiles
    lake: Lake
    calendar: TradingCalendar
    book: str
    profile: str
    asked: ProtocolConfig
    feed_of: FeedOf
    look: Callable[[ProtocolConfig], object] | None = None
    bring: Callable[[ProtocolConfig, date], object] | None = None
    clock: Callable[[], datetime] | None = None
    looks: LookLog | None = None
    _head: Head = field(default_factory=Head)
    _state: BookState = field(default_factory=BookState)

    def walk(self, now: datetime) -> list[Step]:
        """Walk what is due at ``now``; the steps that were walked. Nothing due writes nothing.

        A step that cannot be made is told of in an alert and tried again at each walk. What comes behind it
        waits, but for what protects: today is looked at, and what may not work is cancelled.

        Raises:
            ConfigError: the book is a replay's.
            SourceError: the source did not answer; what needs no market is done.
            DataError: a step cannot be made, as when its bars are not there yet; the others are done.
            ConflictError: another process has the book.
        """
        self._require_paper()
        now = now.astimezone(UTC)
        walked: list[Step] = []
        # What is to be cancelled does not wait for a source that may take its time, or never answer.
        if any(step.kind is StepKind.TEND for step in self.due(now)):
            self._take(now, _Asked(self._time(now)), walked, (StepKind.TEND,))
        failed = self._take(now, self._ask_sources(now), walked, tuple(StepKind))
        if failed is not None:
            raise failed
        return walked

    def _take(
        self, now: datetime, asked: _Asked, walked: list[Step], kinds: Collection[StepKind]
    ) -> AlluseError | None:
        """Take the book and walk what is due of ``kinds``; the first thing that went wrong."""
        with self.store.lease(self.book, _LEASE_SECONDS):
            self._catch_up()
            before = self._head
            if not before.seq:
                self._append(self._opening(now))
            due = [step for step in self._due(now) if step.kind in kinds]
            failed = self._walk_all(due, asked, walked)
            if self._head != before:
                self.anchors.add(self.book, self._head)
        return failed

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

    def _ask_sources(self, now: datetime) -> _Asked:
        """Bring what the steps due at ``now`` need; whoever does not answer is told of later."""
        due, config = self.due(now), self._config
        asked = _Asked(now, self.look is None)
        for step in due:
            # A session is opened on the bars of the ones before it.
            needed = step.session
            if step.kind is StepKind.OPEN:
                needed = self.calendar.previous_session(step.session)
            elif step.kind is not StepKind.CLOSE:
                continue
            if self.bring is None or self._has_bars(needed, config):
                continue
            try:
                self.bring(config, needed)
            except _NOT_BROUGHT as error:
                # What comes behind it waits for it: asking for that, too, would only keep the look waiting.
                asked.bars_failed[step.session] = error
                break
        # Last: a quote is fresh for seconds.
        if self.look is not None and any(step.kind is StepKind.LOOK for step in due):
            asked.has_looked = True
            try:
                self.look(config)
            except _NOT_BROUGHT as error:
                asked.look_failed = error
        asked.at = self._time(now)
        return asked

    def _time(self, now: datetime) -> datetime:
        """The time by now, of a walk that is for ``now``."""
        return now if self.clock is None else max(now, self.clock().astimezone(UTC))

    def _has_bars(self, session: date, config: ProtocolConfig) -> bool:
        """Whether the session's bars came: the market mode's symbol, which trades always, stands for all."""
        mode = pl.col("symbol") == config.market.mode_symbol
        there = self.lake.read(BARS, config.market.source, session, session, columns=["ts"], where=mode)
        return not there.is_empty()

    def _walk_all(self, steps: Sequence[Step], asked: _Asked, walked: list[Step]) -> AlluseError | None:
        """Walk ``steps`` in order, those that can be made; the first thing that went wrong."""
        failed: AlluseError | None = None
        is_blocked = False
        for step in steps:
            one = self._as_asked(step, asked)
            if one is None:
                continue
            try:
                if one.kind is StepKind.LOOK and asked.look_failed is not None:
                    failed = failed or asked.look_failed
                    self._look_failed(one, str(asked.look_failed))
                    continue
                if is_blocked and one.kind in (StepKind.OPEN, StepKind.CLOSE):
                    continue
                if is_blocked and one.kind is StepKind.LOOK:
                    self._protect(one)
                else:
                    self._walk(one)
                walked.append(one)
                if one.kind is StepKind.LOOK and self.looks is not None:
                    self.looks.looked(self.book, one.at)
            except _STOPS_A_STEP as error:
                is_blocked = True
                told = _with_cause(error, asked.bars_failed.get(one.session))
                failed = failed or told
                self._tell(one, told, asked.at)
                if one.kind is StepKind.LOOK:
                    self._look_failed(one, str(told), protect=True)
        return failed

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
        level, waiting = book_watch_level(state, config), waiting_in(state, now)
        if self.looks is not None and is_look_overdue(
            self.looks.last(self.book), self.calendar, now, level, config
        ):
            waiting = replace(waiting, for_look=True)
        return due_steps(
            self.calendar, first, state.last_opened, state.last_closed, level, now, config, waiting
        )

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

    def _as_asked(self, step: Step, asked: _Asked) -> Step | None:
        """A look at the instant of its quotes; None where it has none, or the session is over by then."""
        if step.kind in (StepKind.OPEN, StepKind.CLOSE):
            return step
        if step.kind is StepKind.LOOK and not asked.has_looked:
            return None
        is_over = asked.at > self.calendar.close_time(step.session)
        return None if is_over else replace(step, at=asked.at)

    @property
    def _config(self) -> ProtocolConfig:
        return config_in_force(self._state) if self._state.opened else self.asked

    def _walk(self, step: Step) -> None:
        if step.kind is StepKind.TEND:
            self._tend(step)
            return
        routine = self._routine(self._feed.market(step, self._state.mode_guess))
        {StepKind.OPEN: routine.open, StepKind.LOOK: routine.trade, StepKind.CLOSE: routine.close}[
            step.kind
        ]()
        self._commit(routine)

    def _protect(self, step: Step) -> None:
        """A look that only protects, for a session whose opening or whose forerunner's close waits.

        Day orders of the sessions before have ended, whatever waits: one that worked on would be in the way.
        """
        before = self.calendar.previous_session(step.session)
        ended = Step(StepKind.CLOSE, before, self.calendar.close_time(before))
        orders = self._routine(self._feed.unseen(ended))
        orders.end_orders()
        self._commit(orders)
        routine = self._routine(self._feed.guarded(step, self._state.last_opened), GuardRoutine)
        routine.trade()
        self._commit(routine)

    def _tend(self, step: Step) -> None:
        """What needs no market, and so no quotes."""
        routine = self._routine(self._feed.unseen(step))
        routine.tend()
        self._commit(routine)

    def _look_failed(self, step: Step, why: str, protect: bool = False) -> None:
        """Do of a look that cannot be made what still can be."""
        if self.looks is not None:
            self.looks.failed(self.book, step.at, why)
        if protect:
            try:
                self._protect(step)
                return
            except _STOPS_A_STEP:
                # Told of already: it fails for what the look itself did.
                pass
        self._tend(step)

    def _tell(self, step: Step, error: AlluseError, now: datetime) -> None:
        """Raise what keeps a step from being made; once a session and kind of step."""
        name = step_alert_id(step.kind.value, step.session)
        raised = self.store.read(self.book, types=[EventType.ALERT_RAISED])
        if any(row.event.payload["alert"] == name for row in raised):
            return
        words = (
            f"Step {step.kind.value} of {step.session} cannot be made: {error}. It is tried again at each "
            "walk; until it is made nothing is entered, and looks only protect"
        )
        alert = Alert(name, AlertType.SYSTEM, "CRITICAL", words, dedup_key=name)
        self._append([alert_event(alert, now, _ACTOR)])

    @property
    def _feed(self) -> LiveFeed:
        return self.feed_of(self._config, date.fromisoformat(str(self._state.opened["first_session"])))

    def _routine(self, market: SessionMarket, kind: type[SessionRoutine] = SessionRoutine) -> SessionRoutine:
        config, recorder = self._config, SessionRecorder(self._state)
        broker = paper_broker(self._state, market, config)
        return kind(recorder, broker, market, config, self.calendar)

    def _commit(self, routine: SessionRoutine) -> None:
        assert isinstance(routine.recorder, SessionRecorder)
        self._append(routine.recorder.events)

    def _append(self, events: Sequence[Event]) -> None:
        if events:
            self._head = self.store.append(self.book, events, self._head)
            for event in events:
                self._state = apply(self._state, event)


def _with_cause(error: AlluseError, cause: AlluseError | None) -> AlluseError:
    """``error`` with what the source said when it was asked for the bars that are missing."""
    return error if cause is None else type(error)(f"{error}; the source said: {cause}")
