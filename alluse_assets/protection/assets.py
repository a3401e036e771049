"""Protection as assets: levels of open options, states of accounts, rolls that were due. Surface."""

from __future__ import annotations

from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING
from alluse_assets.protection.tables import ACCOUNT_STATES, PROTECTION_LEVELS, ROLLS


@table_assets(
    Made(
        PROTECTION_LEVELS,
        "projected from the journal: the chain's anchor against the close, level by level.",
        Trend("multiple", label="adverse move, ATRs"),
        deps=["positions"],
    ),
    Made(ACCOUNT_STATES, "projected from the journal: holds placed and lifted.", deps=["trading_journal"]),
    Made(ROLLS, "projected from the journal: each roll decided, and how it ended.", deps=["trading_journal"]),
    name="protection",
    scope="book",
    stage=TRADING,
    group="protection",
    owner="team:trading",
)
def protection(desk: Desk, span: Span) -> None:
    """What protects the book, as the journal tells it."""
    desk.rebuild(PROTECTION_LEVELS, ACCOUNT_STATES, ROLLS)
    desk.progress.step("protection", 1, 1)
