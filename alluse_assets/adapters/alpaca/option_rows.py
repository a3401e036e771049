"""What Alpaca says of options as rows of our tables: listed contracts, a chain's quotes, daily bars."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from alluse_assets.adapters.alpaca.answer_frame import UTC_MICROSECONDS, frame_of, new_york_date
from alluse_assets.adapters.alpaca.share_rows import bars_frame, part_of
from alluse_assets.base.errors import DataError
from alluse_assets.base.instruments import OptionContract, parse_occ_symbol
from alluse_assets.option_chains.tables import OPTION_BARS, OPTION_QUOTES

_log = logging.getLogger("alluse.sources.alpaca")
_CONTRACT_SCHEMA = {
    "contract_symbol": pl.String,
    "expiry": pl.Date,
    "right": pl.String,
    "strike": pl.Float64,
}


def listed_contracts(underlying: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Contracts as contract_symbol, underlying, expiry, right, strike, open_interest; each once."""
    found = frame_of(
        f"contracts of {underlying}",
        [{**row, "open_interest": _number(row.get("open_interest"))} for row in rows],
        {"contract_symbol": ("symbol", pl.String), "open_interest": ("open_interest", pl.Int64)},
    ).unique("contract_symbol", keep="last", maintain_order=True)
    return found.join(
        contract_terms(found["contract_symbol"]), on="contract_symbol", how="inner", maintain_order="left"
    ).with_columns(underlying=pl.lit(underlying))


def contract_terms(symbols: Iterable[str]) -> pl.DataFrame:
    """Expiry, right and strike of each OCC symbol; what is none is left out and told."""
    terms: list[tuple[str, OptionContract]] = []
    strange: list[str] = []
    for symbol in symbols:
        try:
            terms.append((symbol, parse_occ_symbol(symbol)))
        except DataError:
            strange.append(symbol)
    if strange:
        _log.warning("Alpaca lists %d contracts that have no OCC symbol: %s", len(strange), strange[:5])
    rows = [(symbol, term.expiry, term.right, float(term.strike)) for symbol, term in terms]
    return pl.DataFrame(rows, schema=_CONTRACT_SCHEMA, orient="row")


def chain_quotes(
    snapshots: Mapping[str, Any],
    contracts: pl.DataFrame,
    spots: Mapping[str, float],
    quote_ts: datetime,
    source: str,
) -> pl.DataFrame:
    """Rows of table option_quotes: those of ``contracts`` that have a quote.

    Args:
        snapshots: Alpaca's, by contract symbol.
        contracts: as ``listed_contracts`` gives them.
        spots: price of each underlying at ``quote_ts``, USD.
        quote_ts: the instant of the snapshot, the same for all rows.
        source: written on each row.
    """
    rows = []
    for symbol, snapshot in snapshots.items():
        quote = part_of(snapshot, "latestQuote")
        if quote is None:
            continue
        trade = part_of(snapshot, "latestTrade") or {}
        day = part_of(snapshot, "dailyBar") or {}
        rows.append({**quote, "S": symbol, "last": trade.get("p"), "v": day.get("v"), "day": day.get("t")})
    quotes = frame_of(
        "option chain",
        rows,
        {
            "contract_symbol": ("S", pl.String),
            "set_at": ("t", UTC_MICROSECONDS),
            "bid": ("bp", pl.Float64),
            "ask": ("ap", pl.Float64),
            "last": ("last", pl.Float64),
            "volume": ("v", pl.Int64),
            "volume_day": ("day", UTC_MICROSECONDS),
        },
    )
    now = pl.lit(quote_ts).dt.cast_time_unit("us")
    found = (
        contracts.join(quotes, on="contract_symbol", how="inner")
        .with_columns(
            quote_ts=now,
            # A quote may be set while the chain is read; it is not from the future.
            age_seconds=pl.max_horizontal(0.0, (now - pl.col("set_at")).dt.total_microseconds() / 1e6),
            underlying_price=pl.col("underlying").replace_strict(
                dict(spots), default=None, return_dtype=pl.Float64
            ),
            source=pl.lit(source),
        )
        .with_columns(session=new_york_date("quote_ts"))
        # Alpaca's daily bar is that of the last session with a trade, which need not be this one.
        .with_columns(volume=pl.when(new_york_date("volume_day") == pl.col("session")).then("volume"))
    )
    return OPTION_QUOTES.conform(found).sort(OPTION_QUOTES.key)


def option_bar_rows(answer: Mapping[str, Any], contracts: pl.DataFrame, source: str) -> pl.DataFrame:
    """Rows of table option_bars of the contracts that traded."""
    bars = bars_frame("option bars", answer, with_trades=True).rename({"symbol": "contract_symbol"})
    found = bars.join(contracts, on="contract_symbol", how="inner").with_columns(
        ts=new_york_date("bar_ts"), source=pl.lit(source)
    )
    return OPTION_BARS.conform(found).sort(OPTION_BARS.key)


def _number(text: object) -> float | None:
    """Alpaca writes a contract's open interest as text."""
    try:
        return None if text is None else float(str(text))
    except ValueError:
        return None
