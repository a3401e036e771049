"""The trading journal as an asset: the one place where orders, fills and expiries come from.

Surface. The events are appended by the execution module only; this runs the book's sessions through it.
A session depends on the one before it, so two years are one run.
"""

from collections import Counter

import dagster as dg

from alluse_assets.orchestration.asset_metadata import counts_table
from alluse_assets.orchestration.partitions import PREVIOUS, SAME_TIME, SESSIONS, depends_on, span_of
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import STAGE_TAG, TRADING

DESCRIPTION = """Everything that happened to the book, in order, never changed: configuration, guesses, \
decisions, orders, fills, expiries, assignments, closes. Each event carries the hash of the one before.

**One row:** one event. **How it is made:** each session is traded by rule against the paper broker and \
appended in one transaction; a run that was stopped goes on behind the last session that was closed. \
A paper or live book is walked in real time by ``alluse trade`` or its schedule, and only read here."""


@dg.asset(
    name="trading_journal",
    description=DESCRIPTION,
    deps=[
        "entry_candidates",
        "option_chains",
        "surfaces",
        depends_on("bars", SAME_TIME),
        depends_on("corporate_actions", SAME_TIME),
        depends_on("trading_journal", PREVIOUS),
    ],
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="journal",
    owners=["team:trading"],
    kinds={"postgres"},
    required_resource_keys={"desk"},
    metadata={"key": "book, seq", "dagster/table_name": "alluse.journal"},
    tags={"alluse/layer": "core", STAGE_TAG: TRADING.name},
)
def trading_journal(context: dg.AssetExecutionContext) -> None:
    """Close every session of the range that the book has not closed yet; a walked book is only read."""
    desk: Desk = context.resources.desk
    span = span_of(SESSIONS, context.partition_keys)
    if not desk.is_walked:
        desk.replay().run(
            desk.first_session,
            span.end,
            lambda session, done, total: desk.progress.step(f"trading {session}", done, total),
        )
    head = desk.services.store.head(desk.book)
    counts = Counter(event.type for event in desk.events())
    # On the last session only: metadata of the result would be copied to every session's event.
    context.add_asset_metadata(
        {
            "dagster/row_count": head.seq,
            "head": head.hash.hex(),
            "events": counts_table(counts, "event"),
        },
        partition_key=span.keys[-1],
    )
