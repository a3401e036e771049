"""The book's alerts as an asset. Surface."""

from __future__ import annotations

from alluse_assets.alerts.tables import ALERTS
from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING


@table_assets(
    Made(
        ALERTS,
        "projected from the journal: raised, acknowledged and resolved are events of their own.",
        deps=["trading_journal"],
    ),
    name="alert_list",
    scope="book",
    stage=TRADING,
    group="alerts",
    owner="team:trading",
)
def alert_list(desk: Desk, span: Span) -> None:
    """The journal's alerts with their states."""
    desk.rebuild(ALERTS)
    desk.progress.step("alerts", 1, 1)
