"""The streaming ingester: waits for a session, streams it into the hot store, waits for the next.

A process of its own beside Dagster. It may be killed at any moment and started again: rows that come twice
are one. A failure that can pass is tried again with growing pauses; one that cannot ends it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

import polars as pl

from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.errors import AlluseError, ServerError, SourceError
from alluse_assets.market_data.source import Coverage, DataKind, MarketDataSource, StreamBatch
from alluse_assets.orchestration.live_market import STREAMED, LiveMarket
from alluse_assets.orchestration.stream_health import StreamHealth

_log = logging.getLogger("alluse.stream")
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 300.0
# The last quotes of a session come a little after its close.
_AFTER_CLOSE = timedelta(minutes=2)
_INSTANTS = ("quote_ts", "bar_ts")


@dataclass
class StreamIngester:
    """Streams one market.

    Attributes:
        live: where rows are kept.
        health: where it tells how it is.
        clock: the time now, UTC.
        stop: set it, and the ingester ends within a batch; pauses wait on it.
        batch_seconds: rows are kept so often.
    """

    live: LiveMarket
    health: StreamHealth
    clock: Callable[[], datetime]
    stop: Event
    batch_seconds: float = 1.0

    @property
    def _source(self) -> MarketDataSource:
        source = self.live.steps.source
        assert source is not None, "only a live market streams"
        return source

    def run(self) -> None:
        """Stream session after session until it is stopped.

        Raises:
            SourceError: the source refuses for good: no rights, nothing to stream.
            ConfigError: no source is routed for it.
        """
        try:
            self._run()
        except AlluseError as error:
            self.health.tell(self.clock(), "ended", False, 0, 0, str(error))
            raise
        self.health.tell(self.clock(), "ended", False, 0, 0, "stopped")

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self.stop.is_set():
            opens, ends = next_stretch(self.live.steps.calendar, self.clock())
            if opens > self.clock():
                self._wait_until(opens)
                continue
            try:
                self._stream_until(ends)
                pause = _FIRST_PAUSE
            except (SourceError, ServerError) as error:
                # A database that restarts is back soon; rows of the meantime are the stream's loss.
                if isinstance(error, SourceError) and not error.is_passing:
                    raise
                _log.warning("the stream broke off, again in %.0f s: %s", pause, error)
                self.health.tell(self.clock(), "streaming", False, 0, 0, str(error))
                self.stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _wait_until(self, opens: datetime) -> None:
        while not self.stop.is_set() and self.clock() < opens:
            self.health.tell(self.clock(), "waiting", False, 0, 0, f"the session opens at {opens:%F %R} UTC")
            self.stop.wait(min(20.0, (opens - self.clock()).total_seconds()))

    def _stream_until(self, ends: datetime) -> None:
        wanted = self._subscription()
        with closing(self._source.stream(wanted, self.batch_seconds)) as batches:
            for batch in batches:
                self._keep(batch)
                if self.stop.is_set() or self.clock() >= ends:
                    return
        raise SourceError("the source ended the stream by itself", is_passing=True)

    def _keep(self, batch: StreamBatch) -> None:
        for kind, rows in batch.rows.items():
            kept = self.live.keep(kind, rows)
            self.health.kept(kind, kept.rows, kept.refused, self._lag(rows))
        self.health.tell(self.clock(), "streaming", batch.connected, batch.missed, batch.reconnects)

    def _lag(self, rows: pl.DataFrame) -> float | None:
        instant = next(name for name in _INSTANTS if name in rows.columns)
        newest = rows[instant].max()
        return (self.clock() - newest).total_seconds() if isinstance(newest, datetime) else None

    def _subscription(self) -> dict[DataKind, Sequence[str]]:
        """What the source can stream of the market: shares, minutes, and the contracts in the scope now.

        Raises:
            SourceError: it can stream nothing of it, or no chain could be looked at.
        """
        steps = self.live.steps
        offered = self._source.provides()
        tickers = [*steps.underlyings()]
        wanted: dict[DataKind, Sequence[str]] = {
            kind: [ticker for ticker in tickers if _streams(offered, kind, ticker)]
            for kind in STREAMED
            if kind != "option_quotes"
        }
        optionable = [ticker for ticker in tickers if _streams(offered, "option_quotes", ticker)]
        if optionable:
            chain = self._source.snapshot("option_quotes", optionable, steps.scope)
            wanted["option_quotes"] = chain["contract_symbol"].unique().sort().to_list()
        found = {kind: symbols for kind, symbols in wanted.items() if symbols}
        if not found:
            raise SourceError(
                f"none of the sources streams {', '.join(tickers)}: name one that does in market.routes"
            )
        return found


def next_stretch(calendar: TradingCalendar, now: datetime) -> tuple[datetime, datetime]:
    """From when to when to stream next: the session under way, else the next one."""
    today = now.astimezone(NEW_YORK).date()
    session = today if calendar.is_session(today) else calendar.next_session(today)
    if now >= calendar.close_time(session) + _AFTER_CLOSE:
        session = calendar.next_session(session)
    return calendar.open_time(session), calendar.close_time(session) + _AFTER_CLOSE


def _streams(offered: Mapping[DataKind, Coverage], kind: DataKind, symbol: str) -> bool:
    coverage = offered.get(kind)
    return coverage is not None and coverage.has(symbol, "stream")
