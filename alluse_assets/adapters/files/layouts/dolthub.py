"""DoltHub ``post-no-preference/options``, table ``option_chain``, as CSV or Parquet.

``vol`` there is the implied volatility, not a volume. Source: the schema of the public repository.
"""

from __future__ import annotations

from alluse_assets.adapters.files.layouts.cells import Cell, iso_day, number, right, ticker
from alluse_assets.adapters.files.layouts.layout import Layout

DOLTHUB = Layout(
    name="dolthub",
    kind="option_quotes",
    title="DoltHub post-no-preference/options, option_chain",
    sides=(
        {
            "session": Cell(("date",), iso_day),
            "underlying": Cell(("act_symbol",), ticker),
            "expiry": Cell(("expiration",), iso_day),
            "strike": Cell(("strike",), number),
            "right": Cell(("call_put",), right),
            "bid": Cell(("bid",), number),
            "ask": Cell(("ask",), number),
        },
    ),
    untold=(
        "no price of the underlying (the close of its bars is taken), no trades, no open interest, no root; "
        "rows that are dated on a Saturday do not say which session they are of and are refused"
    ),
)
