"""Which tables a file can hold rows of, and who says which of them are good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.live_cleaning import clean_intraday_bars, clean_share_quotes
from alluse_assets.market_data.reference_cleaning import (
    clean_corporate_actions,
    clean_earnings_dates,
    clean_rates,
)
from alluse_assets.market_data.routing import day_column
from alluse_assets.market_data.source import TABLE_OF, DataKind
from alluse_assets.market_data.tables import RAW_BARS
from alluse_assets.option_chains.option_bar_cleaning import clean_option_bars
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import RAW_OPTION_QUOTES

Cleaner = Callable[[pl.DataFrame, TradingCalendar, str], tuple[pl.DataFrame, pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of data as files have it.

    ``instant``: the column that a row's session is derived from; None where the date itself is stated.
    ``raw``: where its rows are stored when they are to be judged beside their neighbours, too; None: they
    are good as soon as they are clean.
    """

    name: DataKind
    table: Table
    clean: Cleaner
    instant: str | None = None
    raw: Table | None = None

    @property
    def stored(self) -> Table:
        """The table of the lake that rows of files go into."""
        return self.raw or self.table

    @property
    def day(self) -> str:
        """The table's column with a row's date."""
        return day_column(self.table)

    @property
    def derived(self) -> frozenset[str]:
        """Columns that a file need not have."""
        return frozenset({"source", *((self.day,) if self.instant else ())})


KINDS: Mapping[DataKind, FileKind] = {
    kind.name: kind
    for kind in (
        FileKind("bars", TABLE_OF["bars"], clean_bars, raw=RAW_BARS),
        FileKind("intraday_bars", TABLE_OF["intraday_bars"], clean_intraday_bars, "bar_ts"),
        FileKind("share_quotes", TABLE_OF["share_quotes"], clean_share_quotes, "quote_ts"),
        FileKind(
            "option_quotes", TABLE_OF["option_quotes"], clean_option_quotes, "quote_ts", RAW_OPTION_QUOTES
        ),
        FileKind("option_bars", TABLE_OF["option_bars"], clean_option_bars),
        FileKind("rates", TABLE_OF["rates"], clean_rates),
        FileKind("corporate_actions", TABLE_OF["corporate_actions"], clean_corporate_actions),
        FileKind("earnings_dates", TABLE_OF["earnings_dates"], clean_earnings_dates),
    )
}
