"""What Alpaca says of shares as rows of our tables: daily bars, minute bars, latest quotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from alluse_assets.adapters.alpaca.answer_frame import UTC_MICROSECONDS, frame_of, new_york_date
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.tables import BARS, INTRADAY_BARS, SHARE_QUOTES

# IEX alone is a thin book: a spread this wide says nothing of where the share trades.
_WIDEST_SPREAD = 0.02
_BAR_FIELDS: dict[str, tuple[str, pl.DataType | type[pl.DataType]]] = {
    "symbol": ("S", pl.String),
    "bar_ts": ("t", UTC_MICROSECONDS),
    "open": ("o", pl.Float64),
    "high": ("h", pl.Float64),
    "low": ("l", pl.Float64),
    "close": ("c", pl.Float64),
    "volume": ("v", pl.Int64),
}


def daily_bars(answer: Mapping[str, Any], source: str) -> pl.DataFrame:
    """Rows of table bars; Alpaca's daily bar begins at midnight in New York."""
    found = bars_frame("bars", answer).with_columns(ts=new_york_date("bar_ts"), source=pl.lit(source))
    return BARS.conform(found).sort(BARS.key)


def minute_bars(answer: Mapping[str, Any], hours: pl.DataFrame, source: str) -> pl.DataFrame:
    """Rows of table intraday_bars: those that begin within ``hours`` (session, opens, closes)."""
    found = (
        bars_frame("minute bars", answer)
        .with_columns(session=new_york_date("bar_ts"), source=pl.lit(source), minutes=pl.lit(1))
        .join(hours, on="session", how="inner", maintain_order="left")
        .filter(pl.col("bar_ts") >= pl.col("opens"), pl.col("bar_ts") < pl.col("closes"))
    )
    return INTRADAY_BARS.conform(found).sort(INTRADAY_BARS.key)


def latest_quotes(answer: Mapping[str, Any], source: str) -> pl.DataFrame:
    """Rows of table share_quotes at the quotes' own instants; symbols without a quote are absent.

    Sizes stay empty: the tapes went from round lots to shares, and Alpaca does not say which it sends.
    """
    rows = []
    for symbol, snapshot in answer.items():
        quote = part_of(snapshot, "latestQuote")
        if quote is not None:
            last = (part_of(snapshot, "latestTrade") or {}).get("p")
            rows.append({**quote, "S": symbol, "last": last})
    found = frame_of(
        "share quotes",
        rows,
        {
            "symbol": ("S", pl.String),
            "quote_ts": ("t", UTC_MICROSECONDS),
            "bid": ("bp", pl.Float64),
            "ask": ("ap", pl.Float64),
            "last": ("last", pl.Float64),
        },
    ).with_columns(session=new_york_date("quote_ts"), source=pl.lit(source))
    return SHARE_QUOTES.conform(found).sort(SHARE_QUOTES.key)


def spot_prices(answer: Mapping[str, Any]) -> dict[str, float]:
    """The price of each symbol at this moment, USD: the middle of its quote, else its latest trade."""
    prices = {}
    for symbol, snapshot in answer.items():
        quote = part_of(snapshot, "latestQuote") or {}
        trade = part_of(snapshot, "latestTrade") or {}
        price = middle(quote.get("bp"), quote.get("ap")) or trade.get("p")
        if isinstance(price, int | float) and price > 0:
            prices[symbol] = float(price)
    return prices


def middle(bid: object, ask: object) -> float | None:
    """Half of bid plus ask, USD; None when there are not both, they cross, or they are far apart."""
    if not (isinstance(bid, int | float) and isinstance(ask, int | float) and 0 < bid <= ask):
        return None
    price = (bid + ask) / 2
    return price if ask - bid <= _WIDEST_SPREAD * price else None


def part_of(snapshot: object, name: str) -> Mapping[str, Any] | None:
    """The part of a snapshot called ``name``, None where Alpaca has none.

    Raises:
        SourceError: the snapshot, or the part, is no object.
    """
    if snapshot is None:
        return None
    part = snapshot.get(name) if isinstance(snapshot, Mapping) else snapshot
    if part is not None and not isinstance(part, Mapping):
        raise SourceError(f"Alpaca: a snapshot's {name} is not of the published form: {str(part)[:80]}")
    return part


def bars_frame(what: str, answer: Mapping[str, Any], with_trades: bool = False) -> pl.DataFrame:
    """Alpaca's bars, a list a symbol, as columns symbol, bar_ts, open, high, low, close, volume.

    ``with_trades`` adds the column trades, their number.

    Raises:
        SourceError: they are not of the published form.
    """
    rows = []
    for symbol, bars in answer.items():
        if not isinstance(bars, list) or not all(isinstance(bar, Mapping) for bar in bars):
            raise SourceError(f"Alpaca: {what} of {symbol} are not of the published form")
        rows += [{**bar, "S": symbol} for bar in bars]
    return frame_of(what, rows, _BAR_FIELDS | ({"trades": ("n", pl.Int64)} if with_trades else {}))
