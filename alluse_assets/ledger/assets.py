"""The ledger as assets: net asset value, balances, positions and lots at every close.

Surface. All of it is projected from the journal and can be thrown away and made again.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.ledger.tables import BALANCES, BOOK_ROW, LOTS, NET_ASSET_VALUE, POSITIONS
from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING

_BOOK = pl.col("account") == BOOK_ROW


@table_assets(
    Made(
        NET_ASSET_VALUE,
        "projected from the journal: postings and marks of each close.",
        Trend("nav", _BOOK, "net asset value of the book, USD"),
        never_empty=True,
        deps=["trading_journal"],
    ),
    Made(
        BALANCES,
        "projected from the journal: the postings of each ledger account, summed.",
        deps=["trading_journal"],
    ),
    Made(
        POSITIONS,
        "projected from the journal: shares and options held, at the close's marks.",
        deps=["trading_journal"],
    ),
    Made(
        LOTS,
        "projected from the journal: lots are opened and relieved first in, first out.",
        deps=["trading_journal"],
    ),
    name="ledger",
    scope="book",
    stage=TRADING,
    group="ledger",
    owner="team:trading",
)
def ledger(desk: Desk, span: Span) -> None:
    """The journal's postings as balances, positions, lots and value."""
    desk.rebuild(NET_ASSET_VALUE, BALANCES, POSITIONS, LOTS)
    desk.progress.step("ledger", 1, 1)
