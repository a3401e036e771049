"""Several sources as one: who is asked for what, and who fills what the first one does not have.

Pure over sources: it asks and merges, and knows nothing of networks or files. A symbol goes to the first
source of its order that may be asked for it; sessions that come back empty go on to the next one. A
source that fails is passed over when another can answer, and told of through ``on_fallback``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.model_market import RouteRules, SourceName
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.source import (
    DATA_KINDS,
    TABLE_OF,
    ChainScope,
    Coverage,
    DataKind,
    MarketDataSource,
    Mode,
    StreamBatch,
)

_BY_SESSION: tuple[DataKind, ...] = ("bars", "option_quotes", "option_bars", "share_quotes", "intraday_bars")


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why a source did not answer for symbols, and the next one was asked."""

    kind: DataKind
    symbols: tuple[str, ...]
    source: str
    reason: str


@dataclass(frozen=True)
class RoutedSource:
    """The sources of ``sources`` behind one face, by ``routes``.

    ``on_fallback`` is told of each source that failed; by default that is an error as soon as nobody
    else can answer, and silent otherwise.
    """

    sources: Mapping[SourceName, MarketDataSource]
    routes: RouteRules
    calendar: TradingCalendar
    name: str = "live"
    on_fallback: Callable[[Fallback], None] = field(default=lambda _: None)

    def order(self, kind: DataKind, symbol: str | None) -> tuple[SourceName, ...]:
        """The sources to ask for ``kind`` of ``symbol``, first to last.

        Raises:
            ConfigError: the routes name none, or one that is not there.
        """
        by_ticker = self.routes.tickers.get(symbol or "", {})
        order = by_ticker.get(kind) or self.routes.kinds.get(kind) or self.routes.default
        if not order:
            wanted = f"{kind} of {symbol}" if symbol else kind
            raise ConfigError(f"market.routes: no source for {wanted}: name one in default or kinds.{kind}")
        absent = [name for name in order if name not in self.sources]
        if absent:
            raise ConfigError(f"market.routes: {', '.join(absent)} for {kind} is not set up here")
        return order

    def provides(self) -> Mapping[DataKind, Coverage]:
        """What the sources have together, for the kinds that they are routed for."""
        found: dict[DataKind, Coverage] = {}
        for kind in DATA_KINDS:
            routed = [*self.routes.default, *self.routes.kinds.get(kind, ())]
            routed += [name for orders in self.routes.tickers.values() for name in orders.get(kind, ())]
            parts = [self.sources[name].provides().get(kind) for name in dict.fromkeys(routed)]
            known = [part for part in parts if part is not None]
            if known:
                found[kind] = _together(known)
        return found

    def history(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date, scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows of past sessions, each session of a symbol from the first source that has it.

        Raises:
            ConfigError: no source is routed.
            SourceError: every source that could have answered failed.
        """
        table = TABLE_OF[kind]
        parts = [table.empty()]
        for order, group in self._by_order(kind, symbols).items():
            gaps = self._sessions_of(kind, group, start, end)
            failure: SourceError | None = None
            for name in order:
                left = list(group) if gaps is None else gaps["symbol"].unique(maintain_order=True).to_list()
                asked = self._askable(name, kind, left, "history")
                if asked is None:
                    continue
                try:
                    rows = table.conform(self.sources[name].history(kind, asked, start, end, scope))
                except SourceError as error:
                    failure = error
                    self.on_fallback(Fallback(kind, tuple(asked), name, str(error)))
                    continue
                if gaps is None:
                    parts.append(rows)
                    failure = None
                    break
                keys = [day_column(table), symbol_column(kind)]
                renamed = gaps.rename({"day": keys[0], "symbol": keys[1]})
                parts.append(rows.join(renamed, on=keys, how="semi", maintain_order="left"))
                gaps = renamed.join(rows, on=keys, how="anti", maintain_order="left")
                gaps = gaps.rename({keys[0]: "day", keys[1]: "symbol"})
                if gaps.is_empty():
                    failure = None
                    break
            if failure is not None:
                raise failure
        return pl.concat(parts).sort(table.key)

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows as they are now, each symbol from the first source that answers for it.

        Raises:
            ConfigError: no source is routed.
            SourceError: every source that could have answered failed.
        """
        table = TABLE_OF[kind]
        parts = []
        for order, group in self._by_order(kind, symbols).items():
            left = list(group)
            failure: SourceError | None = None
            for name in order:
                asked = self._askable(name, kind, left, "snapshot")
                if not asked:
                    continue
                try:
                    rows = table.conform(self.sources[name].snapshot(kind, asked, scope))
                except SourceError as error:
                    failure = error
                    self.on_fallback(Fallback(kind, tuple(asked), name, str(error)))
                    continue
                parts.append(rows)
                got = set(rows[symbol_column(kind)])
                left = [symbol for symbol in left if symbol not in got]
                if not left:
                    break
            if left and failure is not None:
                raise failure
        return pl.concat([table.empty(), *parts]).sort(table.key)

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """The stream of the one source that all of ``kinds`` are routed to first and that streams.

        Raises:
            ConfigError: no source streams all of it: a process serves one connection, start one for each.
        """
        for name, source in self.sources.items():
            offered = source.provides()
            if all(
                name in self.order(kind, _underlying(kind, symbol))
                and offered.get(kind, Coverage({})).has(symbol, "stream")
                for kind, symbols in kinds.items()
                for symbol in symbols
            ):
                yield from source.stream(kinds, batch_seconds)
                return
        raise ConfigError(
            f"market.routes: no one source streams {', '.join(sorted(kinds))} of all the symbols asked for"
        )

    def _by_order(
        self, kind: DataKind, symbols: Sequence[str]
    ) -> dict[tuple[SourceName, ...], tuple[str, ...]]:
        if kind == "rates":
            return {self.order(kind, None): ()}
        groups: dict[tuple[SourceName, ...], tuple[str, ...]] = {}
        for symbol in symbols:
            order = self.order(kind, symbol)
            groups[order] = (*groups.get(order, ()), symbol)
        return groups

    def _askable(
        self, name: SourceName, kind: DataKind, symbols: Sequence[str], mode: Mode
    ) -> list[str] | None:
        """Those of ``symbols`` that the source may be asked for; None when it is not to be asked at all."""
        coverage = self.sources[name].provides().get(kind)
        if coverage is None or mode not in coverage.modes:
            return None
        asked = [symbol for symbol in symbols if coverage.has(symbol, mode)]
        return asked if asked or kind == "rates" else None

    def _sessions_of(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date
    ) -> pl.DataFrame | None:
        """Sessions by symbol that an answer should have; None where a kind has rows on some days only."""
        if kind not in _BY_SESSION:
            return None
        days = pl.DataFrame({"day": self.calendar.sessions(start, end)}, schema={"day": pl.Date})
        return days.join(pl.DataFrame({"symbol": symbols}, schema={"symbol": pl.String}), how="cross")


def symbol_column(kind: DataKind) -> str:
    """The column by which rows of ``kind`` are asked for."""
    return "underlying" if kind in ("option_quotes", "option_bars") else "symbol"


def day_column(table: Table) -> str:
    """The column with a row's session or date: the table's first date."""
    return next(column.name for column in table.columns if column.dtype == pl.Date)


def _together(parts: Sequence[Coverage]) -> Coverage:
    modes = frozenset[Mode]().union(*(part.modes for part in parts))
    modelled = frozenset[str]().union(*(part.model_priced for part in parts))
    symbols: dict[str, tuple[date, date]] = {}
    for part in parts:
        if part.symbols is None:
            return Coverage(None, modelled, modes)
        for symbol, (first, last) in part.symbols.items():
            known = symbols.get(symbol, (first, last))
            symbols[symbol] = (min(known[0], first), max(known[1], last))
    return Coverage(symbols, modelled, modes)


def _underlying(kind: DataKind, symbol: str) -> str:
    """What a streamed symbol is routed by: an option by its underlying's letters."""
    return symbol[:-15] if kind == "option_quotes" and len(symbol) > 15 else symbol
