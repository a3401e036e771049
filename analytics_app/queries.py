"""What the lake has of a book: the one place where the app reads.

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
from alluse_assets.base.table_catalog import Table
from alluse_assets.execution.tables import OPTION_TRADES
from alluse_assets.ledger.tables import NET_ASSET_VALUE, POSITIONS
from alluse_assets.orchestration.installation import Installation
from alluse_assets.weeks.tables import WEEK_TYPES

_BOOK = "book="


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


def _table(lake: Lake, table: Table, book: str) -> pl.DataFrame:
    source = f"{_BOOK}{book}"
    version = tuple((manifest.month, manifest.content_id) for manifest in lake.manifests(table, source))
    return _read(lake.url, table.name, source, version, table)


@st.cache_data(show_spinner="Reading the lake", max_entries=64)
def _read(
    root: str, name: str, source: str, version: tuple[tuple[str, str], ...], _table: Table
) -> pl.DataFrame:
    """``version`` makes the cache's key; ``_table`` is left out of it, ``name`` stands for it."""
    return Lake(root).read(_table, source)
