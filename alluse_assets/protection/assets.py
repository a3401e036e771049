"""Protection as assets: levels of open options, states of accounts, what stops entries, rolls. Surface."""

from __future__ import annotations

from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING
from alluse_assets.protection.tables import (
    ACCOUNT_HOLDS,
    ACCOUNT_STATES,
    CHAIN_CONTRACTS,
    LEVEL_CHANGES,
    PROTECTION_LEVELS,
    PROTECTION_STOPS,
    ROLLS,
)


@table_assets(
    Made(
        PROTECTION_LEVELS,
        "projected from the journal: the chain's anchor against the close, level by level.",
        Trend("multiple", label="adverse move, ATRs"),
        deps=["positions"],
    ),
    Made(
        CHAIN_CONTRACTS,
        "projected from the journal: short options with the chain they belong to.",
        deps=["positions"],
    ),
    Made(
        LEVEL_CHANGES,
        "projected from the journal: each change with its actions and the orders they come to.",
        deps=["trading_journal"],
    ),
    Made(ACCOUNT_STATES, "projected from the journal: holds placed and lifted.", deps=["trading_journal"]),
    Made(ACCOUNT_HOLDS, "projected from the journal: each hold with its end.", deps=["trading_journal"]),
    Made(
        PROTECTION_STOPS,
        "projected from the journal: cool-offs, drawdowns and breaker tiers, each with its end.",
        deps=["trading_journal"],
    ),
    Made(ROLLS, "projected from the journal: each roll decided, and how it ended.", deps=["trading_journal"]),
    name="protection",
    scope="book",
    stage=TRADING,
    group="protection",
    owner="team:trading",
)
def protection(desk: Desk, span: Span) -> None:
    """What protects the book, as the journal tells it."""
    levels, states = (PROTECTION_LEVELS, CHAIN_CONTRACTS, LEVEL_CHANGES), (ACCOUNT_STATES, ACCOUNT_HOLDS)
    desk.rebuild(*levels, *states, PROTECTION_STOPS, ROLLS)
    desk.progress.step("protection", 1, 1)
