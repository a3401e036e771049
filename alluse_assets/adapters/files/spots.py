"""The underlying's price for quotes that come without one: from the lake's bars, of that very instant.

A quote as of the session's close takes the close of the daily bar; one of another minute takes the close of
the intraday bar that ends then. Any other price would be of another time: it stays unknown, and a quote
without it is refused by the rule ``underlying_price_missing``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.cleaning import sessions_within
from alluse_assets.market_data.tables import INTRADAY_BARS, RAW_BARS


@dataclass(frozen=True, slots=True)
class SpotBars:
    """The bars that quotes took their spots from: the days, and the content of the lake's bars then."""

    first: date
    last: date
    content_id: str


@dataclass(frozen=True, slots=True)
class Spots:
    """Closes of bars in the lake, under one source."""

    lake: Lake
    calendar: TradingCalendar
    source: str

    def require(self, underlyings: Collection[str], first: date, last: date, origin: str) -> None:
        """Pass when there is a bar of any of them.

        Raises:
            MissingDataError: there is none; the message says what to do.
        """
        known = pl.col("symbol").is_in(sorted(underlyings))
        for table in (RAW_BARS, INTRADAY_BARS):
            if not self.lake.read(
                table, self.source, first, last, columns=["symbol"], where=known
            ).is_empty():
                return
        some = ", ".join(sorted(underlyings)[:5]) + (" ..." if len(underlyings) > 5 else "")
        raise MissingDataError(
            f"{origin} has no price of the underlying, and the lake no bars of {some}, {first} to {last}: "
            "ingest bars first (alluse ingest --kind bars --path FILE), then this again"
        )

    def bars(self, first: date, last: date) -> SpotBars:
        """The bars of these days as they are now: other ones give other spots. Reads manifests only."""
        found = [self.lake.content_id(table, self.source, first, last) for table in (RAW_BARS, INTRADAY_BARS)]
        return SpotBars(first, last, " ".join(found))

    def fill(self, quotes: pl.DataFrame) -> pl.DataFrame:
        """``quotes`` with ``underlying_price`` where there was none and the lake knows it."""
        without = quotes.filter(pl.col("underlying_price").is_null())
        if without.is_empty():
            return quotes
        first, last = without["quote_ts"].dt.date().min(), without["quote_ts"].dt.date().max()
        if not isinstance(first, date) or not isinstance(last, date):
            return quotes
        wanted = without["underlying"].drop_nulls().unique().sort()
        closes = pl.concat([self._daily(first, last, wanted), self._intraday(first, last, wanted)])
        # The daily close is the first, and counts where both are known.
        closes = closes.unique(["quote_ts", "underlying"], keep="first", maintain_order=True)
        joined = quotes.join(closes, on=["quote_ts", "underlying"], how="left", maintain_order="left")
        return joined.with_columns(pl.col("underlying_price").fill_null(pl.col("close"))).drop("close")

    def _daily(self, first: date, last: date, symbols: pl.Series) -> pl.DataFrame:
        bars = self._bars(RAW_BARS, first, last, symbols, ["ts", "symbol", "close"])
        sessions = sessions_within(self.calendar, bars["ts"])
        closing = pl.DataFrame(
            {"ts": sessions, "quote_ts": [self.calendar.close_time(day) for day in sessions]},
            schema={"ts": pl.Date, "quote_ts": pl.Datetime("us", "UTC")},
        )
        return bars.join(closing, on="ts", maintain_order="left").select(
            "quote_ts", "close", underlying="symbol"
        )

    def _intraday(self, first: date, last: date, symbols: pl.Series) -> pl.DataFrame:
        bars = self._bars(INTRADAY_BARS, first, last, symbols, ["bar_ts", "symbol", "minutes", "close"])
        ends = pl.col("bar_ts") + pl.duration(minutes=pl.col("minutes"), time_unit="us")
        return bars.sort("minutes").select(quote_ts=ends, close="close", underlying="symbol")

    def _bars(
        self, table: Table, first: date, last: date, symbols: pl.Series, columns: list[str]
    ) -> pl.DataFrame:
        known = pl.col("symbol").is_in(symbols.implode())
        return self.lake.read(table, self.source, first, last, columns=columns, where=known)
