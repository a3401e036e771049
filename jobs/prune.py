"""Dropping what is old: live rows of the hot store, after the lake has got them.

The schedule runs every night; a person may run the job at any time, twice does no harm.
"""

from datetime import date

import dagster as dg
from pydantic import Field

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.orchestration.resources import Desk


class PruneRequest(dg.Config):
    """From when to count back."""

    today: str = Field(description="The day, 2026-11-24, from which market.hot_days are counted back.")


@dg.op(required_resource_keys={"desk"})
def prune_hot_store(context: dg.OpExecutionContext, config: PruneRequest) -> None:
    """Bring old live rows to the lake, then drop them from the hot store."""
    desk: Desk = context.resources.desk
    dropped = desk.live.prune(date.fromisoformat(config.today))
    context.add_output_metadata({"dropped": dropped or "nothing is that old"})


@dg.job(description=(__doc__ or "").strip())
def prune() -> None:
    """Assembles the job."""
    prune_hot_store()


@dg.schedule(
    job=prune,
    cron_schedule="30 2 * * *",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night: drops what is older than market.hot_days. Start it for a live market.",
)
def prune_schedule(
    context: dg.ScheduleEvaluationContext, desk: dg.ResourceParam[Desk]
) -> dg.RunRequest | dg.SkipReason:
    """A run for the night."""
    if desk.config.market.source != "live":
        return dg.SkipReason(f"market.source is {desk.config.market.source}: nothing is live")
    today = context.scheduled_execution_time.astimezone(NEW_YORK).date().isoformat()
    config = {"ops": {"prune_hot_store": {"config": {"today": today}}}}
    return dg.RunRequest(run_key=f"prune-{today}", run_config=config)
