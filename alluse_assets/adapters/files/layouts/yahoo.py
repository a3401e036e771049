"""Chains dumped from Yahoo Finance, as yfinance names their columns.

A dump does not say when it was taken (``lastTradeDate`` is the last trade's): the day is in a column that
whoever dumped it added (an instant in it is of New York's date), in the file's name, or given.
"""

from __future__ import annotations

from alluse_assets.adapters.files.layouts.cells import Cell, count, day_taken, number, right, ticker, words
from alluse_assets.adapters.files.layouts.layout import DAY, Layout

_DAYS = (
    "quote_date",
    "quotedate",
    "snapshot_date",
    "as_of_date",
    "as_of",
    "asof",
    "download_date",
    "date",
    "datadate",
)

YAHOO = Layout(
    name="yahoo",
    kind="option_quotes",
    title="Yahoo-style chain dump (yfinance)",
    sides=(
        {
            "session": Cell(_DAYS, day_taken, required=False),
            "contract_symbol": Cell(("contractsymbol",), words),
            "underlying": Cell(
                ("ticker", "underlying", "underlyingsymbol", "symbol"), ticker, required=False
            ),
            "underlying_price": Cell(
                ("underlyingprice", "underlying_price", "spot", "stock_price", "regularmarketprice"),
                number,
                required=False,
            ),
            "strike": Cell(("strike",), number),
            "right": Cell(("optiontype", "option_type", "type"), right, required=False),
            "bid": Cell(("bid",), number),
            "ask": Cell(("ask",), number),
            "last": Cell(("lastprice",), number, zero_is_none=True),
            "volume": Cell(("volume",), count, required=False),
            "open_interest": Cell(("openinterest",), count, required=False),
        },
    ),
    lacks=frozenset({DAY}),
    untold="when it was taken: the session's close unless --at says otherwise; the price of the underlying",
)
