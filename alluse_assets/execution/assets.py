"""Orders, option trades and approvals as assets, projected from the journal.

Surface, and read-only: orders are placed by the execution module alone, while the journal is made.
"""

from __future__ import annotations

import polars as pl

from alluse_assets.execution.approval_table import APPROVALS
from alluse_assets.execution.tables import OPTION_TRADES, ORDERS
from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING


@table_assets(
    Made(
        ORDERS,
        "projected from the journal: each intent with the events of its life.",
        deps=["trading_journal"],
    ),
    Made(
        OPTION_TRADES,
        "projected from the journal: each short option from its sale to its end.",
        Trend("gain", pl.col("how_ended") != "open", "gain of the trades opened that day, mean, USD"),
        deps=["trading_journal"],
    ),
    Made(
        APPROVALS,
        "projected from the journal: each request with its answer and what became of it.",
        deps=["trading_journal"],
    ),
    name="orders_and_trades",
    scope="book",
    stage=TRADING,
    group="execution",
    owner="team:trading",
)
def orders_and_trades(desk: Desk, span: Span) -> None:
    """The journal's orders, option trades and approvals."""
    desk.rebuild(ORDERS, OPTION_TRADES, APPROVALS)
