"""Asking for market data: the one way for the app, the API and the strategies.

The lake has the sessions that are closed and compacted; the hot store has what came since. A question is
answered from the lake as far as it goes and from the hot store beyond, and the answer says which store
and which version it came from. As of an instant, nothing is seen that had not happened by then: a quote, a
chain or a surface is of its instant, a session's bar or indicator of that session's close. What was
corrected later is answered as corrected; the version in the answer tells one state from another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.lake.manifest import partition_column
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.errors import DataError, MissingDataError
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.adjustments import adjusted
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INDICATORS
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, PREMIUM_SNAPSHOTS

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale.hot_store import HotStore

Adjustment = Literal["none", "splits", "splits_and_dividends"]
# Chains older than this are not "the latest": the longest closure of the exchange was four sessions.
_LOOK_BACK_DAYS = 14


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows came from. ``version`` changes when the content of what was read does."""

    store: Literal["lake", "hot store"]
    table: str
    market: str
    version: str
    rows: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a table, sorted by its key, and where they came from."""

    rows: pl.DataFrame
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class MarketQueries:
    """Questions about one market. ``hot`` is None where nothing is live."""

    lake: Lake
    market: str
    calendar: TradingCalendar
    hot: HotStore | None = None

    def bars(
        self,
        start: date,
        end: date,
        symbols: Collection[str] | None = None,
        *,
        as_of: datetime | None = None,
        adjust: Adjustment = "none",
    ) -> Answer:
        """Daily bars; adjusted ones are in the shares of the last day asked for that was known.

        Raises:
            DataError: a stored file is damaged, or a dividend cannot be.
        """
        answer = self.rows(BARS, start, end, symbols, as_of=as_of)
        if adjust == "none":
            return answer
        last = min(end, self._last_known(as_of)) if as_of else end
        actions = self.rows(CORPORATE_ACTIONS, start, last, symbols)
        rows = adjusted(answer.rows, actions.rows, last, adjust == "splits_and_dividends")
        return Answer(rows, (*answer.origins, *actions.origins))

    def indicators(
        self,
        start: date,
        end: date,
        symbols: Collection[str] | None = None,
        *,
        as_of: datetime | None = None,
    ) -> Answer:
        """Indicators of the daily bars."""
        return self.rows(INDICATORS, start, end, symbols, as_of=as_of)

    def chain(self, underlying: str, at: datetime) -> Answer:
        """The latest whole chain of ``underlying`` at or before ``at``, with Greeks.

        Raises:
            MissingDataError: there is none within two weeks.
        """
        return self._latest(OPTION_CHAINS, underlying, at)

    def chains(
        self,
        start: date,
        end: date,
        underlyings: Collection[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        as_of: datetime | None = None,
    ) -> Answer:
        """Every chain of the sessions."""
        return self.rows(OPTION_CHAINS, start, end, underlyings, columns=columns, as_of=as_of)

    def surface(self, underlying: str, at: datetime) -> Answer:
        """The latest volatility surface of ``underlying`` at or before ``at``: a row an expiry.

        Raises:
            MissingDataError: there is none within two weeks.
        """
        return self._latest(SURFACES, underlying, at)

    def snapshots(
        self,
        start: date,
        end: date,
        underlyings: Collection[str] | None = None,
        *,
        as_of: datetime | None = None,
    ) -> Answer:
        """Premium snapshots through the sessions."""
        return self.rows(PREMIUM_SNAPSHOTS, start, end, underlyings, as_of=as_of)

    def rows(
        self,
        table: Table,
        start: date | None,
        end: date,
        symbols: Collection[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        as_of: datetime | None = None,
    ) -> Answer:
        """Rows of any market table from ``start`` (None: the first) to ``end``, both included.

        ``symbols``: of these only; None: of all.

        Raises:
            DataError: a stored file is damaged.
        """
        day = partition_column(table)
        assert day, f"{table.name} has no date"
        where = self._condition(table, symbols, as_of)
        stored = self.lake.read(table, self.market, start, end, columns=columns, where=where)
        origins = []
        if stored.height:
            version = self.lake.content_id(table, self.market, start, end)
            origins.append(Origin("lake", table.name, self.market, version, stored.height))
        parts = [stored]
        if self.hot is not None and self.hot.serves(table):
            live = self._live(table, start, end, symbols, columns, as_of)
            if live.height:
                origins.append(Origin("hot store", table.name, self.market, _digest(live), live.height))
                parts.append(live.select(stored.columns))
        return Answer(pl.concat(parts), tuple(origins))

    def _live(
        self,
        table: Table,
        start: date | None,
        end: date,
        symbols: Collection[str] | None,
        columns: Sequence[str] | None,
        as_of: datetime | None,
    ) -> pl.DataFrame:
        """What the hot store has of sessions that the lake lacks, and behind the lake's last instant.

        Rows of sessions that the lake has were judged once more there: what it refused stays refused.
        """
        assert self.hot is not None
        day, instant = str(partition_column(table)), _instant(table)
        ours = [day, *([instant] if instant else [])]
        asked = None if columns is None else list(dict.fromkeys([*columns, *ours]))
        rows = self.hot.read(table, self.market, start, end, columns=asked, symbols=symbols, as_of=as_of)
        if rows.height:
            first, last = rows[day].min(), rows[day].max()
            assert isinstance(first, date)
            assert isinstance(last, date)
            there = self.lake.read(table, self.market, first, last, columns=ours)
            lacking = pl.col(day).is_in(there[day].unique().to_list()).not_()
            if instant and there.height:
                lacking |= pl.col(instant) > there[instant].max()
            rows = rows.filter(lacking)
        return rows if columns is None else rows.select(columns)

    def _latest(self, table: Table, underlying: str, at: datetime) -> Answer:
        day = at.astimezone(NEW_YORK).date()
        since = day - timedelta(days=_LOOK_BACK_DAYS)
        instants = self.rows(table, since, day, [underlying], columns=["quote_ts"], as_of=at).rows
        newest = instants["quote_ts"].max()
        if not isinstance(newest, datetime):
            raise MissingDataError(
                f"no {table.name} of {underlying} in the two weeks to {at:%Y-%m-%d %H:%M} UTC (market "
                f"{self.market}): collect or ingest its option quotes first"
            )
        session = newest.astimezone(NEW_YORK).date()
        answer = self.rows(table, session, session, [underlying], as_of=at)
        return Answer(answer.rows.filter(pl.col("quote_ts") == newest), answer.origins)

    def _condition(
        self, table: Table, symbols: Collection[str] | None, as_of: datetime | None
    ) -> pl.Expr | None:
        conditions = []
        if as_of is not None:
            if as_of.tzinfo is None:
                raise DataError(f"as_of {as_of} has no time zone: say in which it is, for example UTC")
            # Polars compares instants of one zone only.
            as_of = as_of.astimezone(UTC)
        if symbols is not None:
            name = "underlying" if "underlying" in table.names else "symbol"
            conditions.append(pl.col(name).is_in(list(symbols)))
        if as_of is not None:
            instant = _instant(table)
            if instant == "bar_ts":
                ends = pl.col("bar_ts") + pl.duration(minutes=pl.col("minutes"))
                conditions.append(ends <= as_of)
            elif instant:
                conditions.append(pl.col(instant) <= as_of)
            else:
                conditions.append(pl.col(str(partition_column(table))) <= self._last_known(as_of))
        return pl.all_horizontal(conditions) if conditions else None

    def _last_known(self, as_of: datetime) -> date:
        """The last session that had closed at ``as_of``."""
        session = self.calendar.session_on_or_before(as_of.astimezone(NEW_YORK).date())
        if self.calendar.close_time(session) <= as_of:
            return session
        return self.calendar.previous_session(session)


def _instant(table: Table) -> str | None:
    return next((name for name in ("quote_ts", "bar_ts") if name in table.names), None)


def _digest(rows: pl.DataFrame) -> str:
    """What tells these rows from any others."""
    return hashlib.sha256(rows.rechunk().write_ipc(None, compression="uncompressed").getbuffer()).hexdigest()
