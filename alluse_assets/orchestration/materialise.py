"""Runs the stages of the weekly cycle over a range of days, each as one Dagster run in this process.

Works as make does (``freshness`` decides): a partition is made again when it is missing or older than
what it is made from. So a second run does nothing, and one that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.errors import DagsterAssetCheckFailedError

from alluse_assets.base.errors import ConfigError, DataError
from alluse_assets.orchestration.freshness import Freshness
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import STAGES, Stage

CYCLE_TAG = "alluse/cycle"
# By this the UI finds the runs of a job; a run that was launched from the UI gets it by itself.
_LOCATION = {".dagster/repository": "__repository__@alluse"}
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_LEASE_SECONDS = 10.0
_UNFINISHED = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What became of a stage: the partitions that were run, none of them when all was done already."""

    stage: Stage
    keys: tuple[str, ...]
    ran: bool

    @property
    def sentence(self) -> str:
        """For a log."""
        if not self.ran:
            return f"{self.stage.name}: nothing to do"
        over = f" over {self.keys[0]} to {self.keys[-1]}" if self.keys else ""
        return f"{self.stage.name}: done{over}"


def materialise_range(
    desk: Desk, instance: dg.DagsterInstance, start: date | None = None, end: date | None = None
) -> Iterator[StageOutcome]:
    """Bring every asset of the desk's book up to date for the sessions from ``start`` to ``end``.

    Args:
        desk: the open installation; its progress is told about the steps.
        instance: where runs and events are recorded.
        start: first day; None: the book's first session.
        end: last day; None: the one that the profile names.

    Raises:
        ConfigError: neither ``end`` nor the profile says where to stop, or there is no session.
        ConflictError: another process runs the cycle of this book.
        DataError: a blocking check failed; what is downstream was not made.
    """
    # The code location imports the jobs, which import this.
    from alluse_assets.definitions import build_defs

    first = max(start or desk.first_session, desk.first_session)
    last = desk.last_day(end)
    sessions = desk.services.calendar.sessions(first, last)
    if not sessions:
        raise ConfigError(f"there is no session of book {desk.book!r} from {first} to {last}")
    defs = build_defs({"desk": desk, "progress": desk.progress}, desk.book, desk.profile)
    with desk.services.store.lease(f"weekly cycle of {desk.book}", _LEASE_SECONDS):
        _close_killed_runs(instance, desk.book)
        freshness = Freshness(desk, instance, defs, sessions)
        for stage in STAGES:
            keys = freshness.stale_keys(stage)
            if keys is not None:
                span = {_RANGE_START: keys[0], _RANGE_END: keys[-1]} if keys else {}
                _execute(defs, instance, stage, {CYCLE_TAG: desk.book, **span})
            yield StageOutcome(stage, keys or (), keys is not None)


def _execute(
    defs: dg.Definitions, instance: dg.DagsterInstance, stage: Stage, tags: Mapping[str, str]
) -> None:
    try:
        defs.resolve_job_def(stage.job_name).execute_in_process(
            instance=instance, tags={**_LOCATION, **tags}, run_config=_QUIET
        )
    except DagsterAssetCheckFailedError as error:
        raise DataError(
            f"stage {stage.name} stopped, nothing was made from the data that failed: {error} "
            "See the asset's checks in the Dagster UI (alluse up); refused rows are in table quarantine"
        ) from error


def _close_killed_runs(instance: dg.DagsterInstance, book: str) -> None:
    """End the runs of processes that were killed: whoever holds the lease is the only one alive."""
    for run in instance.get_runs(RunsFilter(tags={CYCLE_TAG: book}, statuses=_UNFINISHED)):
        instance.report_run_failed(run, "The process that made this run was killed; a later one goes on.")
