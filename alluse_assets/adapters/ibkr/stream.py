"""Quotes as they change, in batches, for as long as somebody reads them.

A thread with an event loop listens; the iterator takes what has come. A connection that drops is made
again, at first after one second and then ever more slowly, and everything is subscribed anew.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.ibkr.connect import gateway_session
from alluse_assets.adapters.ibkr.pacing import Pacer, PacingLimits
from alluse_assets.adapters.ibkr.quotes import option_row, share_row, spot_price
from alluse_assets.adapters.ibkr.session import GatewaySession
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.adapters.ibkr.subscriptions import Subscription, lines_of
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import TABLE_OF, DataKind, StreamBatch

if TYPE_CHECKING:
    from ib_async import Ticker

_LOGGER = logging.getLogger("alluse.ibkr")
_STREAMED: tuple[DataKind, ...] = ("share_quotes", "option_quotes")
_LOOK_AGAIN_SECONDS = 0.1
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 1.0, 30.0
_NOT_ITS_OWN = ("quote_ts", "underlying_price")
_Row = dict[str, object]


def read_stream(
    kinds: Mapping[DataKind, Sequence[str]],
    batch_seconds: float,
    settings: IbkrSettings,
    limits: PacingLimits,
    pacer: Pacer,
    clock: Callable[[], datetime],
    today: Callable[[], date],
    first_delay_seconds: float = _FIRST_DELAY_SECONDS,
) -> Generator[StreamBatch]:
    """Batches until the iterator is closed; ``today`` is the session to which a quote of now belongs.

    Raises:
        SourceError: a kind is not streamed, too many lines are wanted, the gateway cannot be reached at
            first, or refuses everything.
    """
    others = sorted(kind for kind in kinds if kind not in _STREAMED)
    if others:
        raise SourceError(f"Interactive Brokers streams no {', '.join(others)}; route it to another source")
    listener = _Listener(kinds, settings, limits, pacer, clock, today, first_delay_seconds)
    thread = threading.Thread(target=listener.listen, name="ibkr-stream", daemon=True)
    thread.start()
    try:
        listener.started.wait()
        while True:
            listener.ended.wait(batch_seconds)
            yield listener.take()
    finally:
        listener.stop()
        thread.join()


@dataclass
class _Listener:
    """What the thread and the iterator share; ``_lock`` guards the rows and the state of the connection."""

    kinds: Mapping[DataKind, Sequence[str]]
    settings: IbkrSettings
    limits: PacingLimits
    pacer: Pacer
    clock: Callable[[], datetime]
    today: Callable[[], date]
    first_delay_seconds: float
    started: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rows: list[tuple[DataKind, _Row]] = field(default_factory=list)
    _connected: bool = False
    _connections: int = 0
    _missed: int = 0
    _failure: BaseException | None = None
    _running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    def listen(self) -> None:
        """Connect, listen, and connect again, until it is stopped or refused: the body of the thread."""
        try:
            asyncio.run(self._run())
        except BaseException as error:  # whatever it is belongs to the reader, not to this thread
            self._failure = error
        finally:
            self.started.set()
            self.ended.set()

    def stop(self) -> None:
        """Have the thread end soon, whatever it waits for; it may have ended already."""
        with self._lock:
            if self._running is not None:
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)

    def take(self) -> StreamBatch:
        """What came since the batch before.

        Raises:
            SourceError: the stream has ended.
        """
        if self._failure is not None:
            raise self._failure
        with self._lock:
            rows, self._rows = self._rows, []
            state = (self._connected, max(self._connections - 1, 0), self._missed)
        by_kind: dict[DataKind, list[_Row]] = {}
        for kind, row in rows:
            by_kind.setdefault(kind, []).append(row)
        frames = {kind: pl.DataFrame(part, schema=TABLE_OF[kind].schema) for kind, part in by_kind.items()}
        return StreamBatch(frames, *state)

    async def _run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            self._running = asyncio.get_running_loop(), task
        try:
            await self._keep_listening()
        finally:
            with self._lock:
                self._running = None

    async def _keep_listening(self) -> None:
        delay = self.first_delay_seconds
        while True:
            before = self._connections
            try:
                async with gateway_session(self.settings, self.limits, self.pacer) as session:
                    await self._serve(session)
            except SourceError as error:
                if not self._connections or not error.is_passing:
                    raise
                if self._connections > before:
                    delay = self.first_delay_seconds
                _LOGGER.warning("%s; connecting again in %.0f s", error, delay)
            finally:
                with self._lock:
                    self._connected = False
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _serve(self, session: GatewaySession) -> None:
        lines = await lines_of(session, self.kinds)
        changes = _Changes(self, lines)
        session.ib.pendingTickersEvent += changes.note
        try:
            for con_id, line in lines.items():
                changes.tickers[con_id] = await session.subscribe(line.contract, line.generic_ticks)
            with self._lock:
                self._connected = True
                self._connections += 1
            self.started.set()
            await self._until_refused_or_lost(session, changes)
        finally:
            session.ib.pendingTickersEvent -= changes.note
            for con_id in changes.tickers:
                session.unsubscribe(lines[con_id].contract)

    async def _until_refused_or_lost(self, session: GatewaySession, changes: _Changes) -> None:
        told: set[int] = set()
        unreadable = 0
        while not session.lost.done():
            await asyncio.wait({session.lost}, timeout=_LOOK_AGAIN_SECONDS)
            self.miss(session.unreadable.count - unreadable)
            unreadable = session.unreadable.count
            for con_id in session.refused.keys() - told:
                told.add(con_id)
                _LOGGER.warning("the stream goes on without it: %s", session.refused[con_id])
            if changes.lines.keys() <= session.refused.keys():
                raise next(iter(session.refused.values()))
            if changes.failure is not None:
                raise changes.failure
        raise session.lost.result()

    def keep(self, kind: DataKind, row: _Row) -> None:
        """Keep a row until it is taken; when nobody takes any, later ones are missed."""
        with self._lock:
            if len(self._rows) < self.settings.stream_buffer:
                self._rows.append((kind, row))
                return
        self.miss(1)

    def miss(self, count: int) -> None:
        """Count what never became a row."""
        with self._lock:
            self._missed += count


@dataclass
class _Changes:
    """Makes rows of the tickers of one connection, where what a row shows has changed."""

    listener: _Listener
    lines: Mapping[int, Subscription]
    tickers: dict[int, Ticker] = field(default_factory=dict)
    failure: Exception | None = None
    _last: dict[int, tuple[object, ...]] = field(default_factory=dict)

    def note(self, changed: set[Ticker]) -> None:
        """Called by the library after each packet; the ticks of one packet are one change."""
        try:
            for ticker in changed:
                con_id = ticker.contract.conId if ticker.contract else 0
                if con_id in self.lines:
                    self._note_one(con_id, self.lines[con_id], ticker)
        except Exception as error:  # the library would log it and go on without the rows
            self.failure = error

    def _note_one(self, con_id: int, line: Subscription, ticker: Ticker) -> None:
        now, day = self.listener.clock(), self.listener.today()
        kind: DataKind = "share_quotes"
        row: _Row | None = None
        if line.symbol is not None:
            row = share_row(line.symbol, ticker, now, day, self.listener.settings.stock_sizes == "lots")
        elif line.option is not None and line.underlying_id in self.tickers:
            kind = "option_quotes"
            spot = spot_price(self.tickers[line.underlying_id])
            if spot is not None:
                row = option_row(line.option, ticker, spot, now, now, day)
        if row is None:
            return
        shown = tuple(value for name, value in row.items() if name not in _NOT_ITS_OWN)
        if self._last.get(con_id) != shown:
            self._last[con_id] = shown
            self.listener.keep(kind, row)
