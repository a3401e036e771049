"""What could be opened and what was decided, as assets: every candidate and decision, with its reasons."""

from __future__ import annotations

import polars as pl

from alluse_assets.orchestration.asset_factory import Made, by_month, table_assets
from alluse_assets.orchestration.asset_metadata import Trend
from alluse_assets.orchestration.partitions import SAME_TIME, Span, depends_on
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import TRADING
from alluse_assets.strategies.candidates import CANDIDATES
from alluse_assets.strategies.decisions import ENTRY_DECISIONS


@table_assets(
    Made(
        CANDIDATES,
        "the chains of each entry session screened by the account kind's delta band, days to expiry, premium "
        "floor and liquidity rules; a refused contract stays, with every reason.",
        Trend("premium_yield", pl.col("rank") == 1, "premium yield of the best candidates"),
        never_empty=True,
        deps=["option_chains", depends_on("market_mode_guesses", SAME_TIME)],
    ),
    name="entry_candidates",
    scope="book",
    stage=TRADING,
    group="strategies",
    owner="team:trading",
)
def entry_candidates(desk: Desk, span: Span) -> None:
    """Chains to candidates; a book that is walked in real time screens at each look and keeps what it saw."""
    if desk.is_walked:
        desk.progress.step("entry candidates of the looks", 1, 1)
        return
    book, first, timeline = desk.book, desk.first_session, desk.chosen.timeline
    by_month(
        desk,
        span,
        "entry candidates",
        lambda start, end: desk.steps.screen_entries(
            book, first, max(start, span.start), min(end, span.end), timeline
        ),
    )


@table_assets(
    Made(
        ENTRY_DECISIONS,
        "projected from the journal: what each account decided on its entry sessions, with every reason.",
        deps=["trading_journal"],
    ),
    name="entry_decisions",
    scope="book",
    stage=TRADING,
    group="strategies",
    owner="team:trading",
)
def entry_decisions(desk: Desk, span: Span) -> None:
    """The journal's entry decisions."""
    desk.rebuild(ENTRY_DECISIONS)
