"""Interactive Brokers as a source of market data.

Every call opens a connection of its own and closes it, in a thread with an event loop of its own, so that
it can be used from any thread and from code that is itself asynchronous. Calls share one pacing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import Any, TypeVar

import polars as pl

from alluse_assets.adapters.ibkr.bars import as_traded, read_bars
from alluse_assets.adapters.ibkr.connect import gateway_session
from alluse_assets.adapters.ibkr.listing import ListingMemory
from alluse_assets.adapters.ibkr.pacing import Pacer, PacingLimits, pacer_of
from alluse_assets.adapters.ibkr.session import GatewaySession
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.adapters.ibkr.snapshots import read_option_quotes, read_share_quotes
from alluse_assets.adapters.ibkr.stream import read_stream
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.market_data.source import TABLE_OF, ChainScope, Coverage, DataKind, StreamBatch
from alluse_assets.market_data.tables import CORPORATE_ACTIONS

Splits = Callable[[Sequence[str]], pl.DataFrame]
"""Rows of table corporate_actions of symbols, up to today."""

_Answer = TypeVar("_Answer")
_LIVE_MODES = Coverage(None, modes=frozenset({"snapshot", "stream"}))
# So often a call looks whether somebody has interrupted it.
_LISTEN_SECONDS = 0.2


def no_splits_known(symbols: Sequence[str]) -> pl.DataFrame:
    """No corporate actions: bars stay as the gateway gives them."""
    return CORPORATE_ACTIONS.empty()


class IbkrSource:
    """Bars, quotes of shares, chains and a stream from TWS or IB Gateway; it never sends an order."""

    def __init__(
        self,
        settings: IbkrSettings,
        calendar: TradingCalendar,
        *,
        splits: Splits = no_splits_known,
        limits: PacingLimits | None = None,
        pacer: Pacer | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``splits`` tells of the splits for which the gateway has adjusted past bars.

        Raises:
            ConfigError: the library is not installed.
        """
        if find_spec("ib_async") is None:
            raise ConfigError("Interactive Brokers: its library is not installed: install alluse[ibkr]")
        self._settings = settings
        self._calendar = calendar
        self._splits = splits
        self._limits = limits or PacingLimits()
        self._pacer = pacer or pacer_of(settings.place)
        self._clock = clock
        self._listings = ListingMemory()

    @property
    def name(self) -> str:
        """``ibkr``, or ``ibkr-delayed`` and so on when other data than live is asked for."""
        wanted = self._settings.market_data_type
        return "ibkr" if wanted == "live" else f"ibkr-{wanted}"

    def provides(self) -> Mapping[DataKind, Coverage]:
        """Bars of the past, and quotes of now; the gateway keeps no quotes of past options."""
        return {
            "bars": Coverage(None),
            "intraday_bars": Coverage(None),
            "share_quotes": _LIVE_MODES,
            "option_quotes": _LIVE_MODES,
        }

    def history(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date, scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Finished bars of past sessions, as traded where ``splits`` knows the symbol's splits.

        Raises:
            SourceError: it has no past of this kind, a symbol was refused, or the gateway did not answer.
        """
        if kind != "bars" and kind != "intraday_bars":
            raise SourceError(f"Interactive Brokers has no past {kind}; route it to another source")
        if not symbols:
            return TABLE_OF[kind].empty()
        bars = self._run(
            lambda session: read_bars(
                session, kind, symbols, start, end, self._calendar, self._clock().astimezone(UTC)
            )
        )
        return as_traded(bars, self._splits(symbols), "ts" if kind == "bars" else "session")

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Quotes of this moment; what gave no bid and ask has no row, and is told of in the log.

        Raises:
            SourceError: it has no snapshot of this kind, or nothing at all was answered.
        """
        if kind != "share_quotes" and kind != "option_quotes":
            raise SourceError(f"Interactive Brokers has no snapshot of {kind}; route it to another source")
        if not symbols:
            return TABLE_OF[kind].empty()
        if kind == "share_quotes":
            return self._run(lambda session: read_share_quotes(session, symbols, self._day(), self._clock))
        return self._run(
            lambda session: read_option_quotes(
                session, symbols, scope, self._day(), self._clock, self._listings
            )
        )

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """Quotes as they change, a batch every ``batch_seconds``; the price of underlyings comes along.

        Raises:
            SourceError: nobody answers at first, a kind is not streamed, or there are more contracts
                than market data lines.
        """
        return read_stream(
            kinds, batch_seconds, self._settings, self._limits, self._pacer, self._clock, self._day
        )

    def _day(self) -> date:
        """The day in New York, which a quote of now gives as its session.

        On a weekend or a holiday that is no session, and cleaning refuses the quote for it.
        """
        return self._clock().astimezone(NEW_YORK).date()

    def _run(self, work: Callable[[GatewaySession], Coroutine[Any, Any, _Answer]]) -> _Answer:
        running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

        async def connected() -> _Answer:
            running.append((asyncio.get_running_loop(), asyncio.current_task()))
            async with gateway_session(self._settings, self._limits, self._pacer) as session:
                return await work(session)

        with ThreadPoolExecutor(1, thread_name_prefix="ibkr") as thread:
            answer = thread.submit(lambda: asyncio.run(connected()))
            try:
                # Polars lets waits go on after a signal, so one without an end would not hear of it.
                while not wait([answer], _LISTEN_SECONDS).done:
                    pass
                return answer.result()
            except BaseException:
                # Somebody interrupts: a wait for the limits may still have minutes to go.
                for loop, task in running:
                    if task is not None and not answer.done():
                        loop.call_soon_threadsafe(task.cancel)
                raise
