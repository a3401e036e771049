"""Messages of Alpaca's streams as rows of our tables. What a message loses on the way is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import polars as pl

from alluse_assets.adapters.alpaca.answer_frame import new_york_date
from alluse_assets.adapters.alpaca.option_rows import contract_terms
from alluse_assets.adapters.alpaca.settings import AlpacaSettings
from alluse_assets.adapters.alpaca.share_rows import middle
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.market_data.source import DataKind
from alluse_assets.market_data.tables import INTRADAY_BARS, SHARE_QUOTES
from alluse_assets.option_chains.tables import OPTION_QUOTES

Channel = Literal["quotes", "bars", "updated_bars", "option_quotes"]
"""What a subscription is to; bars that late trades changed come on a channel of their own."""
Message = tuple[Channel, dict[str, Any]]


class StreamRows:
    """Cuts rows from messages; remembers the latest price of each underlying between them."""

    def __init__(
        self,
        settings: AlpacaSettings,
        calendar: TradingCalendar,
        kinds: Mapping[DataKind, Sequence[str]],
        prices: Mapping[str, float],
    ) -> None:
        """``prices``: of the underlyings before the first message, USD."""
        self._share_source = f"alpaca-{settings.live_feed}"
        self._option_source = f"alpaca-{settings.option_feed}"
        self._calendar = calendar
        self._wanted_quotes = frozenset(kinds.get("share_quotes", ()))
        contracts = list(kinds.get("option_quotes", ()))
        self._terms = contract_terms(contracts)
        self._underlying = {symbol: underlying_of(symbol) for symbol in contracts}
        self._prices = dict(prices)
        self.unreadable = 0
        """Messages that were not of the published form, since the beginning."""

    def read(self, messages: Sequence[Message]) -> dict[DataKind, pl.DataFrame]:
        """Rows by kind, as they came; a message that is not of the published form is counted."""
        quotes: list[tuple[Any, ...]] = []
        options: list[tuple[Any, ...]] = []
        bars: list[tuple[Any, ...]] = []
        for channel, message in messages:
            try:
                symbol, at = message["S"], message["t"].to_unix_nano() // 1000
                if channel == "option_quotes":
                    underlying = self._underlying[symbol]
                    spot = self._prices.get(underlying)
                    options.append((at, symbol, underlying, spot, *_sides(message)))
                elif channel == "quotes":
                    bid, ask = _sides(message)
                    price = middle(bid, ask)
                    if price is not None:
                        self._prices[symbol] = price
                    if symbol in self._wanted_quotes:
                        quotes.append((at, symbol, bid, ask))
                else:
                    prices = [float(message[field]) for field in "ohlc"]
                    bars.append((at, symbol, *prices, int(message["v"])))
            except (KeyError, TypeError, ValueError, AttributeError):
                self.unreadable += 1
        found: dict[DataKind, pl.DataFrame] = {
            "share_quotes": self._share_quotes(quotes),
            "option_quotes": self._option_quotes(options),
            "intraday_bars": self._minute_bars(bars),
        }
        return {kind: frame for kind, frame in found.items() if not frame.is_empty()}

    def _share_quotes(self, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
        found = _timed(rows, "quote_ts", {"symbol": pl.String, "bid": pl.Float64, "ask": pl.Float64})
        return SHARE_QUOTES.conform(
            found.with_columns(session=new_york_date("quote_ts"), source=pl.lit(self._share_source))
        )

    def _option_quotes(self, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
        columns = {
            "contract_symbol": pl.String,
            "underlying": pl.String,
            "underlying_price": pl.Float64,
            "bid": pl.Float64,
            "ask": pl.Float64,
        }
        found = _timed(rows, "quote_ts", columns).join(
            self._terms, on="contract_symbol", how="inner", maintain_order="left"
        )
        return OPTION_QUOTES.conform(
            found.with_columns(
                session=new_york_date("quote_ts"), age_seconds=pl.lit(0.0), source=pl.lit(self._option_source)
            )
        )

    def _minute_bars(self, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
        columns = {"symbol": pl.String, **dict.fromkeys(("open", "high", "low", "close"), pl.Float64)}
        found = _timed(rows, "bar_ts", {**columns, "volume": pl.Int64})
        found = found.with_columns(
            session=new_york_date("bar_ts"), minutes=pl.lit(1), source=pl.lit(self._share_source)
        )
        regular = [self._is_regular(session, at) for session, at in found.select("session", "bar_ts").rows()]
        return INTRADAY_BARS.conform(found.filter(pl.Series(regular, dtype=pl.Boolean)))

    def _is_regular(self, session: Any, at: datetime) -> bool:
        calendar = self._calendar
        return calendar.is_session(session) and (
            calendar.open_time(session) <= at < calendar.close_time(session)
        )


def underlying_of(contract_symbol: str) -> str:
    """The share that an option's root names: an adjusted contract's digit is not part of it."""
    return parse_occ_symbol(contract_symbol).root.rstrip("0123456789")


def _sides(message: Mapping[str, Any]) -> tuple[float, float]:
    return float(message["bp"]), float(message["ap"])


def _timed(
    rows: list[tuple[Any, ...]], instant: str, columns: Mapping[str, type[pl.DataType]]
) -> pl.DataFrame:
    found = pl.DataFrame(rows, schema={instant: pl.Int64, **columns}, orient="row")
    return found.with_columns(pl.col(instant).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
