"""A live market through a session: chains at the open and at the close, premiums in between, then the lake.

The first schedule asks every five minutes what is due and starts one run for each; what was missed for
longer than that is gone, because no source can be asked for the past. The other one brings the session to
the lake after its close.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg
from pydantic import Field

from alluse_assets.orchestration.partitions import SESSIONS
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import LIVE, STAGE_TAG

_EVERY = timedelta(minutes=5)


class SnapshotRequest(dg.Config):
    """What to look at."""

    kind: Literal["open", "premium", "close"] = Field(
        default="premium", description="open and close take whole chains, premium the snapshot tickers'."
    )


@dg.op(required_resource_keys={"desk"})
def take_snapshot(context: dg.OpExecutionContext, config: SnapshotRequest) -> None:
    """Ask the routed sources for option quotes as they are now, and keep them."""
    desk: Desk = context.resources.desk
    kept = desk.live.take_snapshot(config.kind)
    context.add_output_metadata({"rows": kept.rows, "refused": kept.refused})


@dg.job(description=(__doc__ or "").strip())
def live_snapshot() -> None:
    """Assembles the job."""
    take_snapshot()


@dg.schedule(
    job=live_snapshot,
    cron_schedule="*/5 9-16 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every five minutes of a session: runs what is due. Start it for a live market.",
)
def live_snapshot_schedule(
    context: dg.ScheduleEvaluationContext, desk: dg.ResourceParam[Desk]
) -> list[dg.RunRequest] | dg.SkipReason:
    """A run for each instant since the tick before; its key keeps an instant from being taken twice."""
    from alluse_assets.market_data.snapshot_times import due

    if desk.config.market.source != "live":
        return dg.SkipReason(f"market.source is {desk.config.market.source}: nothing is live")
    until = context.scheduled_execution_time.astimezone(UTC)
    found = due(desk.services.calendar, until - _EVERY, until, desk.config.market.chains)
    if not found:
        return dg.SkipReason(f"no chain is due at {datetime.strftime(until, '%H:%M')} UTC")
    return [
        dg.RunRequest(
            run_key=one.key,
            run_config={"ops": {"take_snapshot": {"config": {"kind": one.kind}}}},
        )
        for one in found
    ]


live_session_job = dg.define_asset_job(
    LIVE.job_name, selection=dg.AssetSelection.tag(STAGE_TAG, LIVE.name), description=LIVE.makes
)


@dg.schedule(
    job=live_session_job,
    cron_schedule="20 16 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Twenty minutes after the close: the session's rows from the hot store to the lake.",
)
def live_session_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """A run for today's session."""
    key = context.scheduled_execution_time.strftime("%Y-%m-%d")
    if key not in set(SESSIONS.get_partition_keys(current_time=context.scheduled_execution_time)):
        return dg.SkipReason(f"the exchange is closed on {key}")
    return dg.RunRequest(run_key=f"{LIVE.job_name}-{key}", partition_key=key)


serve_series_job = dg.define_asset_job(
    "serve_series",
    selection=dg.AssetSelection.assets("served_series"),
    description="Sessions of the lake's bars, indicators, chains and surfaces into the hot store.",
)

LIVE_JOBS = (live_snapshot, live_session_job, serve_series_job)
LIVE_SCHEDULES = (live_snapshot_schedule, live_session_schedule)
