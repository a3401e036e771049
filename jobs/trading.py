"""The trading steps of a paper book: open a session, look at the market, close the session.

The schedule asks every minute what is due and starts one run for it: the week's guess with the first open,
entries in their windows, looks by protection level, week types and reports after the last close. All times
are New York's, so daylight saving moves nothing. ``alluse trade`` does the same from a shell.
"""

from datetime import UTC, datetime

import dagster as dg

from alluse_assets.orchestration.resources import Desk


@dg.op(required_resource_keys={"desk"})
def walk_book(context: dg.OpExecutionContext) -> None:
    """Walk what is due now. Twice in a minute, or late, does no harm."""
    desk: Desk = context.resources.desk
    steps = desk.live_book.walk(datetime.now(UTC))  # noqa: TID251 - the edge, where time comes in
    walked = ", ".join(f"{step.kind.value} {step.session}" for step in steps)
    context.add_output_metadata({"steps": walked or "nothing was due"})


@dg.job(description=(__doc__ or "").partition("\n")[2].strip())
def trading() -> None:
    """Assembles the job."""
    walk_book()


@dg.schedule(
    job=trading,
    cron_schedule="* 9-17 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every minute of a session: runs what is due. Start it for a paper book on a live market.",
)
def trading_schedule(
    context: dg.ScheduleEvaluationContext, desk: dg.ResourceParam[Desk]
) -> dg.RunRequest | dg.SkipReason:
    """A run when something is due; its key keeps a minute from being walked twice."""
    if desk.config.market.source != "live":
        return dg.SkipReason(f"market.source is {desk.config.market.source}: nothing is live")
    now = context.scheduled_execution_time.astimezone(UTC)
    due = desk.live_book.due(now)
    if not due:
        return dg.SkipReason(f"nothing is due at {now:%H:%M} UTC")
    return dg.RunRequest(
        run_key=f"trading-{desk.book}-{now:%Y-%m-%dT%H:%MZ}",
        tags={"alluse/steps": ",".join(f"{step.kind.value}:{step.session}" for step in due)},
    )
