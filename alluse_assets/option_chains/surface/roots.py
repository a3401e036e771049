"""The expiries of a chain, and which of two roots speaks for one.

SPX and SPXW both expire on third Fridays: SPX stops trading the day before and settles at the open, SPXW
trades until 16:00, to which time to expiry is counted. So an index's expiry is told by the root that is
not the index's own name where there is one. Options on shares have one root, the share's (``BRKB`` for
``BRK.B``): others are contracts that a split or merger adjusted, for other things than 100 shares.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from alluse_assets.base.instruments import root_in, root_of_each

SLICE = ("quote_ts", "underlying", "expiry")


def of_the_expiry_s_root(quotes: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``quotes`` that speak for their expiry, in their order.

    Needs quote_ts, underlying, expiry, contract_symbol and exercise_style.
    """
    is_own = root_in(pl.col("contract_symbol")) == root_of_each(pl.col("underlying"))
    is_index = pl.col("exercise_style") == "european"
    has_other = (~is_own).any().over(*SLICE)
    return quotes.filter(is_own != (is_index & has_other))


def slices_of(quotes: pl.DataFrame, shared: Sequence[str]) -> pl.DataFrame:
    """One row an expiry of each chain, by ``SLICE``, with the columns that its rows share."""
    return quotes.group_by(SLICE).agg(pl.col(shared).min()).sort(SLICE)
