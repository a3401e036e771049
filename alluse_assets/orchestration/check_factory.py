"""Makes the checks of a table: its description holds for every row, and not too much was refused.

Quarantine happens inside the asset, before; a check judges what came through and stops what is downstream.
"""

from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from alluse_assets.adapters.files.corrected import IS_CORRECTED, with_corrected
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.orchestration.asset_metadata import counts_table
from alluse_assets.orchestration.expectations import Verdict, judge
from alluse_assets.orchestration.partitions import Span, span_of
from alluse_assets.orchestration.resources import Desk


class QuarantineLimit(dg.Config):
    """``blocking_share``: refused rows / all rows of the run, above which nothing downstream runs."""

    blocking_share: float = 0.05


def description_check(table: Table, partitions: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """A blocking check of the asset called as ``table``; it judges the partitions of the run it is in."""

    @dg.asset_check(
        asset=table.name,
        name="description_holds",
        blocking=True,
        description=(
            f"Every row of {table.name} has the types, ranges and allowed values that its description says, "
            f"and {', '.join(table.key)} is unique. In a live market the last session that is due is there. "
            "Great Expectations, from the table's description."
        ),
        required_resource_keys={"desk"},
    )
    def description_holds(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        desk: Desk = context.resources.desk
        due, span = None, _span(context, partitions)
        if desk.config.market.source == "live" and span is not None:
            now = context.instance.get_run_record_by_id(context.run.run_id).create_timestamp
            due = due_session(table, desk.services.calendar, span, now)
        verdict = judge(table, rows_of_run(context, desk, table, partitions), due)
        return dg.AssetCheckResult(passed=verdict.holds, metadata=_shown(verdict))

    return description_holds


def table_checks(
    table: Table, partitions: dg.PartitionsDefinition[str]
) -> tuple[dg.AssetChecksDefinition, dg.AssetChecksDefinition]:
    """The description's check, and one of the share that was refused; both block."""

    @dg.asset_check(
        asset=table.name,
        name="quarantined_share",
        blocking=True,
        description=(
            f"The share of rows of {table.name} that were refused stays within the blocking limit. A refused "
            "row whose key has a good row by now was corrected and does not count."
        ),
        required_resource_keys={"desk"},
    )
    def quarantined_share(
        context: dg.AssetCheckExecutionContext, config: QuarantineLimit
    ) -> dg.AssetCheckResult:
        desk: Desk = context.resources.desk
        span = _span(context, partitions)
        start, end = (span.start, span.end) if span else (None, None)
        lake, source = desk.services.lake, desk.lake_source("market")
        good = lake.read(table, source, start, end, columns=list(table.key[:1])).height
        refused = lake.read(QUARANTINE, source, start, end, where=pl.col("table") == table.name)
        counted = with_corrected(lake, source, refused, [table]).filter(~pl.col(IS_CORRECTED))
        by_rule = dict(counted.group_by("rule").len().sort("rule").iter_rows())
        share = counted.height / max(good + counted.height, 1)
        return dg.AssetCheckResult(
            passed=share <= config.blocking_share,
            metadata={
                "refused share": round(share, 6),
                "limit": config.blocking_share,
                "refused rows": counted.height,
                "refused and corrected since": refused.height - counted.height,
                "by rule": counts_table(by_rule, "rule"),
            },
        )

    return description_check(table, partitions), quarantined_share


def rows_of_run(
    context: dg.AssetCheckExecutionContext,
    desk: Desk,
    table: Table,
    partitions: dg.PartitionsDefinition[str],
) -> pl.DataFrame:
    """The rows of a market's ``table`` that the run of a check has made; all when it runs on its own."""
    span = _span(context, partitions)
    start, end = (span.start, span.end) if span else (None, None)
    return desk.services.lake.read(table, desk.lake_source("market"), start, end)


def due_session(table: Table, calendar: TradingCalendar, span: Span, now: datetime) -> date | None:
    """The last session of ``span`` whose rows a live market should have at ``now``; None: none of them."""
    if table.fresh_hours is None:
        return None
    wait = timedelta(hours=table.fresh_hours)
    sessions = calendar.sessions(span.start, min(span.end, now.astimezone(NEW_YORK).date()))
    return next((day for day in reversed(sessions) if calendar.close_time(day) + wait <= now), None)


def _span(context: dg.AssetCheckExecutionContext, partitions: dg.PartitionsDefinition[str]) -> Span | None:
    """The partitions of the run; None, hence everything, when a check is run on its own without any."""
    if context.has_partition_key_range:
        bounds = context.partition_key_range
        return span_of(partitions, [bounds.start, bounds.end])
    if context.has_partition_key:
        return span_of(partitions, [context.partition_key])
    return None


def _shown(verdict: Verdict) -> dict[str, int | str | dg.MarkdownMetadataValue]:
    lines = ["| expectation | column | rows | examples |", "| --- | --- | --- | --- |"]
    lines += [f"| {f.expectation} | {f.column} | {f.rows:,} | {f.examples} |" for f in verdict.failures]
    return {
        "rows judged": verdict.rows,
        "expectations": verdict.expectations,
        "failed": dg.MetadataValue.md("\n".join(lines)) if verdict.failures else "none",
    }
