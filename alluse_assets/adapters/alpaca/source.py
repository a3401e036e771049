"""Alpaca behind the Protocol of market data sources.

The free plan gives consolidated bars that are at least a quarter of an hour old, latest share quotes of
IEX alone, and option quotes that are delayed and modified; each row's source says which feed it is of.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.alpaca.action_rows import corporate_action_rows, processing_range
from alluse_assets.adapters.alpaca.answer_frame import UTC_MICROSECONDS
from alluse_assets.adapters.alpaca.settings import AlpacaSettings, alpaca_settings
from alluse_assets.adapters.alpaca.share_rows import daily_bars, latest_quotes, minute_bars, spot_prices
from alluse_assets.adapters.secrets import secret_sources
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar, new_york_instant
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.base.secrets import Secret, resolve
from alluse_assets.market_data.routing import symbol_column
from alluse_assets.market_data.source import TABLE_OF, ChainScope, Coverage, DataKind, Mode, StreamBatch

if TYPE_CHECKING:
    from alluse_assets.adapters.alpaca.chains import AlpacaChains
    from alluse_assets.adapters.alpaca.rest import AlpacaRest

_log = logging.getLogger("alluse.sources.alpaca")

# Without a subscription the latest quarter of an hour is refused; a minute more, for clocks that differ.
_FREE_DELAY = timedelta(minutes=16)
_HASTE = {"connect_seconds": 3.0, "answer_seconds": 5.0, "retry_budget_seconds": 0.0}
_MODES: Mapping[DataKind, frozenset[Mode]] = {
    "bars": frozenset({"history"}),
    "intraday_bars": frozenset({"history", "stream"}),
    "share_quotes": frozenset({"snapshot", "stream"}),
    "option_quotes": frozenset({"snapshot", "stream"}),
    "option_bars": frozenset({"history"}),
    "corporate_actions": frozenset({"history"}),
}


def open_alpaca(
    calendar: TradingCalendar, environ: Mapping[str, str], is_hasty: bool = False
) -> AlpacaSource:
    """The source as the environment sets it up. Nothing is called yet.

    ``is_hasty``: it waits a few seconds and asks once, for somebody who only wants to know how it stands.

    Raises:
        ConfigError: the extra is not installed, or a setting is absent or wrong.
        SecretError: a key cannot be read.
    """
    if importlib.util.find_spec("alpaca") is None:
        raise ConfigError("Alpaca's SDK is not installed: pip install 'alluse[alpaca]'")
    settings = alpaca_settings(environ)
    if is_hasty:
        settings = settings.model_copy(update=_HASTE)
    places = secret_sources(environ)
    return AlpacaSource(
        settings, resolve(settings.key_id, places), resolve(settings.secret_key, places), calendar
    )


class AlpacaSource:
    """Bars, latest quotes, chains and streams of US shares and their options. No rates, no earnings dates."""

    def __init__(
        self,
        settings: AlpacaSettings,
        key_id: Secret,
        secret_key: Secret,
        calendar: TradingCalendar,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is called yet; the SDK is imported with the first call."""
        self._settings = settings
        self._keys = (key_id, secret_key)
        self._calendar = calendar
        self._clock = clock

    @property
    def name(self) -> str:
        """``alpaca``; rows say ``alpaca-sip``, ``alpaca-iex``, ``alpaca-opra`` or ``alpaca-indicative``."""
        return "alpaca"

    def provides(self) -> Mapping[DataKind, Coverage]:
        """What Alpaca gives; it is asked for whatever symbol is wanted."""
        return {kind: Coverage(None, modes=modes) for kind, modes in _MODES.items()}

    def history(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date, scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows of past sessions: those that have closed, and are as old as the feed's plan asks for.

        Raises:
            SourceError: Alpaca cannot be asked, refuses, or its answer is not to be believed.
        """
        self._require(kind, "history")
        if not symbols:
            return TABLE_OF[kind].empty()
        if kind == "corporate_actions":
            return self._corporate_actions(symbols, start, end)
        if kind == "option_bars":
            sessions = self._closed_sessions(kind, start, end)
            rows = self._chains.past_bars(symbols, sessions, scope, self._option_source)
        elif kind == "bars":
            rows = self._bars(symbols, start, end)
        else:
            rows = self._minute_bars(symbols, start, end)
        self._tell_absent(kind, symbols, rows)
        return rows

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Latest quotes of shares at their own instants, or chains at one instant.

        Raises:
            SourceError: Alpaca cannot be asked, refuses, or its answer is not to be believed.
        """
        self._require(kind, "snapshot")
        if not symbols:
            return TABLE_OF[kind].empty()
        if kind == "option_quotes":
            return self._chains.snapshot(symbols, scope, self._option_source)
        rows = latest_quotes(self._rest.stock_snapshots(symbols), f"alpaca-{self._settings.live_feed}")
        self._tell_absent(kind, symbols, rows)
        return rows

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """Minute bars and quotes of shares, quotes of options, until the iterator is closed.

        An option quote carries the latest price of its underlying: the middle of the share's quote, asked
        for once at the start and then from the stream, which is subscribed to for that. While there is
        none the price is null, and cleaning puts such a row in quarantine with that reason.

        Raises:
            SourceError: Alpaca cannot be connected, or refuses the keys, the feed or so many symbols.
        """
        for kind in kinds:
            self._require(kind, "stream")
        from alluse_assets.adapters.alpaca.stream import stream_batches

        yield from stream_batches(
            self._settings, self._keys, self._calendar, self._rest, kinds, batch_seconds
        )

    def reach(self, symbol: str = "SPY") -> str:
        """Ask for one share's quote and a few of its options, and say which feeds answered.

        Raises:
            SourceError: as ``snapshot``.
        """
        spot = spot_prices(self._rest.stock_snapshots([symbol])).get(symbol)
        today = self._clock().astimezone(NEW_YORK).date()
        strikes = (spot * 0.99, spot * 1.01) if spot else None
        options = self._rest.option_chain(symbol, (today, today + timedelta(days=7)), strikes)
        price = f"{symbol} at {spot:.2f} USD" if spot else f"no price of {symbol}"
        return (
            f"reached; shares {self._settings.live_feed}: {price}; "
            f"options {self._settings.option_feed}: {len(options)} contracts of this week near it"
        )

    @cached_property
    def _rest(self) -> AlpacaRest:
        from alluse_assets.adapters.alpaca.rest import AlpacaRest

        return AlpacaRest(self._settings, *self._keys)

    @cached_property
    def _chains(self) -> AlpacaChains:
        from alluse_assets.adapters.alpaca.chains import AlpacaChains

        return AlpacaChains(self._rest, self._clock)

    @property
    def _option_source(self) -> str:
        return f"alpaca-{self._settings.option_feed}"

    @property
    def _history_source(self) -> str:
        return f"alpaca-{self._settings.history_feed}"

    def _latest(self, kind: DataKind) -> datetime:
        """The last instant that history may be asked for."""
        if kind == "option_bars":
            is_paid = self._settings.option_feed == "opra"
        else:
            is_paid = self._settings.live_feed == "sip"
        return self._clock() - (timedelta() if is_paid else _FREE_DELAY)

    def _closed_sessions(self, kind: DataKind, start: date, end: date) -> list[date]:
        latest = self._latest(kind)
        sessions = self._calendar.sessions(start, end) if start <= end else []
        return [session for session in sessions if self._calendar.close_time(session) <= latest]

    def _bars(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        sessions = self._closed_sessions("bars", start, end)
        if not sessions:
            return TABLE_OF["bars"].empty()
        first, last = new_york_instant(sessions[0], time()), new_york_instant(sessions[-1], time())
        answer = self._rest.stock_bars(symbols, "day", first, last)
        return daily_bars(answer, self._history_source)

    def _minute_bars(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        sessions = self._calendar.sessions(start, end) if start <= end else []
        latest = self._latest("intraday_bars")
        begun = [session for session in sessions if self._calendar.open_time(session) < latest]
        if not begun:
            return TABLE_OF["intraday_bars"].empty()
        hours = regular_hours(self._calendar, begun)
        # The minute that is under way is no whole bar yet.
        last = min(self._calendar.close_time(begun[-1]), latest) - timedelta(minutes=1)
        answer = self._rest.stock_bars(symbols, "minute", self._calendar.open_time(begun[0]), last)
        return minute_bars(answer, hours, self._history_source)

    def _corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        answer = self._rest.corporate_actions(symbols, *processing_range(start, end))
        rows, others = corporate_action_rows(answer, start, end, self.name)
        if others:
            told = ", ".join(f"{number} {kind}" for kind, number in sorted(others.items()))
            _log.warning("Alpaca tells of corporate actions that no table holds: %s of %s", told, symbols)
        return rows

    def _require(self, kind: DataKind, mode: Mode) -> None:
        if mode not in _MODES.get(kind, frozenset()):
            having = ", ".join(k for k, modes in _MODES.items() if mode in modes)
            raise SourceError(f"Alpaca has no {mode} of {kind}; it has {having}: route {kind} elsewhere")

    def _tell_absent(self, kind: DataKind, symbols: Sequence[str], rows: pl.DataFrame) -> None:
        absent = sorted(set(symbols) - set(rows[symbol_column(kind)]))
        if absent:
            _log.warning(
                "Alpaca has no %s of %s: unknown there, or nothing in that time", kind, ", ".join(absent[:10])
            )


def regular_hours(calendar: TradingCalendar, sessions: Sequence[date]) -> pl.DataFrame:
    """Opening and closing instants of ``sessions`` as columns session, opens, closes."""
    return pl.DataFrame(
        {
            "session": sessions,
            "opens": [calendar.open_time(session) for session in sessions],
            "closes": [calendar.close_time(session) for session in sessions],
        },
        schema={"session": pl.Date, "opens": UTC_MICROSECONDS, "closes": UTC_MICROSECONDS},
    )
