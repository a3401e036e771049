"""What the lake has of a book or a market; what only a journal knows is in ``protocol_queries``.

Tables are cached by the hashes in their manifests, so a rerun after a new run shows its results, and one
without reads nothing again. Chains and surfaces are asked of ``MarketQueries``, which the strategies ask,
too; where a hot store may answer, what it said counts for a minute. What is shown of the rows is decided in
the modules of figures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.adapters.files.corrected import with_corrected
from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.postgres.server import URL_VARIABLE
from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.errors import MissingDataError, ServerError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.execution.tables import OPTION_TRADES
from alluse_assets.ledger.tables import NET_ASSET_VALUE, POSITIONS
from alluse_assets.market_data.source import TABLE_OF
from alluse_assets.market_data.tables import BARS, INDICATORS
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES, PREMIUM_SNAPSHOTS
from alluse_assets.orchestration.installation import Installation
from alluse_assets.orchestration.market_queries import Answer, MarketQueries
from alluse_assets.weeks.tables import WEEK_TYPES

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale import HotStore

_BOOK = "book="
_DAY = ["underlying", "session"]
# How long what the hot store said may be shown: it tells no version before it is asked.
_HOT_SECONDS = 60
_NO_LATER = date(2199, 12, 31)
_STATE: dict[str, type[pl.DataType]] = {
    "table": pl.String,
    "months": pl.Int64,
    "rows": pl.Int64,
    "first": pl.String,
    "last": pl.String,
    "corrected": pl.Int64,
    "out_of_date": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class BookTables:
    """The tables of one book that the overview shows.

    ``terms``: the row of ``BOOK_TERMS``; None where the lake does not have it.
    """

    net_asset_value: pl.DataFrame
    positions: pl.DataFrame
    option_trades: pl.DataFrame
    week_types: pl.DataFrame
    terms: Mapping[str, Any] | None


def lake_here() -> Lake:
    """The lake of the installation that the environment names; it need not exist."""
    return Lake(Installation.from_environment(os.environ).lake)


def book_names(lake: Lake) -> list[str]:
    """The books that have closed a session, by name.

    Raises:
        DataError: a manifest cannot be read.
    """
    return [
        source.removeprefix(_BOOK)
        for source in lake.sources(NET_ASSET_VALUE)
        if source.startswith(_BOOK) and any(m.rows for m in lake.manifests(NET_ASSET_VALUE, source))
    ]


def book_tables(lake: Lake, book: str) -> BookTables:
    """Everything that the overview shows of ``book``.

    Raises:
        DataError: a file of the lake is damaged; the message names it and says what to do.
    """
    terms = book_table(lake, BOOK_TERMS, book)
    return BookTables(
        book_table(lake, NET_ASSET_VALUE, book),
        book_table(lake, POSITIONS, book),
        book_table(lake, OPTION_TRADES, book),
        book_table(lake, WEEK_TYPES, book),
        None if terms.is_empty() else terms.row(0, named=True),
    )


_DERIVED = (BARS, OPTION_QUOTES, INDICATORS, OPTION_CHAINS, IMPLIED_FORWARDS, SURFACES, MODEL_VALUES)
MARKET_TABLES: tuple[Table, ...] = tuple(dict.fromkeys([*TABLE_OF.values(), PREMIUM_SNAPSHOTS, *_DERIVED]))
"""Tables of a market that have been checked, or made from checked ones."""


def market_names(lake: Lake) -> list[str]:
    """The markets that the lake has anything of, by name."""
    names = {source for table in (*MARKET_TABLES, QUARANTINE) for source in lake.sources(table)}
    return sorted(name for name in names if not name.startswith(_BOOK))


def quarantine(lake: Lake, market: str) -> pl.DataFrame:
    """What was refused of a market, and whether it has been corrected since (``is_corrected``).

    Raises:
        DataError: a file of the lake is damaged.
    """
    tables = (QUARANTINE, *TABLE_OF.values())
    return _read_refused(lake.url, market, tuple(lake.content_id(table, market) for table in tables))


def market_rows(lake: Lake, market: str) -> dict[str, int]:
    """Rows of each table that passed, from the manifests alone.

    Raises:
        DataError: a manifest cannot be read.
    """
    counts = {table.name: sum(m.rows for m in lake.manifests(table, market)) for table in TABLE_OF.values()}
    return {name: rows for name, rows in counts.items() if rows}


def market_state(lake: Lake, market: str) -> pl.DataFrame:
    """A row a table: months, rows, dates, months that were corrected, months that are out of date.

    Raises:
        DataError: a manifest cannot be read.
    """
    rows = []
    for table in MARKET_TABLES:
        manifests = lake.manifests(table, market)
        if not manifests:
            continue
        dates = [day for m in manifests for day in (m.first, m.last) if day]
        stale = [month for month in lake.stale(table, market) if month.changed]
        rows.append(
            {
                "table": table.name,
                "months": len(manifests),
                "rows": sum(m.rows for m in manifests),
                "first": min(dates, default=None),
                "last": max(dates, default=None),
                "corrected": sum(m.version > 1 for m in manifests),
                "out_of_date": len(stale) if table in _DERIVED else 0,
            }
        )
    return pl.DataFrame(rows, schema=_STATE)


@dataclass(frozen=True, slots=True)
class ChainDays:
    """Which chains a market has.

    Attributes:
        days: ``underlying`` and ``session``, a row each, sorted.
        hot: the hot store that was asked, too; None without one.
        trouble: why the hot store that is set up was not asked; empty when nothing is wrong.
    """

    days: pl.DataFrame
    hot: HotStore | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ChainTables:
    """The last chain of a session and what belongs to it.

    ``surface``: of the chain's own instant; None where there is none. ``snapshots``: of the session.
    """

    chain: Answer
    surface: Answer | None
    snapshots: Answer


def chain_markets(lake: Lake) -> list[str]:
    """The markets that the lake, or the hot store if the environment names one, has chains of, by name.

    Raises:
        DataError: a manifest cannot be read.
    """
    found = {
        source
        for source in lake.sources(OPTION_CHAINS)
        if any(manifest.rows for manifest in lake.manifests(OPTION_CHAINS, source))
    }
    url = os.environ.get(URL_VARIABLE)
    return sorted(found | set(_live_markets(url) if url else ()))


def chain_days(lake: Lake, market: str) -> ChainDays:
    """The underlyings and sessions of ``market``; of the hot store, too, if the environment names one.

    Raises:
        DataError: a file of the lake is damaged.
    """
    stored = [
        _days_of_month(
            lake.url, market, one.content_id, date.fromisoformat(one.first), date.fromisoformat(one.last)
        )
        for one in lake.manifests(OPTION_CHAINS, market)
        if one.first and one.last
    ]
    days = pl.concat([OPTION_CHAINS.empty().select(_DAY), *stored])
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return ChainDays(_in_order(days))
    hot = _hot_store(url)
    if isinstance(hot, ServerError):
        return ChainDays(_in_order(days), trouble=str(hot))
    try:
        live = _live_days(lake.url, market, lake.content_id(OPTION_CHAINS, market), url, hot)
    except ServerError as error:
        return ChainDays(_in_order(days), trouble=str(error))
    return ChainDays(_in_order(pl.concat([days, live])), hot)


def chain_tables(
    lake: Lake, market: str, underlying: str, session: date, hot: HotStore | None
) -> ChainTables:
    """The last chain of ``underlying`` on ``session``, its surface, the premiums through the session.

    Raises:
        MissingDataError: there is no chain (any more).
        DataError: a file of the lake is damaged.
        ServerError: the hot store went away.
    """
    tables = (OPTION_CHAINS, SURFACES, PREMIUM_SNAPSHOTS)
    # As far back as a question for the latest looks, at least.
    version = tuple(lake.content_id(table, market, session - timedelta(days=31), session) for table in tables)
    return _ask(lake.url, market, underlying, session, version, hot.url if hot else "", hot)


def book_table(lake: Lake, table: Table, book: str) -> pl.DataFrame:
    """All that the lake has of one table of ``book``.

    Raises:
        DataError: a file of the lake is damaged.
    """
    return _rows(lake, table, f"{_BOOK}{book}")


def _rows(lake: Lake, table: Table, source: str) -> pl.DataFrame:
    version = tuple((manifest.month, manifest.content_id) for manifest in lake.manifests(table, source))
    return _read(lake.url, table.name, source, version, table)


@st.cache_data(show_spinner="Reading the lake", max_entries=64)
def _read(
    root: str, name: str, source: str, version: tuple[tuple[str, str], ...], _table: Table
) -> pl.DataFrame:
    """``version`` makes the cache's key; ``_table`` is left out of it, ``name`` stands for it."""
    return Lake(root).read(_table, source)


@st.cache_data(show_spinner="Reading the lake", max_entries=8)
def _read_refused(root: str, market: str, version: tuple[str, ...]) -> pl.DataFrame:
    """``version`` is part of the cache's key."""
    lake = Lake(root)
    return with_corrected(lake, market, lake.read(QUARANTINE, market), TABLE_OF.values())


@st.cache_data(show_spinner="Reading the lake", max_entries=512)
def _days_of_month(root: str, market: str, version: str, first: date, last: date) -> pl.DataFrame:
    """``version`` is part of the cache's key."""
    asked = MarketQueries(Lake(root), market, trading_calendar())
    return asked.chains(first, last, columns=_DAY).rows.unique()


@st.cache_data(show_spinner="Asking the hot store", max_entries=4, ttl=_HOT_SECONDS)
def _live_markets(url: str) -> tuple[str, ...]:
    """Markets in the hot store; none while it cannot be asked, which ``chain_days`` tells of."""
    hot = _hot_store(url)
    try:
        return () if isinstance(hot, ServerError) else tuple(hot.markets(OPTION_CHAINS))
    except ServerError:
        return ()


@st.cache_data(show_spinner="Asking the hot store", max_entries=64, ttl=_HOT_SECONDS)
def _live_days(root: str, market: str, version: str, hot_url: str, _hot: HotStore) -> pl.DataFrame:
    """What the hot store has beyond the lake; ``hot_url`` stands for ``_hot`` in the cache's key."""
    lake = Lake(root)
    lasts = [one.last for one in lake.manifests(OPTION_CHAINS, market) if one.last]
    asked = MarketQueries(lake, market, trading_calendar(), _hot)
    since = date.fromisoformat(max(lasts)) if lasts else None
    return asked.rows(OPTION_CHAINS, since, _NO_LATER, columns=_DAY).rows.unique()


@st.cache_data(show_spinner="Reading the chain", max_entries=64, ttl=_HOT_SECONDS)
def _ask(
    root: str,
    market: str,
    underlying: str,
    session: date,
    version: tuple[str, ...],
    hot_url: str,
    _hot: HotStore | None,
) -> ChainTables:
    asked = MarketQueries(Lake(root), market, trading_calendar(), _hot)
    chain = asked.chain(underlying, datetime.combine(session, time.max, NEW_YORK))
    at: datetime = chain.rows["quote_ts"][0]
    surface: Answer | None
    try:
        surface = asked.surface(underlying, at)
    except MissingDataError:
        surface = None
    if surface and surface.rows["quote_ts"][0] != at:
        surface = None
    return ChainTables(chain, surface, asked.snapshots(session, session, [underlying]))


@st.cache_resource(show_spinner="Asking for the hot store", max_entries=4, ttl=_HOT_SECONDS)
def _hot_store(url: str) -> HotStore | ServerError:
    """A server that does not answer is not waited for at each rerun: its error is kept as long."""
    from alluse_assets.adapters.timescale import open_for_reading

    try:
        return open_for_reading(url)
    except ServerError as error:
        return error


def _in_order(days: pl.DataFrame) -> pl.DataFrame:
    return days.unique().sort(_DAY)
