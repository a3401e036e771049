"""Dagster's event log with the events of a partition range written in one go.

A run over two years of sessions plans and materialises each session of each asset: thousands of events.
Dagster collects them in batches (``DAGSTER_EVENT_BATCH_SIZE``) and hands them to ``store_event_batch``,
where the stock class writes most of them one by one, and writes the plan of a check out again for each
session. What ends up in the tables is the same, row for row.

Relied on beyond dagster-postgres's public API, and pinned by a test: ``_event_to_row``,
``_event_insert_timestamp``, ``_store_asset_event_tags``, ``_store_asset_event`` and the tables' columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster import DagsterEventType, EventLogEntry
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._serdes import serialize_value
from dagster_postgres import PostgresEventLogStorage


class BatchingEventLogStorage(PostgresEventLogStorage):
    """``PostgresEventLogStorage`` whose batches are one transaction and a handful of statements."""

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores events of the kinds that Dagster batches, all of them or none."""
        events = [event for event in events if not event.get_dagster_event().is_asset_failed_to_materialize]
        if not events:
            return
        # The last event of a kind is the one an asset's summary row is left with.
        last = {
            (event.dagster_event_type, event.get_dagster_event().asset_key): index
            for index, event in enumerate(events)
        }
        with self.index_transaction() as connection:
            statement = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            rows = [self._event_to_row(event) for event in events]
            ids = [int(row[0]) for row in connection.execute(statement, rows)]
            with_tags = [
                (event, event_id)
                for event, event_id in zip(events, ids, strict=True)
                if event.get_dagster_event().asset_key
            ]
            self._store_asset_event_tags(connection, [e for e, _ in with_tags], [i for _, i in with_tags])
            for index in sorted(last.values()):
                self._store_asset_event(connection, events[index], ids[index])
            planned = [
                row
                for event, event_id in zip(events, ids, strict=True)
                if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
                for row in self._planned_check_rows(event, event_id)
            ]
            if planned:
                connection.execute(AssetCheckExecutionsTable.insert(), planned)

    def _planned_check_rows(self, event: EventLogEntry, event_id: int) -> list[dict[str, Any]]:
        planned = event.get_dagster_event().event_specific_data
        if not isinstance(planned, AssetCheckEvaluationPlanned):
            raise TypeError(f"a planned check was expected, not {type(planned).__name__}")
        subset = planned.partitions_subset
        # The event names every session of the range: written out per session it is most of the run's time.
        serialized = serialize_value(event)
        timestamp = self._event_insert_timestamp(event)  # type: ignore[no-untyped-call]
        return [
            {
                "asset_key": planned.asset_key.to_string(),
                "check_name": planned.check_name,
                "partition": partition,
                "run_id": event.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                "evaluation_event": serialized,
                "evaluation_event_timestamp": timestamp,
                "evaluation_event_storage_id": event_id,
            }
            for partition in (subset.get_partition_keys() if subset else [None])
        ]
