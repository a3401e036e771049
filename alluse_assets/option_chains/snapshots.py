"""Which of several looks at a chain a session decides on.

A live market is looked at after the open and before the close, and minute data has a look a minute. Levels
and exits are judged at every look, entries at one: the first inside the entry window, else the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

Window = tuple[datetime, datetime]


def last_snapshots(chains: pl.DataFrame) -> pl.DataFrame:
    """The rows of each session's last instant by underlying, in their order."""
    newest = pl.col("quote_ts").max().over("session", "underlying")
    return chains.filter(pl.col("quote_ts") == newest)


def entry_snapshots(chains: pl.DataFrame, windows: Mapping[date, Window]) -> pl.DataFrame:
    """The rows on which each session's entries are decided, in their order.

    Args:
        chains: rows of option_chains.
        windows: first and last instant of the entry window of every session of ``chains``.

    Returns:
        By session and underlying the rows of the first instant inside the window; where none is, as with
        chains of the close, those of the last instant: the window moves to the quotes' own time.
    """
    frame = pl.DataFrame(
        [(session, *window) for session, window in sorted(windows.items())],
        schema={"session": pl.Date, "_begins": pl.Datetime("us", "UTC"), "_ends": pl.Datetime("us", "UTC")},
        orient="row",
    )
    group = ["session", "underlying"]
    inside = pl.col("quote_ts").is_between("_begins", "_ends")
    first = pl.when(inside).then(pl.col("quote_ts")).min().over(group)
    chosen = first.fill_null(pl.col("quote_ts").max().over(group))
    return (
        chains.join(frame, on="session", how="left", maintain_order="left")
        .filter(pl.col("quote_ts") == chosen)
        .drop("_begins", "_ends")
    )


def sessions_of_many_looks(chains: pl.DataFrame) -> frozenset[date]:
    """The sessions whose quotes have more than one instant: each is a look of its own."""
    counts = chains.group_by("session").agg(pl.col("quote_ts").n_unique().alias("looks"))
    return frozenset(counts.filter(pl.col("looks") > 1)["session"])
