"""Quotes as they change, in batches, for as long as somebody reads them.

A thread with an event loop listens; the iterator takes what has come. A connection that drops is made
again, at first after one second and then ever more slowly, and everything is subscribed anew.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.ibkr.contracts import (
    ListedOption,
    listed_options,
    option_contract,
    underlying_contract,
)
from alluse_assets.adapters.ibkr.pacing import Pacer, PacingLimits
from alluse_assets.adapters.ibkr.quotes import option_row, share_row, spot_price
from alluse_assets.adapters.ibkr.session import GatewaySession, UnknownContractError, gateway_session
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.base.errors import AlluseError, SourceError
from alluse_assets.market_data.source import TABLE_OF, DataKind, StreamBatch

if TYPE_CHECKING:
    from ib_async import Contract, Ticker

_LOGGER = logging.getLogger("alluse.ibkr")
_STREAMED: tuple[DataKind, ...] = ("share_quotes", "option_quotes")
_OPEN_INTEREST_TICKS = "101"
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
) -> Iterator[StreamBatch]:
    """Batches until the iterator is closed; ``today`` is the session to which a quote of now belongs.

    Raises:
        SourceError: a kind is not streamed, too many lines are wanted, the gateway cannot be reached at
            first, or refuses everything.
    """
    others = sorted(kind for kind in kinds if kind not in _STREAMED)
    if others:
        raise SourceError(f"Interactive Brokers streams no {', '.join(others)}; route it to another source")
    listener = _Listener(kinds, settings, limits, pacer, clock, today, first_delay_seconds)
    thread = threading.Thread(target=lambda: asyncio.run(listener.run()), name="ibkr-stream", daemon=True)
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
    _rows: dict[DataKind, list[_Row]] = field(default_factory=dict)
    _connected: bool = False
    _connections: int = 0
    _missed: int = 0
    _failure: BaseException | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stopping: asyncio.Event | None = None

    async def run(self) -> None:
        """Connect, listen, and connect again, until it is stopped or refused."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._keep_listening(self._stopping)
        except BaseException as error:  # whatever it is belongs to the reader, not to this thread
            self._failure = error
        finally:
            self.started.set()
            self.ended.set()

    def stop(self) -> None:
        """End the thread; it may have ended already."""
        self.started.wait()
        if self._loop is not None and self._stopping is not None and not self.ended.is_set():
            try:
                self._loop.call_soon_threadsafe(self._stopping.set)
            except RuntimeError:
                _LOGGER.debug("Interactive Brokers: the stream had ended by itself")

    def take(self) -> StreamBatch:
        """What came since the batch before.

        Raises:
            SourceError: the stream has ended.
        """
        if self._failure is not None:
            raise self._failure
        with self._lock:
            rows, self._rows = self._rows, {}
            return StreamBatch(
                {kind: pl.DataFrame(part, schema=TABLE_OF[kind].schema) for kind, part in rows.items()},
                connected=self._connected,
                reconnects=max(self._connections - 1, 0),
                missed=self._missed,
            )

    async def _keep_listening(self, stopping: asyncio.Event) -> None:
        delay = self.first_delay_seconds
        while not stopping.is_set():
            before = self._connections
            try:
                async with gateway_session(self.settings, self.limits, self.pacer) as session:
                    await self._listen(session, stopping)
            except SourceError as error:
                if not self._connections or not error.is_passing:
                    raise
                _LOGGER.warning("%s; connecting again in %.0f s", error, delay)
            finally:
                with self._lock:
                    self._connected = False
            if self._connections > before:
                delay = self.first_delay_seconds
            await _either(stopping.wait(), asyncio.sleep(delay))
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _listen(self, session: GatewaySession, stopping: asyncio.Event) -> None:
        subscriptions = await _subscriptions(session, self.kinds)
        tickers: dict[int, Ticker] = {}
        last: dict[int, tuple[object, ...]] = {}

        def on_change(changed: set[Ticker]) -> None:
            with self._lock:
                for ticker in changed:
                    self._note(subscriptions, tickers, last, ticker)

        session.ib.pendingTickersEvent += on_change
        try:
            for con_id, subscription in subscriptions.items():
                tickers[con_id] = await session.subscribe(subscription.contract, subscription.generic_ticks)
            with self._lock:
                self._connected = True
                self._connections += 1
            self.started.set()
            await self._until_refused_or_lost(session, subscriptions, stopping)
        finally:
            session.ib.pendingTickersEvent -= on_change
            for subscription in subscriptions.values():
                if subscription.contract.conId in tickers:
                    session.unsubscribe(subscription.contract)

    async def _until_refused_or_lost(
        self, session: GatewaySession, subscriptions: Mapping[int, _Subscription], stopping: asyncio.Event
    ) -> None:
        told: set[int] = set()
        missed_before = self._missed
        while not stopping.is_set() and not session.lost.done():
            await _either(stopping.wait(), session.lost, asyncio.sleep(_LOOK_AGAIN_SECONDS))
            with self._lock:
                self._missed = missed_before + session.unreadable.count
            for con_id in session.refused.keys() - told:
                told.add(con_id)
                _LOGGER.warning("the stream goes on without it: %s", session.refused[con_id])
            if subscriptions.keys() <= session.refused.keys():
                raise next(iter(session.refused.values()))
        if session.lost.done():
            raise session.lost.result()

    def _note(
        self,
        subscriptions: Mapping[int, _Subscription],
        tickers: Mapping[int, Ticker],
        last: dict[int, tuple[object, ...]],
        ticker: Ticker,
    ) -> None:
        """Add a row when what a row shows has changed. The ticks of one packet are one change."""
        con_id = ticker.contract.conId if ticker.contract else 0
        subscription = subscriptions.get(con_id)
        if subscription is None:
            return
        now, day = self.clock(), self.today()
        rows: dict[DataKind, _Row | None] = {}
        if subscription.symbol is not None:
            rows["share_quotes"] = share_row(
                subscription.symbol, ticker, now, day, self.settings.stock_sizes == "lots"
            )
        if subscription.option is not None and subscription.underlying_id in tickers:
            spot = spot_price(tickers[subscription.underlying_id])
            if spot is not None:
                rows["option_quotes"] = option_row(subscription.option, ticker, spot, now, now, day)
        for kind, row in rows.items():
            if row is None:
                continue
            shown = tuple(
                value for name, value in row.items() if name not in ("quote_ts", "underlying_price")
            )
            if last.get(con_id) != shown:
                last[con_id] = shown
                self._rows.setdefault(kind, []).append(row)


@dataclass(frozen=True, slots=True)
class _Subscription:
    """One market data line. ``symbol``: a share whose quotes are wanted; an underlying alone has none."""

    contract: Contract
    generic_ticks: str = ""
    symbol: str | None = None
    option: ListedOption | None = None
    underlying_id: int = 0


async def _subscriptions(
    session: GatewaySession, kinds: Mapping[DataKind, Sequence[str]]
) -> dict[int, _Subscription]:
    """By contract id, underlyings first, so that their prices are known when options' quotes come."""
    options = await asyncio.gather(*(_option(session, name) for name in kinds.get("option_quotes", ())))
    known = [option for option in options if option is not None]
    quoted = set(kinds.get("share_quotes", ()))
    symbols = sorted(quoted | {option.underlying for option in known})
    shares = await asyncio.gather(*(_share(session, symbol) for symbol in symbols))
    contracts = {symbol: c for symbol, c in zip(symbols, shares, strict=True) if c is not None}
    wanted = {
        contract.conId: _Subscription(contract, symbol=symbol if symbol in quoted else None)
        for symbol, contract in contracts.items()
    }
    for option in known:
        if option.underlying in contracts:
            wanted[option.contract.conId] = _Subscription(
                option.contract,
                _OPEN_INTEREST_TICKS,
                option=option,
                underlying_id=contracts[option.underlying].conId,
            )
    if not wanted:
        raise SourceError("Interactive Brokers knows none of the symbols that are to be streamed")
    if len(wanted) > session.settings.lines:
        raise SourceError(
            f"Interactive Brokers: the stream takes {len(wanted)} market data lines, underlyings included, "
            f"and ALLUSE_IBKR_LINES is {session.settings.lines}: stream fewer contracts, or buy more lines"
        )
    return wanted


async def _option(session: GatewaySession, name: str) -> ListedOption | None:
    try:
        contract = option_contract(name)
    except AlluseError as error:
        raise SourceError(f"Interactive Brokers: option quotes are streamed by contract: {error}") from error
    listed, _ = listed_options(await session.details(contract, name))
    if len(listed) != 1:
        _LOGGER.warning("Interactive Brokers lists no standard contract %s; the stream is without it", name)
        return None
    return listed[0]


async def _share(session: GatewaySession, symbol: str) -> Contract | None:
    try:
        return await session.qualify(underlying_contract(symbol), symbol)
    except UnknownContractError as error:
        _LOGGER.warning("%s; the stream is without it", error)
        return None


async def _either(*waits: object) -> None:
    """Return when the first of ``waits`` is done; a future that was given stays as it is, tasks end."""
    futures = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future, wait in zip(futures, waits, strict=True):
            if future is not wait:
                future.cancel()
