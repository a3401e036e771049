"""historicaloptiondata.com "L2" and "L3": one file a day of all US options, in two generations of headers.

The column ``optionroot`` or ``OptionSymbol`` holds the whole OCC symbol in newer files, a root in older
ones. Source: the vendor's sample files.
"""

from __future__ import annotations

from alluse_assets.adapters.files.layouts.cells import Cell, count, number, right, ticker, us_day, words
from alluse_assets.adapters.files.layouts.layout import Layout

HISTORICAL_OPTION_DATA = Layout(
    name="historical_option_data",
    kind="option_quotes",
    title="historicaloptiondata.com L2 and L3",
    sides=(
        {
            "session": Cell(("quotedate", "datadate"), us_day),
            "underlying": Cell(("underlying", "underlyingsymbol"), ticker),
            "underlying_price": Cell(("underlying_last", "underlyingprice"), number),
            "contract_symbol": Cell(("optionroot", "optionsymbol"), words),
            "expiry": Cell(("expiration",), us_day),
            "strike": Cell(("strike",), number),
            "right": Cell(("type",), right),
            "bid": Cell(("bid",), number),
            "ask": Cell(("ask",), number),
            "last": Cell(("last",), number, required=False, zero_is_none=True),
            "volume": Cell(("volume",), count, required=False),
            "open_interest": Cell(("openinterest",), count, required=False),
        },
    ),
    untold="the minute of the quote: the session's close is taken",
)
