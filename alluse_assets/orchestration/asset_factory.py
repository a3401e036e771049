"""Makes assets of the tables in the catalogue.

A domain's ``assets.py`` says which table, from what, whose it is, and which step makes it. Everything
that is the same for all is here: partitions of a run, column schema, row counts, preview and plot.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from alluse_assets.adapters.lake.manifest import partition_column
from alluse_assets.base.table_catalog import Table
from alluse_assets.orchestration.asset_metadata import Trend, column_schema, plot, preview, trend_plot
from alluse_assets.orchestration.partitions import Span, key_of, span_of
from alluse_assets.orchestration.resources import Desk, Scope
from alluse_assets.orchestration.stages import STAGE_TAG, Stage

# An asset's own metadata, read again by checks, by the weekly cycle and by people in the UI.
SCOPE = "alluse/scope"
NEVER_EMPTY = "alluse/never_empty"
# Each call for a partition lists all partitions of the run: 1.5 s for the 502 sessions of two years.
_FEW_PARTITIONS = 120


Step = Callable[[Desk, Span], Mapping[str, Any] | None]
"""Does the work for a span; what it returns is added to the metadata of the first table."""


@dataclass(frozen=True, slots=True)
class Made:
    """One table that a step makes.

    Attributes:
        table: its description becomes the asset's.
        how: how it is made, for an analyst.
        trend: its plot; without one the rows a partition has are plotted.
        never_empty: a lake without a single month of it has lost it.
        deps: what this table is made from.
    """

    table: Table
    how: str
    trend: Trend | None = None
    never_empty: bool = False
    deps: Sequence[dg.AssetDep | str] = field(default_factory=tuple)


def table_assets(
    *made: Made,
    name: str,
    scope: Scope,
    stage: Stage,
    group: str,
    owner: str,
) -> Callable[[Step], dg.AssetsDefinition]:
    """Decorates the step that makes the tables of ``made``, all at once and always all of them.

    A table that is made from another of the same step comes after it: Dagster wants them in that order.
    """
    partitions = stage.partitions

    def decorate(step: Step) -> dg.AssetsDefinition:
        @dg.multi_asset(
            name=name,
            specs=[_spec(one, scope, stage, group, owner) for one in made],
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
            required_resource_keys={"desk"},
        )
        def assets(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
            desk: Desk = context.resources.desk
            span = span_of(partitions, context.partition_keys) if partitions else None
            extra = step(desk, span or Span((), desk.first_session, desk.services.calendar.horizon))
            keys = {key.path[-1]: key for key in context.selected_asset_keys}
            for one in made:
                key = keys[one.table.name]
                own = dict(extra or {}) if one is made[0] else {}
                shown = {**own, **_outcome(context, key, one, scope, span, partitions)}
                # Metadata of a result is copied to each partition's event: a picture 500 times over.
                if span:
                    context.add_asset_metadata(shown, asset_key=key, partition_key=span.keys[-1])
                yield dg.MaterializeResult(asset_key=key, metadata={} if span else shown)

        return assets

    return decorate


def by_month(desk: Desk, span: Span, label: str, work: Callable[[date, date], Any]) -> list[Any]:
    """Call ``work`` for each month that ``span`` touches, telling progress; what it answered, in order."""
    from alluse_assets.orchestration.market_steps import months_of

    months = list(months_of(span.start, span.end))
    answers = []
    for done, (first, last) in enumerate(months, start=1):
        answers.append(work(first, last))
        desk.progress.step(label, done, len(months))
    return answers


def _spec(one: Made, scope: Scope, stage: Stage, group: str, owner: str) -> dg.AssetSpec:
    table = one.table
    return dg.AssetSpec(
        table.name,
        deps=list(one.deps),
        description=f"{table.description}\n\n**One row:** {table.grain}. **How it is made:** {one.how}",
        group_name=group,
        owners=[owner],
        kinds={"polars", "parquet"},
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/table_name": table.name,
            "key": ", ".join(table.key),
            SCOPE: scope,
            NEVER_EMPTY: one.never_empty,
        },
        tags={"alluse/layer": table.layer, STAGE_TAG: stage.name},
    )


def _outcome(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    one: Made,
    scope: Scope,
    span: Span | None,
    partitions: dg.PartitionsDefinition[str] | None,
) -> dict[str, Any]:
    desk: Desk = context.resources.desk
    table, trend = one.table, one.trend
    day = partition_column(table)
    lake, source = desk.services.lake, desk.lake_source(scope)
    start, end = (span.start, span.end) if span else (None, None)
    wanted = {name for name in (day, trend and trend.column, *_roots(trend)) if name}
    rows = lake.read(table, source, start, end, columns=[n for n in table.names if n in wanted])
    metadata: dict[str, Any] = {"dagster/row_count": rows.height}
    if day and span and partitions:
        counts = _rows_by_key(rows, day, partitions)
        told = span.keys if len(span.keys) <= _FEW_PARTITIONS else span.keys[-1:]
        for partition in told:
            rows_there = {"dagster/partition_row_count": counts.get(partition, 0)}
            context.add_asset_metadata(rows_there, asset_key=key, partition_key=partition)
        if trend is None:
            per_key = [float(counts.get(k, 0)) for k in span.keys]
            metadata["rows by partition"] = plot("rows", span.keys, per_key)
    if day and trend:
        metadata[trend.title] = trend_plot(rows, day, trend)
    last_day = rows[day].max() if day and rows.height else None
    if isinstance(last_day, date):
        metadata["latest rows"] = preview(lake.read(table, source, last_day, last_day))
    return metadata


def _roots(trend: Trend | None) -> list[str]:
    return trend.where.meta.root_names() if trend and trend.where is not None else []


def _rows_by_key(rows: pl.DataFrame, day: str, partitions: dg.PartitionsDefinition[str]) -> dict[str, int]:
    by_day = rows.group_by(day).len().sort(day)
    counts: dict[str, int] = {}
    for when, count in by_day.iter_rows():
        key = key_of(partitions, when)
        counts[key] = counts.get(key, 0) + count
    return counts
