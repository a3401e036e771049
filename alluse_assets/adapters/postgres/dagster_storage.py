"""Dagster's storage in our database: the class that ``dagster.yaml`` names.

Where Dagster's tables are and how its connections are kept; what it stores is Dagster's business.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dagster import Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from alluse_assets.adapters.postgres.connect import (
    DAGSTER_SCHEMA,
    connect_owner,
    dagster_storage_url,
    described,
)
from alluse_assets.adapters.postgres.dagster_event_log import BatchingEventLogStorage
from alluse_assets.base.errors import ServerError

EVENT_BATCH_SIZE = 1000
POOL_RECYCLE_SECONDS = 3600
POOL_MAX_OVERFLOW = 10


class AlluseDagsterStorage(DagsterPostgresStorage):
    """Runs, events and schedules in the schema ``dagster`` of our database.

    Stock storage opens a connection for each query, which costs ten times the query; this one keeps one
    for each of its three parts, as Dagster's own web server has its storage do.

    Args:
        postgres_url: our database, as ``ALLUSE_DATABASE_URL`` has it.
        inst_data: how Dagster made this object.

    Raises:
        ServerError: the database cannot be reached or has not been migrated.
    """

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        url = dagster_storage_url(postgres_url)
        _require_schema(postgres_url)
        super().__init__(url, inst_data=inst_data)
        self._event_log_storage = BatchingEventLogStorage(url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage.optimize_for_webserver(
                statement_timeout=0, pool_recycle=POOL_RECYCLE_SECONDS, max_overflow=POOL_MAX_OVERFLOW
            )
        # Dagster reads its batch size from the environment only, each time; a size set there stays.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(EVENT_BATCH_SIZE))

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What ``dagster.yaml`` says about this class."""
        return {"postgres_url": Field(StringSource)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> AlluseDagsterStorage:
        """Made by Dagster from ``dagster.yaml``."""
        return cls(config_value["postgres_url"], inst_data)


def _require_schema(url: str) -> None:
    # Without it Dagster's tables would have no place, and the error would not say why.
    with connect_owner(url, application_name="alluse dagster") as connection:
        if connection.execute("SELECT to_regnamespace(%s)", [DAGSTER_SCHEMA]).fetchone() == (None,):
            raise ServerError(
                f"{described(url)} has no schema {DAGSTER_SCHEMA} yet: alluse up migrates the database"
            )
