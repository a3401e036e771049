"""Which tables are served, and what the hot store has to know of each beyond its description.

To serve one more table, add it to ``SERVED``: its columns, types and key come from the description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.market_data.tables import BARS, INDICATORS, INTRADAY_BARS, SHARE_QUOTES
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_TICKS, PREMIUM_SNAPSHOTS

SCHEMA = "market"
MARKET = Column("market", pl.String, "Market of the row: the name of its source in the lake.")

Span = Literal["month", "year"]


@dataclass(frozen=True, slots=True)
class ServedTable:
    """A table of the hot store.

    Several markets live side by side: the column ``market`` comes first, in the table and in its key.

    Attributes:
        table: the description.
        span: how much time one chunk or partition holds.
        is_live: whether rows stream in and may be dropped when they are old; the rest is served history.
    """

    table: Table
    span: Span = "month"
    is_live: bool = False

    @property
    def name(self) -> str:
        """The table's name, without its schema."""
        return self.table.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, the market's first."""
        return (MARKET, *self.table.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that are unique together."""
        return (MARKET.name, *self.table.key)

    @property
    def time(self) -> str:
        """The column that rows are kept by: the first of the key that is a date or an instant."""
        for name in self.table.key:
            if pl.Schema(self.table.schema)[name].is_temporal():
                return name
        raise DataError(f"table {self.name} cannot be served: its key has no date and no instant")

    @property
    def is_by_date(self) -> bool:
        """Whether ``time`` is a date, not an instant."""
        return self.table.schema[self.time] == pl.Date

    @property
    def session(self) -> str:
        """The column with the New York date of the session."""
        return self.time if self.is_by_date else "session"

    @property
    def symbol(self) -> str:
        """The column with the ticker of the share or index."""
        return "underlying" if "underlying" in self.table.names else "symbol"


SERVED = (
    ServedTable(BARS, span="year"),
    ServedTable(INDICATORS, span="year"),
    ServedTable(INTRADAY_BARS, is_live=True),
    ServedTable(SHARE_QUOTES, is_live=True),
    ServedTable(OPTION_TICKS, is_live=True),
    ServedTable(PREMIUM_SNAPSHOTS),
    ServedTable(OPTION_CHAINS),
    ServedTable(SURFACES, span="year"),
)


def served(table: Table) -> ServedTable:
    """How ``table`` is served.

    Raises:
        DataError: it is not.
    """
    from alluse_assets.adapters.timescale.aggregates import AGGREGATES

    for one in (*SERVED, *(aggregate.served for aggregate in AGGREGATES)):
        if one.name == table.name:
            return one
    raise DataError(f"table {table.name} is not in the hot store; it has {', '.join(t.name for t in SERVED)}")
