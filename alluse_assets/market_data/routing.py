"""Several sources as one: who is asked for what, and who fills what the first one does not have.

Pure over sources: it asks and merges, and knows nothing of networks or files. A symbol goes to the first
source of its order that may be asked for it; sessions that come back empty go on to the next one. A
source that fails is passed over when another can answer, and told of through ``on_fallback``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.model_market import RouteRules, SourceName
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.base.instruments import is_option, parse_occ_symbol
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
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why a source did not answer for symbols; what others have is used."""

    kind: DataKind
    symbols: tuple[str, ...]
    source: str
    reason: str


@dataclass(frozen=True)
class RoutedSource:
    """The sources of ``sources`` behind one face, by ``routes``.

    Attributes:
        clock: the time now, UTC: a session that has not closed is owed by nobody.
        option_roots: the index by each option root whose letters are not its own, such as SPX by SPXW.
        on_fallback: is told of each source that failed, and of symbols that nobody can be asked for.
    """

    sources: Mapping[SourceName, MarketDataSource]
    routes: RouteRules
    calendar: TradingCalendar
    clock: Callable[[], datetime]
    option_roots: Mapping[str, str] = field(default_factory=dict)
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
            routed = [*(self.routes.kinds.get(kind) or self.routes.default)]
            if kind != "rates":
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
            SourceError: no routed source has a past of this kind, or a source failed and nothing at all
                was answered for a symbol.
        """
        table = TABLE_OF[kind]
        parts, failed = [table.empty()], dict[str, SourceError]()
        for order, group in self._groups(kind, symbols, "history").items():
            rows, failures = self._past(kind, order, group, start, end, scope)
            parts.append(rows)
            failed |= failures
        if failed:
            raise _failure(kind, failed)
        return pl.concat(parts).sort(table.key)

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows as they are now, each symbol from the first source that answers for it.

        A moment does not come again: what was answered is kept, whoever else failed.

        Raises:
            ConfigError: no source is routed.
            SourceError: no routed source has snapshots of this kind, or a source failed and no symbol at
                all was answered.
        """
        table = TABLE_OF[kind]
        parts, failed = [table.empty()], dict[str, SourceError]()
        for order, group in self._groups(kind, symbols, "snapshot").items():
            left = list(group)
            for name in order:
                coverage = self._coverage(name, kind, "snapshot")
                asked = [symbol for symbol in left if coverage and coverage.has(symbol, "snapshot")]
                if not asked:
                    continue
                try:
                    rows = table.conform(self.sources[name].snapshot(kind, asked, scope))
                except SourceError as error:
                    failed |= dict.fromkeys(asked, error)
                    self.on_fallback(Fallback(kind, tuple(asked), name, str(error)))
                    continue
                parts.append(rows)
                got = set(rows[symbol_column(kind)])
                left = [symbol for symbol in left if symbol not in got]
        found = pl.concat(parts).sort(table.key)
        if found.is_empty() and failed:
            raise _failure(kind, failed)
        return found

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """The stream of one source that all of ``kinds`` are routed to and that streams all of it.

        Of several, the one that comes earliest in the orders of what is asked for.

        Raises:
            ConfigError: no source is routed.
            SourceError: no source streams all of it: a process serves one connection, start one for each.
        """
        asked = dict.fromkeys(
            (kind, self._routed_by(kind, symbol)) for kind, symbols in kinds.items() for symbol in symbols
        )
        example = {self.order(kind, ticker): f"{kind} of {ticker}" for kind, ticker in reversed(asked)}
        orders = list(reversed(example))
        able = [
            name
            for name in dict.fromkeys(name for order in orders for name in order)
            if all(name in order for order in orders)
            and all(
                (coverage := self._coverage(name, kind, "stream")) and coverage.has(ticker, "stream")
                for kind, ticker in asked
            )
        ]
        if not able:
            routes = "; ".join(f"{example[order]}: {', '.join(order)}" for order in orders)
            raise SourceError(
                f"market.routes: no one source streams all that is asked for ({routes}): name one that does "
                "first, or give what another source streams a profile and a stream of its own"
            )
        first = min(able, key=lambda name: sum(order.index(name) for order in orders))
        yield from self.sources[first].stream(kinds, batch_seconds)

    def _past(
        self,
        kind: DataKind,
        order: Sequence[SourceName],
        group: Sequence[str],
        start: date,
        end: date,
        scope: ChainScope | None,
    ) -> tuple[pl.DataFrame, dict[str, SourceError]]:
        """Rows of symbols of one order, and the failures of those for which nothing was answered."""
        table = TABLE_OF[kind]
        keys = [day_column(table), symbol_column(kind)]
        left = self._sessions_of(kind, group, start, end)
        unasked, failed, parts = list(group), dict[str, SourceError](), [table.empty()]
        for name in order:
            coverage = self._coverage(name, kind, "history")
            if coverage is None:
                continue
            gaps = left.filter("is_over").select("day", "symbol")
            lacking = {s for s in unasked if _reaches(coverage, s, start, end)} | _fillable(gaps, coverage)
            asked = [symbol for symbol in group if symbol in lacking]
            if not asked and kind != "rates":
                continue
            try:
                rows = table.conform(self.sources[name].history(kind, asked, start, end, scope))
            except SourceError as error:
                failed |= dict.fromkeys(asked or [kind], error)
                self.on_fallback(Fallback(kind, tuple(asked), name, str(error)))
                continue
            if kind == "rates":
                return rows, {}
            unasked = [symbol for symbol in unasked if symbol not in lacking]
            if kind in _BY_SESSION:
                names = dict(zip(("day", "symbol"), keys, strict=True))
                rows = rows.join(left.rename(names), on=keys, how="semi", maintain_order="left")
                left = left.join(
                    rows, left_on=["day", "symbol"], right_on=keys, how="anti", maintain_order="left"
                )
            parts.append(rows)
        found = pl.concat(parts)
        if kind != "rates":
            owed = set(left.filter("is_over")["symbol"]) - set(found[keys[1]])
            failed = {symbol: error for symbol, error in failed.items() if symbol in owed.union(unasked)}
        return found, failed

    def _groups(
        self, kind: DataKind, symbols: Sequence[str], mode: Mode
    ) -> dict[tuple[SourceName, ...], tuple[str, ...]]:
        """Symbols by the sources to ask; those that no source of theirs can be asked for are told of.

        Raises:
            SourceError: that is so for all of them.
        """
        groups = self._by_order(kind, symbols)
        able = {
            order: group
            for order, group in groups.items()
            if any(self._coverage(name, kind, mode) for name in order)
        }
        for order, group in groups.items():
            if order in able:
                continue
            reason = (
                f"market.routes: {_some(group) or kind} routed to {', '.join(order)}, which has no {mode} "
                f"of {kind}: name a source that has it in default, kinds.{kind} or tickers"
            )
            if not able:
                raise SourceError(reason)
            self.on_fallback(Fallback(kind, group, ", ".join(order), reason))
        return able

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

    def _coverage(self, name: SourceName, kind: DataKind, mode: Mode) -> Coverage | None:
        """What the source has of the kind; None when it is not to be asked for it in this way."""
        coverage = self.sources[name].provides().get(kind)
        return coverage if coverage is not None and mode in coverage.modes else None

    def _sessions_of(self, kind: DataKind, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Sessions by symbol that an answer may have, and whether they are over, so that it should.

        There is none where a kind has rows on some days only.
        """
        days = self.calendar.sessions(start, end) if kind in _BY_SESSION else []
        now = self.clock()
        over = [self.calendar.close_time(day) <= now for day in days]
        schema = {"day": pl.Date, "is_over": pl.Boolean}
        sessions = pl.DataFrame({"day": days, "is_over": over}, schema=schema)
        return sessions.join(pl.DataFrame({"symbol": symbols}, schema={"symbol": pl.String}), how="cross")

    def _routed_by(self, kind: DataKind, symbol: str) -> str:
        """The ticker that a streamed symbol is routed by: an option by its underlying's.

        A root has no punctuation (BRKB is of BRK.B), and a digit at its end after a corporate action.
        """
        if kind != "option_quotes" or not is_option(symbol):
            return symbol
        root = parse_occ_symbol(symbol).root
        if root in self.option_roots:
            return self.option_roots[root]
        letters = root.rstrip("0123456789")
        by_letters = {"".join(filter(str.isalnum, ticker)): ticker for ticker in self.routes.tickers}
        return by_letters.get(letters, letters)


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


def _reaches(coverage: Coverage, symbol: str, start: date, end: date) -> bool:
    """Whether a source may have past rows of the symbol in the range."""
    if coverage.symbols is None:
        return True
    first, last = coverage.symbols.get(symbol, (date.max, date.min))
    return first <= end and last >= start


def _fillable(gaps: pl.DataFrame, coverage: Coverage) -> set[str]:
    """The symbols with a gap that a source may have a row for."""
    if coverage.symbols is None:
        return set(gaps["symbol"])
    spans = pl.DataFrame(
        [(symbol, first, last) for symbol, (first, last) in coverage.symbols.items()],
        schema={"symbol": pl.String, "first": pl.Date, "last": pl.Date},
        orient="row",
    )
    return set(gaps.join(spans, on="symbol").filter(pl.col("day").is_between("first", "last"))["symbol"])


def _failure(kind: DataKind, failed: Mapping[str, SourceError]) -> SourceError:
    """One error for symbols without any answer; asking again can help if it can for one of them."""
    first = next(iter(failed.values()))
    symbols = [symbol for symbol in failed if symbol != kind]
    wanted = f"{kind} of {_some(symbols)}" if symbols else kind
    return SourceError(
        f"no source answered for {wanted}: {first}",
        is_passing=any(error.is_passing for error in failed.values()),
    )


def _some(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:_NAMED]) + (" ..." if len(symbols) > _NAMED else "")
