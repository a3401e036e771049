"""The rate of each session and time to expiry, read off the term structure.

The latest day on or before the session counts; between two tenors the rate lies on a straight line,
before the first and after the last it is theirs. Where rates come from belongs to ``market_data``.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.base.errors import MissingDataError

_DECIMALS = 8


def with_rates(frame: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """``frame`` (with session and dte_days), in its order, with ``rate_annual``.

    Args:
        frame: rows with ``session`` and ``dte_days``.
        rates: table rates.

    Raises:
        MissingDataError: no rate on or before a session.
    """
    wanted = frame.select("session", "dte_days").unique().sort("session", "dte_days")
    days = rates.select(rate_day="ts").unique().sort("rate_day")
    dated = wanted.join_asof(days, left_on="session", right_on="rate_day", strategy="backward")
    missing = dated.filter(pl.col("rate_day").is_null())
    if missing.height:
        known = f"the first is of {days['rate_day'][0]}" if days.height else "there is none at all"
        raise MissingDataError(
            f"no interest rate on or before session {missing['session'][0]} ({known}): ingest rates that "
            "begin at or before the first session with option quotes"
        )
    tenors = rates.select(
        rate_day="ts", tenor=pl.col("tenor_days").cast(pl.Int64), rate_annual="rate_annual"
    ).sort("tenor", "rate_day")
    asked = dated.with_columns(tenor=pl.col("dte_days").cast(pl.Int64)).sort("tenor", "rate_day")
    lower = asked.join_asof(
        tenors, on="tenor", by="rate_day", strategy="backward", coalesce=False, check_sortedness=False
    )
    both = lower.rename({"tenor_right": "tenor_below", "rate_annual": "below"}).join_asof(
        tenors, on="tenor", by="rate_day", strategy="forward", coalesce=False, check_sortedness=False
    )
    above, below = pl.col("rate_annual"), pl.col("below")
    width = pl.col("tenor_right") - pl.col("tenor_below")
    share = pl.when(width > 0).then((pl.col("tenor") - pl.col("tenor_below")) / width).otherwise(0.0)
    line = (below + (above - below) * share).round(_DECIMALS)
    found = both.select("session", "dte_days", rate_annual=pl.coalesce(line, below, above))
    return frame.join(found, on=["session", "dte_days"], how="left", maintain_order="left")
