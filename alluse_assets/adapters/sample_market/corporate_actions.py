"""Splits and dividends, read off the difference between close and adjusted close.

An adjusted close carries all later actions: from one session to the next close / adjusted_close falls by
the split's ratio, or by 1 + dividend / close of the ex-date. The files were adjusted in that way.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.market_data.tables import CORPORATE_ACTIONS

# Between the largest dividend of the data (Microsoft's 3.08 USD of November 2004, 11%) and the smallest
# split that shares have (3 for 2).
_SPLIT_FROM = 1.4


def derive_corporate_actions(bars: pl.DataFrame, source: str) -> pl.DataFrame:
    """Rows of table corporate_actions from bars with ``adjusted_close``; dividends to the whole cent."""
    factor = pl.col("close") / pl.col("adjusted_close")
    steps = bars.sort("symbol", "ts").with_columns(step=(factor.shift(1) / factor).over("symbol"))
    is_split = pl.col("step") >= _SPLIT_FROM
    cents = (pl.col("close") * (pl.col("step") - 1) * 100).round()
    found = steps.filter(is_split | (cents >= 1)).select(
        ex_date="ts",
        symbol="symbol",
        kind=pl.when(is_split).then(pl.lit("split")).otherwise(pl.lit("dividend")),
        # Halves, so that 3 for 2 is 1.5.
        ratio=pl.when(is_split).then((pl.col("step") * 2).round() / 2),
        amount=pl.when(~is_split).then(cents / 100),
        source=pl.lit(source),
    )
    return CORPORATE_ACTIONS.conform(found).sort(CORPORATE_ACTIONS.key)
