"""Which of several looks at a chain a session decides on: the last one of each underlying.

A live market is looked at after the open and before the close, and minute data has a look a minute.
"""

from __future__ import annotations

import polars as pl


def last_snapshots(chains: pl.DataFrame) -> pl.DataFrame:
    """The rows of each session's last instant by underlying, in their order."""
    newest = pl.col("quote_ts").max().over("session", "underlying")
    return chains.filter(pl.col("quote_ts") == newest)
