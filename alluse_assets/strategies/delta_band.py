"""A study of one rule: each week sell the option nearest to a delta, hold it, buy it back.

For research over years of chains, without accounts, cash or the protocol's other rules: those are in
``entry`` and ``session``. Columnar: given a scan of the lake, only the sessions, rows and columns that
matter are read, first those of the entries, then those on which something is bought back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

_CONTRACT = ("underlying", "expiry", "right", "strike")
_TRADE = (
    *("underlying", "entry_session", "exit_session", "expiry", "right", "strike"),
    *("dte_days", "delta", "entry", "exit", "gain"),
)


@dataclass(frozen=True, slots=True)
class DeltaBandRule:
    """What is sold and when it is bought back.

    Attributes:
        right: P or C.
        low, target, high: absolute delta; inside the band the nearest to the target is sold, the lower
            strike of two that are equally near.
        dte_low, dte_high: calendar days to expiry at entry, both included.
        exit_dte: days to expiry at which it is bought back; 0 is on the day of expiry.
        above_usd: bid and ask at entry are both above it, USD per share.
    """

    right: Literal["P", "C"]
    low: float
    target: float
    high: float
    dte_low: int
    dte_high: int
    exit_dte: int = 0
    above_usd: float = 0.05


def delta_band_trades(
    chains: pl.LazyFrame, rule: DeltaBandRule, entry_sessions: Sequence[date] | None = None
) -> pl.DataFrame:
    """One row a trade: contract, sessions, mid prices in and out, and the gain as a share of the premium.

    Args:
        chains: rows of ``option_chains``, one snapshot a session; lazy, best a scan of the lake.
        rule: what is sold.
        entry_sessions: sessions on which to sell; None: on every one.

    Returns:
        underlying, entry_session, exit_session, expiry, right, strike, dte_days, delta, entry, exit (USD
        per share, mid), gain (share of the entry), sorted by underlying, entry session and expiry. What has
        no quote at the exit is left out.
    """
    mid = (pl.col("bid") + pl.col("ask")) / 2
    ours = chains.filter(pl.col("right") == rule.right)
    size = pl.col("delta").abs()
    offered = ours.filter(
        pl.col("dte_days").is_between(max(rule.dte_low, rule.exit_dte + 1), rule.dte_high),
        size.is_between(rule.low, rule.high),
        pl.col("bid") > rule.above_usd,
        pl.col("ask") > rule.above_usd,
    )
    if entry_sessions is not None:
        offered = offered.filter(_on(pl.Series(list(entry_sessions), dtype=pl.Date)))
    sold = (
        offered.select(
            *_CONTRACT,
            "session",
            "dte_days",
            "delta",
            entry=mid,
            distance=(size - rule.target).abs().round(9),
        )
        .sort("distance", "strike")
        .unique(["underlying", "session", "expiry"], keep="first", maintain_order=True)
        .drop("distance")
        .collect()
    )
    exits = (sold["expiry"].unique().sort()).dt.offset_by(f"-{rule.exit_dte}d")
    bought_back = (
        ours.filter(_on(exits), pl.col("dte_days") == rule.exit_dte)
        .select(*_CONTRACT, exit_session="session", exit=mid)
        .collect()
    )
    return (
        sold.join(bought_back, on=list(_CONTRACT), how="inner")
        .rename({"session": "entry_session"})
        .with_columns(gain=(pl.col("entry") - pl.col("exit")) / pl.col("entry"))
        .select(_TRADE)
        .sort("underlying", "entry_session", "expiry")
    )


def _on(sessions: pl.Series) -> pl.Expr:
    """Rows of the sessions; row groups of a file that hold none of them are not read."""
    return pl.col("session").is_in(sessions.implode())
