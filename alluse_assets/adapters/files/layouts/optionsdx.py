"""OptionsDX: end-of-day and intraday chains, call and put of a strike on one line.

Files are called ``spy_eod_202301.txt``; the ticker is in that name only. Headers are in brackets with
blanks behind the commas. Source: the files that optionsdx.com sends.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.adapters.files.layouts.cells import Cell, count, iso_day, new_york_minute, number
from alluse_assets.adapters.files.layouts.layout import UNDERLYING, Layout, Side


def _side(letter: str) -> Side:
    prefix = letter.lower()
    return {
        "quote_ts": Cell(("quote_readtime",), new_york_minute),
        "session": Cell(("quote_date",), iso_day),
        "underlying_price": Cell(("underlying_last",), number),
        "expiry": Cell(("expire_date",), iso_day),
        # The side of the line says it, no column does.
        "right": Cell((), lambda _: pl.lit(letter), required=False),
        "strike": Cell(("strike",), number),
        "bid": Cell((f"{prefix}_bid",), number),
        "ask": Cell((f"{prefix}_ask",), number),
        "last": Cell((f"{prefix}_last",), number, required=False, zero_is_none=True),
        "volume": Cell((f"{prefix}_volume",), count, required=False),
    }


OPTIONSDX = Layout(
    name="optionsdx",
    kind="option_quotes",
    title="OptionsDX",
    sides=(_side("C"), _side("P")),
    lacks=frozenset({UNDERLYING}),
    untold="no open interest; the ticker is in the file's name only; roots (SPX or SPXW) are not told apart",
)
