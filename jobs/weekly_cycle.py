"""The weekly cycle: everything from raw data to the performance report, for a range of days.

``weekly_cycle`` runs its stages one after the other, each a job of its own that can also be started
alone, and skips what is done: started again after a kill, it goes on where it was.
"""

from datetime import date, timedelta

import dagster as dg

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.orchestration.materialise import materialise_range
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.stages import STAGE_TAG, STAGES

FRIDAY = 4

STAGE_JOBS = [
    dg.define_asset_job(
        stage.job_name,
        selection=dg.AssetSelection.tag(STAGE_TAG, stage.name),
        description=f"Stage {stage.place} of the weekly cycle. {stage.makes}",
    )
    for stage in STAGES
]


class CycleRange(dg.Config):
    """Days, YYYY-MM-DD; empty: the book's first session, and its last closed one or its profile's end."""

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


@dg.schedule(
    job=weekly_cycle,
    # Every session of a week is over by then, holiday weeks too; a late close is there by the second one.
    cron_schedule=["0 18 * * 5", "0 6 * * 6"],
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="After the week's last session is closed. Stopped until a book runs on live data.",
)
def weekly_cycle_schedule(
    context: dg.ScheduleEvaluationContext, desk: dg.ResourceParam[Desk]
) -> dg.RunRequest | dg.SkipReason:
    """One run a week, once a book that is walked has closed the week's last session, or on Saturday."""
    today = context.scheduled_execution_time.astimezone(NEW_YORK).date()
    calendar = desk.services.calendar
    week = calendar.week_of(calendar.session_on_or_before(today))
    if week.monday < today - timedelta(days=today.weekday()):
        return dg.SkipReason(f"the week of {today} has no session")
    if desk.is_walked and today <= week.monday + timedelta(days=FRIDAY):
        closed = desk.last_closed
        if closed is None or closed < week.last:
            return dg.SkipReason(f"{week.last} is not closed yet: the next tick looks again")
    return dg.RunRequest(run_key=f"weekly_cycle-{desk.book}-{week.id}")
