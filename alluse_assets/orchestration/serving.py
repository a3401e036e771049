"""Serving history: what the lake has of a market, in the hot store, for whoever asks a database.

The lake stays the truth: what is served can be dropped and served again. A month that is served again is
replaced whole, so a row that has been refused since is gone there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.lake.manifest import partition_column
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.tables import BARS, INDICATORS
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.market_steps import months_of

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale.hot_store import HotStore

SERIES: tuple[Table, ...] = (BARS, INDICATORS, OPTION_CHAINS, SURFACES)
"""The tables of history that are served."""


def serve(
    lake: Lake,
    hot: HotStore,
    calendar: TradingCalendar,
    market: str,
    start: date,
    end: date,
    on_month: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Make the hot store's rows of the sessions those of the lake; rows served, by table.

    Raises:
        DataError: a file of the lake is damaged.
        ServerError: the server cannot be reached, or refuses.
    """
    counts = {table.name: 0 for table in SERIES}
    months = list(months_of(start, end))
    for done, (first, last) in enumerate(months, start=1):
        sessions = calendar.sessions(max(first, start), min(last, end))
        if not sessions:
            continue
        for table in SERIES:
            counts[table.name] += _serve_table(lake, hot, market, table, sessions)
        on_month(done, len(months))
    return counts


def _serve_table(lake: Lake, hot: HotStore, market: str, table: Table, sessions: Sequence[date]) -> int:
    """Sessions that the lake lacks, and what came behind its last instant, are left as they are."""
    rows = lake.read(table, market, sessions[0], sessions[-1])
    if rows.is_empty():
        return 0
    there = rows[str(partition_column(table))].unique().sort().to_list()
    later = table.empty()
    if "quote_ts" in table.names:
        live = hot.read(table, market, there[-1], there[-1])
        later = live.filter(pl.col("quote_ts") > rows["quote_ts"].max())
    hot.replace_sessions(table, market, there, pl.concat([rows, later]))
    return rows.height
