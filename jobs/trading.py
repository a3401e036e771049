"""The trading steps of a paper book: open a session, look at the market, close the session.

The schedule asks every minute what is due and starts one run for it: the week's guess with the first open,
entries in their windows, looks by protection level, week types and reports after the last close. All times
are New York's, so daylight saving moves nothing. ``alluse trade`` does the same from a shell.
"""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from alluse_assets.orchestration.resources import Desk


class WalkRequest(dg.Config):
    """Which minute to walk."""

    at: str = Field(
        default="", description="The instant that something was due at, as ISO 8601 in UTC; empty: now."
    )


@dg.op(required_resource_keys={"desk"})
def walk_book(context: dg.OpExecutionContext, config: WalkRequest) -> None:
    """Walk what is due. Twice in a minute, or late, does no harm."""
    desk: Desk = context.resources.desk
    now = datetime.now(UTC)  # noqa: TID251 - the edge, where time comes in
    # A run may start minutes after its tick: what was due then is walked, on what is known now.
    steps = desk.live_book.walk(datetime.fromisoformat(config.at) if config.at else now)
    walked = ", ".join(f"{step.kind.value} {step.session}" for step in steps)
    context.add_output_metadata({"steps": walked or "nothing was due"})


@dg.job(description=(__doc__ or "").partition("\n")[2].strip())
def trading() -> None:
    """Assembles the job."""
    walk_book()


@dg.schedule(
    job=trading,
    # A close may be made up to twelve hours after the bell: a minute more or less is nothing to it then.
    cron_schedule=["* 9-17 * * 1-5", "*/10 0-8,18-23 * * 1-6"],
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every minute of a session, and now and then besides: runs what is due. For a paper book.",
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
        run_config={"ops": {"walk_book": {"config": {"at": now.isoformat()}}}},
        tags={"alluse/steps": ",".join(f"{step.kind.value}:{step.session}" for step in due)},
    )
