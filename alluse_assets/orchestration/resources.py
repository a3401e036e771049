"""The two resources of the code location: the desk, which is one book's open installation, and progress.

The desk is opened once a run, in the process that does the work. What is heavy to import (the database,
the numerical steps) is imported when a desk is used, never when the code location is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import dagster as dg
import polars as pl

from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Table
from alluse_assets.orchestration.progress import Progress

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale.hot_store import HotStore
    from alluse_assets.base.config.model_protocol import ProtocolConfig
    from alluse_assets.journal.chain import Head, RecordedEvent
    from alluse_assets.orchestration.book_config import BookConfig
    from alluse_assets.orchestration.live_book import LiveBook
    from alluse_assets.orchestration.live_market import LiveMarket
    from alluse_assets.orchestration.market_feed import MarketFeed
    from alluse_assets.orchestration.market_steps import MarketSteps
    from alluse_assets.orchestration.replay import Replay
    from alluse_assets.orchestration.services import Services
    from alluse_assets.reporting.floor_comparison import FloorComparison

Scope = Literal["market", "book"]
"""Whose a table is: the market's, shared by all books, or one book's."""


@dataclass
class Desk:
    """An open installation, seen from one book. ``lump_sum``: of a new book, instead of its profile's."""

    services: Services
    book: str
    profile: str
    progress: Progress
    lump_sum: Decimal | None = None
    _head: Head | None = field(default=None, init=False, repr=False)
    _events: list[Event] = field(default_factory=list, init=False, repr=False)
    _projected: dict[str, pl.DataFrame] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def chosen(self) -> BookConfig:
        """The book's configuration: its own stored one, or its profile's when it is new."""
        from alluse_assets.orchestration.book_config import config_of_book

        return config_of_book(self.services.store, self.book, self.profile, os.environ, self.lump_sum)

    @property
    def config(self) -> ProtocolConfig:
        """What the book runs on."""
        return self.chosen.config

    @cached_property
    def first_session(self) -> date:
        """The book's first session.

        Raises:
            ConfigError: the book is new, and its profile says nothing of a start.
        """
        stored = self.chosen.first_session
        start = date.fromisoformat(stored) if stored else self.chosen.asked.book.replay_start
        if start is None:
            raise ConfigError(
                f"book.replay_start: profile {self.profile!r} does not say when a book begins; set it there"
            )
        return self.services.calendar.sessions(start, self.services.calendar.horizon)[0]

    def last_day(self, given: date | None) -> date:
        """``given``; else the day on which the profile stops, or the last session that a walked book closed.

        Raises:
            ConfigError: none of them says where to stop.
        """
        if self.is_walked:
            last = given or self.last_closed
            if last is None:
                raise ConfigError(
                    f"book {self.book!r} has not closed a session yet: `alluse trade` or trading_schedule "
                    "walks it; there is nothing to review before"
                )
            return last
        last = given or self.chosen.asked.book.replay_end
        if last is None:
            raise ConfigError(
                f"book.replay_end: profile {self.profile!r} does not say where to stop; give a last day"
            )
        return last

    @property
    def last_closed(self) -> date | None:
        """The last session that the book has closed, as its journal says now."""
        from alluse_assets.accounts.config_in_force import CONFIG_EVENTS, config_state

        rows = self.services.store.read(self.book, types=CONFIG_EVENTS)
        return config_state(row.event for row in rows).last_closed

    @cached_property
    def steps(self) -> MarketSteps:
        """The steps that prepare the book's market."""
        from alluse_assets.orchestration.market_steps import MarketSteps
        from alluse_assets.orchestration.services import market_source

        services = self.services
        source = market_source(self.config, services.calendar, services.lake, os.environ)
        return MarketSteps(services.lake, self.config, services.calendar, source)

    @property
    def live(self) -> LiveMarket:
        """The live side of the book's market.

        Raises:
            ConfigError: the market is not live.
        """
        from alluse_assets.orchestration.live_market import LiveMarket
        from alluse_assets.orchestration.services import require_live

        require_live(self.config)
        return LiveMarket(self.steps, self.hot)

    @cached_property
    def is_walked(self) -> bool:
        """Whether the book is walked in real time: then its journal is only read here."""
        kinds = {row.name: row.kind for row in self.services.store.books()}
        return kinds.get(self.book, "replay") != "replay"

    @cached_property
    def live_book(self) -> LiveBook:
        """The book, walked in real time.

        Raises:
            ConfigError: the market is not live, or the book is a replay's.
        """
        from alluse_assets.orchestration.live_trading import live_book

        return live_book(self.services, self.book, self.profile, os.environ)

    @property
    def hot(self) -> HotStore:
        """The hot store, for every market."""
        return self.services.hot

    def serve(self, start: date, end: date) -> dict[str, int]:
        """Make the hot store's rows of the sessions those of the lake; rows served, by table."""
        from alluse_assets.orchestration.serving import serve

        services = self.services
        return serve(
            services.lake,
            self.hot,
            services.calendar,
            self.lake_source("market"),
            start,
            end,
            lambda done, total: self.progress.step("series to the hot store", done, total),
        )

    def feeds(self, last_session: date) -> list[MarketFeed]:
        """What the book sees of its market up to ``last_session``, by version in its timeline."""
        from alluse_assets.orchestration.market_feed import MarketFeed

        services = self.services
        return [
            MarketFeed(services.lake, config, services.calendar, self.book, self.first_session, last_session)
            for _, config in self.chosen.timeline.versions
        ]

    def replay(self) -> Replay:
        """What closes the book's sessions."""
        from alluse_assets.orchestration.replay import Replay

        services = self.services
        return Replay(
            services.store,
            services.anchors,
            services.lake,
            services.calendar,
            self.book,
            self.profile,
            self.config,
        )

    def compared_floors(self) -> Callable[[Sequence[RecordedEvent]], FloorComparison] | None:
        """What puts the book's journal beside the same replay with approval = yes; None of other books."""
        from alluse_assets.orchestration.config_journal import kind_of
        from alluse_assets.orchestration.floor_comparison import compare_floors

        services = self.services
        if kind_of(services.store, self.book) != "replay":
            return None
        return lambda rows: compare_floors(
            self.book,
            rows,
            services.lake,
            services.calendar,
            self.config,
            lambda _, done, total: self.progress.step("the same with yes", done, total),
        )

    def events(self) -> list[Event]:
        """The book's journal from the first event; read again when it has grown."""
        from alluse_assets.orchestration.projections import read_events

        head = self.services.store.head(self.book)
        if head != self._head:
            self._head, self._events, self._projected = head, read_events(self.services.store, self.book), {}
        return self._events

    def rebuild(self, *tables: Table) -> None:
        """Write ``tables``, projected from the whole journal, into the lake."""
        from alluse_assets.orchestration.projections import write_whole
        from alluse_assets.reporting.projections import project

        events = self.events()
        if not self._projected:
            self._projected = project(events, self.services.calendar)
        for table in tables:
            write_whole(self.services.lake, table, self.book, self._projected[table.name])

    def lake_source(self, scope: Scope) -> str:
        """Under which source the lake keeps the tables of ``scope``."""
        return f"book={self.book}" if scope == "book" else self.config.market.source


@contextmanager
def open_desk(book: str, profile: str, progress: Progress) -> Iterator[Desk]:
    """Open the installation that the environment names, for ``book``.

    Raises:
        ServerError: the database cannot be started, reached or migrated.
    """
    from alluse_assets.orchestration.services import open_services

    with open_services(os.environ) as services:
        yield Desk(services, book, profile, progress)


def desk_resource(book: str, profile: str) -> dg.ResourceDefinition:
    """The desk of ``book`` for the length of a run. ``profile``: what a new book would run on."""

    @dg.resource(required_resource_keys={"progress"}, description=f"The installation, for book {book}")
    def desk(context: dg.InitResourceContext) -> Iterator[Desk]:
        with open_desk(book, profile, context.resources.progress) as opened:
            yield opened

    return desk
