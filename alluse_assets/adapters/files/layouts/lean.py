"""QuantConnect Lean's lines: no headers, prices times 10,000, New York time. The columns are named here.

A bar's time is its beginning. A quote is taken to be as of its bar's end, when its close is known; a daily
one as of the session's close. Source: Lean's ``Data/equity/readme.md``, ``Data/option/readme.md`` and
``Common/Util/LeanData.cs``. Which lines a zip holds is said by the names in it: see ``lean_zip``.
"""

from __future__ import annotations

from alluse_assets.adapters.files.layouts.cells import (
    Cell,
    count,
    iso_day,
    lean_end,
    lean_price,
    lean_start,
    right,
    small_count,
    ticker,
)
from alluse_assets.adapters.files.layouts.layout import Layout, Side

TRADE_COLUMNS = ("time", "open", "high", "low", "close", "volume")
QUOTE_COLUMNS = (
    *("time", "bid_open", "bid_high", "bid_low", "bid_close", "bid_size"),
    *("ask_open", "ask_high", "ask_low", "ask_close", "ask_size"),
)
OPEN_INTEREST_COLUMNS = ("time", "open_interest")

# Columns beside these are put there by the reader of the zip, from names of entries and entries beside.
_SYMBOL = Cell(("symbol",), ticker)
_CONTRACT: Side = {
    "underlying": _SYMBOL,
    "expiry": Cell(("expiry",), iso_day),
    "right": Cell(("right",), right),
    "strike": Cell(("strike",), lean_price),
}
_BAR: Side = {
    **{name: Cell((name,), lean_price) for name in ("open", "high", "low", "close")},
    "volume": Cell(("volume",), count),
}
_SIZES: Side = {"bid_size": Cell(("bid_size",), count), "ask_size": Cell(("ask_size",), count)}
_SIDES: Side = {"bid": Cell(("bid_close",), lean_price), "ask": Cell(("ask_close",), lean_price)}
_BESIDE: Side = {
    "last": Cell(("last",), lean_price, required=False, zero_is_none=True),
    "volume": Cell(("traded",), count, required=False),
    "open_interest": Cell(("open_interest",), count, required=False),
}

EQUITY_DAILY = Layout(
    "lean_equity_daily",
    "bars",
    "Lean equity, daily",
    ({"ts": Cell(("time",), iso_day), "symbol": _SYMBOL, **_BAR},),
)
EQUITY_MINUTE_TRADE = Layout(
    "lean_equity_minute_trade",
    "intraday_bars",
    "Lean equity, minute trades",
    (
        {
            "bar_ts": Cell(("time",), lean_start),
            "symbol": _SYMBOL,
            "minutes": Cell(("minutes",), small_count),
            **_BAR,
        },
    ),
)
EQUITY_MINUTE_QUOTE = Layout(
    "lean_equity_minute_quote",
    "share_quotes",
    "Lean equity, minute quotes",
    ({"quote_ts": Cell(("time",), lean_end), "symbol": _SYMBOL, **_SIDES, **_SIZES},),
    untold="the last trade",
)
OPTION_DAILY_QUOTE = Layout(
    "lean_option_daily_quote",
    "option_quotes",
    "Lean option, daily quotes",
    ({"session": Cell(("time",), iso_day), **_CONTRACT, **_SIDES, **_BESIDE},),
    untold="the price of the underlying: the close of its bars; adjusted contracts",
)
OPTION_MINUTE_QUOTE = Layout(
    "lean_option_minute_quote",
    "option_quotes",
    "Lean option, minute quotes",
    ({"quote_ts": Cell(("time",), lean_end), **_CONTRACT, **_SIDES, **_BESIDE},),
    untold="the price of the underlying: its minute bar that ends then; adjusted contracts",
)
OPTION_TRADE = Layout(
    "lean_option_trade",
    "option_bars",
    "Lean option, trades by day or by minute, as a bar a session",
    (
        {
            "ts": Cell(("time",), iso_day),
            **_CONTRACT,
            **_BAR,
        },
    ),
    untold="the number of trades; adjusted contracts",
)
LEAN: tuple[Layout, ...] = (
    EQUITY_DAILY,
    EQUITY_MINUTE_TRADE,
    EQUITY_MINUTE_QUOTE,
    OPTION_DAILY_QUOTE,
    OPTION_MINUTE_QUOTE,
    OPTION_TRADE,
)
