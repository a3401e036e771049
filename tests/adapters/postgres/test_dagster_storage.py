import inspect
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage

from alluse_assets.adapters.postgres.connect import connect_owner, dagster_storage_url
from alluse_assets.adapters.postgres.dagster_event_log import BatchingEventLogStorage
from alluse_assets.adapters.postgres.dagster_storage import EVENT_BATCH_SIZE, AlluseDagsterStorage
from alluse_assets.base.errors import ServerError
from tests.paths import ROOT

DAYS = dg.DailyPartitionsDefinition(start_date="2011-01-03", end_date="2011-01-20")
EVENTS = "SELECT dagster_event_type, asset_key, partition, step_key FROM dagster.event_logs ORDER BY id"
KEYS = (
    "SELECT asset_key, last_materialization IS NOT NULL, last_run_id IS NOT NULL,"
    " last_materialization_timestamp IS NOT NULL, asset_details FROM dagster.asset_keys ORDER BY asset_key"
)
CHECKS = (
    "SELECT asset_key, check_name, partition, execution_status, evaluation_event_storage_id IS NOT NULL,"
    " evaluation_event::jsonb #>> '{dagster_event,event_type_value}'"
    " FROM dagster.asset_check_executions ORDER BY 1, 2, 3 NULLS FIRST, 4"
)
# Their values are hashes that differ from run to run.
TAGS = "SELECT asset_key, key, count(*) FROM dagster.asset_event_tags GROUP BY 1, 2 ORDER BY 1, 2"


@dg.asset(
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("is_whole", asset="bars", blocking=True)],
    code_version="1",
)
def bars():  # type: ignore[no-untyped-def]  # Dagster reads an annotation as outputs
    return dg.MaterializeResult(
        metadata={"rows": 17}, check_results=[dg.AssetCheckResult(passed=True)], tags={"colour": "blue"}
    )


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), deps=[bars])
def atr() -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(metadata={"rows": 17})


@dg.asset
def report() -> None:
    pass


def _run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Two assets over a range of days, one of them checked: what the two-year run is made of."""
    jobs = [dg.define_asset_job("range_job", selection=[bars, atr]), dg.define_asset_job("one", [report])]
    definitions = dg.Definitions(assets=[bars, atr, report], jobs=jobs)
    definitions.resolve_job_def("one").execute_in_process(instance=instance)
    return definitions.resolve_job_def("range_job").execute_in_process(
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": "2011-01-03",
            "dagster/asset_partition_range_end": "2011-01-19",
        },
    )


def _rows(url: str, question: str) -> list[tuple[Any, ...]]:
    with connect_owner(url) as connection:
        return connection.execute(question.encode()).fetchall()


@contextmanager
def _instance(home: Path, storage: dict[str, Any]) -> Iterator[dg.DagsterInstance]:
    home.mkdir()
    settings = {"storage": storage, "telemetry": {"enabled": False}}
    (home / "dagster.yaml").write_text(json.dumps(settings))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set and removed, so that what the storage puts there is undone after the test.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "")
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")


def _ours(url: str) -> dict[str, Any]:
    module = AlluseDagsterStorage.__module__
    return {"custom": {"module": module, "class": "AlluseDagsterStorage", "config": {"postgres_url": url}}}


def test_stock_dagster_storage_works_in_the_schema_dagster(database_url: str, tmp_path: Path) -> None:
    stock = {"postgres": {"postgres_url": dagster_storage_url(database_url)}}
    with _instance(tmp_path / "home", stock) as instance:
        definitions = dg.Definitions(assets=[report], jobs=[dg.define_asset_job("one", [report])])
        assert definitions.resolve_job_def("one").execute_in_process(instance=instance).success
    assert _rows(database_url, "SELECT status FROM dagster.runs") == [("SUCCESS",)]
    assert ("ASSET_MATERIALIZATION", '["report"]', None, "report") in _rows(database_url, EVENTS)
    tables = _rows(database_url, "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'event_logs'")
    assert tables == [("dagster",)]


def test_our_storage_leaves_the_same_rows_as_stock_storage(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    """What pins the private methods: a Dagster that stores another way fails here."""
    with connect_owner(empty_database_url) as connection:
        connection.execute("CREATE SCHEMA dagster")
    stock = {"postgres": {"postgres_url": dagster_storage_url(empty_database_url)}}
    with _instance(tmp_path / "stock", stock) as instance:
        assert _run(instance).success
        stock_partitions = instance.get_materialized_partitions(dg.AssetKey("bars"))
    with _instance(tmp_path / "ours", _ours(database_url)) as instance:
        assert _run(instance).success
        assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == str(EVENT_BATCH_SIZE)
        assert instance.get_materialized_partitions(dg.AssetKey("bars")) == stock_partitions
        record = instance.get_latest_materialization_event(dg.AssetKey("atr"))
        assert record is not None
        assert record.get_dagster_event().partition == "2011-01-19"
    assert len(stock_partitions) == 17
    for question in (EVENTS, KEYS, CHECKS, TAGS):
        assert _rows(database_url, question) == _rows(empty_database_url, question)
    assert len(_rows(database_url, CHECKS)) == 18


def test_a_batch_is_stored_whole_or_not_at_all(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster then stores the events one by one: a half-stored batch would be there twice."""
    failed = []

    def fails(self: BatchingEventLogStorage, *_: object) -> None:
        failed.append(self)
        monkeypatch.undo()
        os.environ["DAGSTER_EVENT_BATCH_SIZE"] = str(EVENT_BATCH_SIZE)
        raise ZeroDivisionError

    monkeypatch.setattr(BatchingEventLogStorage, "_planned_check_rows", fails)
    with _instance(tmp_path / "home", _ours(database_url)) as instance:
        assert _run(instance).success
    assert len(failed) == 1
    planned = "SELECT count(*) FROM dagster.event_logs WHERE dagster_event_type = '{}'"
    assert _rows(database_url, planned.format("ASSET_MATERIALIZATION_PLANNED")) == [(17 + 17 + 1,)]
    assert _rows(database_url, planned.format("ASSET_CHECK_EVALUATION_PLANNED")) == [(1,)]


def test_the_private_methods_we_call_are_there_with_the_arguments_we_give() -> None:
    expected = {
        "_event_to_row": ["self", "event"],
        "_event_insert_timestamp": ["self", "event"],
        "_store_asset_event_tags": ["self", "conn", "events", "event_ids"],
        "_store_asset_event": ["self", "conn", "event", "event_id"],
        "store_event_batch": ["self", "events"],
        "optimize_for_webserver": ["self", "statement_timeout", "pool_recycle", "max_overflow"],
    }
    found = {
        name: list(inspect.signature(getattr(PostgresEventLogStorage, name)).parameters) for name in expected
    }
    assert found == expected


def test_connections_are_kept_between_events(database_url: str, tmp_path: Path) -> None:
    with _instance(tmp_path / "home", _ours(database_url)) as instance:
        sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid"
        with psycopg.connect(database_url) as connection:
            instance.get_run_records(limit=1)
            before = connection.execute(sessions).fetchall()
            connection.commit()
            _run(instance)
            after = connection.execute(sessions).fetchall()
    assert set(before) <= set(after)
    assert len(before) <= 4


def test_a_database_that_was_not_migrated_is_named(empty_database_url: str) -> None:
    with pytest.raises(ServerError, match="has no schema dagster yet: alluse up migrates"):
        AlluseDagsterStorage(empty_database_url)


def test_the_projects_dagster_yaml_makes_an_instance_on_our_database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, BatchingEventLogStorage)
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert Path(instance.storage_directory()).is_relative_to(tmp_path)
        assert issubclass(AlluseDagsterStorage, DagsterPostgresStorage)
        # Runs are launched in processes of their own, which make the instance again from its reference.
        with dg.DagsterInstance.from_ref(instance.get_ref()) as again:
            assert isinstance(again.event_log_storage, BatchingEventLogStorage)
