"""Cboe DataShop "Option EOD Summary": each line has the quotes of 15:45 New York and those of the close.

Without a licence for index values the underlying's columns of an index are 0. Source: the file
specification on datashop.cboe.com. On half days the columns of 15:45 are of 12:45 (since February 2020).
"""

from __future__ import annotations

from alluse_assets.adapters.files.layouts.cells import Cell, count, iso_day, number, right, ticker, words
from alluse_assets.adapters.files.layouts.layout import Layout, Side

_CONTRACT: Side = {
    "underlying": Cell(("underlying_symbol",), ticker),
    "session": Cell(("quote_date",), iso_day),
    "contract_symbol": Cell(("root",), words),
    "expiry": Cell(("expiration",), iso_day),
    "strike": Cell(("strike",), number),
    "right": Cell(("option_type",), right),
    "open_interest": Cell(("open_interest",), count, required=False),
}


def _quotes(moment: str) -> Side:
    return {
        "bid": Cell((f"bid_{moment}",), number),
        "ask": Cell((f"ask_{moment}",), number),
        "underlying_bid": Cell((f"underlying_bid_{moment}",), number, zero_is_none=True),
        "underlying_ask": Cell((f"underlying_ask_{moment}",), number, zero_is_none=True),
    }


CBOE_DATASHOP = Layout(
    name="cboe_datashop",
    kind="option_quotes",
    title="Cboe DataShop Option EOD Summary, the quotes of the close",
    sides=(
        {
            **_CONTRACT,
            **_quotes("eod"),
            "last": Cell(("close",), number, required=False, zero_is_none=True),
            "volume": Cell(("trade_volume",), count, required=False),
        },
    ),
    untold="an index has no price without Cboe's licence: then it is the close of its bars",
)

CBOE_DATASHOP_1545 = Layout(
    name="cboe_datashop_1545",
    kind="option_quotes",
    title="Cboe DataShop Option EOD Summary, the quotes of 15:45",
    # Trades and their prices are of the whole day: at 15:45 nobody knew them.
    sides=(
        {
            **_CONTRACT,
            **_quotes("1545"),
            "underlying_price": Cell(
                ("active_underlying_price_1545",), number, required=False, zero_is_none=True
            ),
        },
    ),
    minutes_before_close=15,
    untold="volume and last price at 15:45; an index's price without Cboe's licence",
)
