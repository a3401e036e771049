"""Performance as assets: the figures per account and for the book, by week and month."""

from __future__ import annotations

from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import REPORT
from alluse_assets.reporting.tables import PERFORMANCE, PERIOD_RETURNS

_DEPS = ("net_asset_value", "option_trades", "balances")


@table_assets(
    Made(PERFORMANCE, "computed from net asset values and closed option trades.", deps=_DEPS),
    Made(
        PERIOD_RETURNS,
        "the session returns of each week and month, linked.",
        Trend("period_return", label="return of weeks and months, mean of the accounts"),
        deps=("net_asset_value",),
    ),
    name="performance",
    scope="book",
    stage=REPORT,
    group="reporting",
    owner="team:research",
)
def performance(desk: Desk, span: Span) -> None:
    """The figures since the first session."""
    desk.rebuild(PERFORMANCE, PERIOD_RETURNS)
    desk.progress.step("performance", 1, 1)
