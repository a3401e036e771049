"""The book itself as assets: what it was opened with, and every version of its configuration. Surface."""

from __future__ import annotations

from alluse_assets.accounts.tables import BOOK_TERMS, CONFIG_VERSIONS
from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import REPORT


@table_assets(
    Made(BOOK_TERMS, "read from the journal's first event.", never_empty=True, deps=["trading_journal"]),
    Made(
        CONFIG_VERSIONS,
        "projected from the journal: the opening and every change since, with its reason.",
        never_empty=True,
        deps=["trading_journal"],
    ),
    name="accounts",
    scope="book",
    stage=REPORT,
    group="accounts",
    owner="team:trading",
)
def accounts(desk: Desk, span: Span) -> None:
    """What the journal's first event says, and what was changed since."""
    desk.rebuild(BOOK_TERMS, CONFIG_VERSIONS)
    desk.progress.step("book terms", 1, 1)
