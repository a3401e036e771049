"""Bars as one history across splits and dividends. Stored bars stay as traded; this is done on reading.

The factor of a day is the product over the actions after it: 1 / ratio of a split, and of a dividend
1 - amount / close before its ex-date (CRSP's price adjustment). Only actions up to the day that is asked
from count, so that a history as of then is the one that was seen then.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alluse_assets.base.errors import DataError

_PRICES = ("open", "high", "low", "close")


def adjusted(
    bars: pl.DataFrame, actions: pl.DataFrame, as_of: date, with_dividends: bool = False
) -> pl.DataFrame:
    """``bars`` in the shares of ``as_of``, with the column ``adjustment_factor``; rows in their order.

    Args:
        bars: ts, symbol, open, high, low, close, volume; up to ``as_of``.
        actions: rows of corporate_actions; a dividend needs a bar before its ex-date.
        as_of: actions with a later ex-date do not count.
        with_dividends: adjust for cash dividends too, for total returns; otherwise for splits only.

    Raises:
        DataError: a dividend that is not below the close before it.
    """
    happened = actions.filter(pl.col("ex_date") <= as_of)
    if not with_dividends:
        happened = happened.filter(pl.col("kind") == "split")
    split = pl.when(pl.col("kind") == "split")
    factors = _with_close_before(happened, bars).select(
        "symbol",
        "ex_date",
        price_factor=split.then(1 / pl.col("ratio")).otherwise(1 - pl.col("amount") / pl.col("close_before")),
        share_factor=split.then(1 / pl.col("ratio")).otherwise(1.0),
    )
    wrong = factors.filter(pl.col("price_factor") <= 0)
    if not wrong.is_empty():
        symbol, day = wrong.select("symbol", "ex_date").row(0)
        raise DataError(
            f"corporate_actions: the dividend of {symbol} on {day} is not below the close before it; "
            "correct the amount, which is per share"
        )
    by_day = (
        factors.filter(pl.col("price_factor").is_not_null())
        .group_by("symbol", "ex_date")
        .agg(pl.col("price_factor").product(), pl.col("share_factor").product())
        .sort("symbol", "ex_date")
        .with_columns(pl.col("price_factor", "share_factor").cum_prod(reverse=True).over("symbol"))
    )
    later = by_day.sort("ex_date").rename({"ex_date": "next_action"})
    found = (
        bars.with_row_index("place")
        .sort("ts")
        .join_asof(
            later, left_on="ts", right_on="next_action", by="symbol", strategy="forward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .sort("place")
    )  # fmt: skip
    price, share = pl.col("price_factor").fill_null(1.0), pl.col("share_factor").fill_null(1.0)
    return found.select(
        *(
            (pl.col(name) * price).round(6)
            if name in _PRICES
            else (pl.col(name) / share).round().cast(pl.Int64)
            if name == "volume"
            else pl.col(name)
            for name in bars.columns
        ),
        adjustment_factor=price,
    )


def _with_close_before(actions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    closes = bars.select("symbol", "ts", close_before="close").sort("ts")
    return actions.sort("ex_date").join_asof(
        closes, left_on="ex_date", right_on="ts", by="symbol", strategy="backward",
        allow_exact_matches=False, check_sortedness=False,
    )  # fmt: skip
