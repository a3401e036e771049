"""The book itself as an asset: what it was opened with. Surface."""

from __future__ import annotations

from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.orchestration.asset_factory import Made, table_assets
from alluse_assets.orchestration.partitions import Span
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import REPORT


@table_assets(
    Made(BOOK_TERMS, "read from the journal's first event.", never_empty=True, deps=["trading_journal"]),
    name="accounts",
    scope="book",
    stage=REPORT,
    group="accounts",
    owner="team:trading",
)
def accounts(desk: Desk, span: Span) -> None:
    """What the journal's first event says."""
    desk.rebuild(BOOK_TERMS)
    desk.progress.step("book terms", 1, 1)
