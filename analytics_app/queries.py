"""What the lake has of a book or a market: the one place where the app reads.

Tables are cached by the hashes in their manifests, so a rerun after a new run shows its results, and one
without reads nothing again. What is shown of the rows is decided in ``book_figures``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.execution.tables import OPTION_TRADES
from alluse_assets.ledger.tables import NET_ASSET_VALUE, POSITIONS
from alluse_assets.market_data.source import TABLE_OF
from alluse_assets.market_data.tables import BARS, INDICATORS
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES, PREMIUM_SNAPSHOTS
from alluse_assets.orchestration.installation import Installation
from alluse_assets.weeks.tables import WEEK_TYPES

_BOOK = "book="
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
    terms = _table(lake, BOOK_TERMS, book)
    return BookTables(
        _table(lake, NET_ASSET_VALUE, book),
        _table(lake, POSITIONS, book),
        _table(lake, OPTION_TRADES, book),
        _table(lake, WEEK_TYPES, book),
        None if terms.is_empty() else terms.row(0, named=True),
    )


MARKET_TABLES: tuple[Table, ...] = (*TABLE_OF.values(), PREMIUM_SNAPSHOTS, INDICATORS, OPTION_CHAINS)
"""Tables of a market that have been checked, or made from checked ones."""
_DERIVED = (BARS, OPTION_QUOTES, INDICATORS, OPTION_CHAINS)


def market_names(lake: Lake) -> list[str]:
    """The markets that the lake has anything of, by name."""
    names = {source for table in (*MARKET_TABLES, QUARANTINE) for source in lake.sources(table)}
    return sorted(name for name in names if not name.startswith(_BOOK))


def quarantine(lake: Lake, market: str) -> pl.DataFrame:
    """What was refused of a market.

    Raises:
        DataError: a file of the lake is damaged.
    """
    return _rows(lake, QUARANTINE, market)


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


def _table(lake: Lake, table: Table, book: str) -> pl.DataFrame:
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
