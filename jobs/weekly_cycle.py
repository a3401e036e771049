"""The weekly cycle: everything from raw data to the performance report, for a range of days.

``weekly_cycle`` runs its stages one after the other, each a job of its own that can also be started
alone, and skips what is done: started again after a kill, it goes on where it was.
"""

from datetime import date

import dagster as dg

from alluse_assets.orchestration.materialise import materialise_range
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import STAGE_TAG, STAGES

STAGE_JOBS = [
    dg.define_asset_job(
        stage.job_name,
        selection=dg.AssetSelection.tag(STAGE_TAG, stage.name),
        description=f"Stage {stage.place} of the weekly cycle. {stage.makes}",
    )
    for stage in STAGES
]


class CycleRange(dg.Config):
    """Days, YYYY-MM-DD; empty: the book's first session, and the end that its profile names."""

    start: str = ""
    end: str = ""


@dg.op(required_resource_keys={"desk"})
def run_stages(context: dg.OpExecutionContext, config: CycleRange) -> None:
    """Run each stage over the range, in order."""
    desk: Desk = context.resources.desk
    start, end = (date.fromisoformat(day) if day else None for day in (config.start, config.end))
    for outcome in materialise_range(desk, context.instance, start, end):
        context.log.info(outcome.sentence)


@dg.job(description=(__doc__ or "").partition("\n")[2].strip())
def weekly_cycle() -> None:
    """Assembles the job."""
    run_stages()


weekly_cycle_schedule = dg.ScheduleDefinition(
    job=weekly_cycle,
    cron_schedule="0 18 * * 5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Fridays after the close. Stopped until a book runs on live data.",
)
