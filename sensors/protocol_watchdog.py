"""The protocol's watchdog: raises what is wrong with how the book is run, and starts what is late."""

from datetime import UTC, datetime

import dagster as dg

from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.watching import watch_protocol
from jobs.trading import trading

# A look is missed by then, a cool-off or a close is not.
EVERY_SECONDS = 120


@dg.sensor(
    job=trading,
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Late steps and positions without a level. Start it for a paper book on a live market.",
)
def protocol_watchdog(
    context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]
) -> dg.RunRequest | dg.SkipReason:
    """Alerts for what is wrong, and a run for openings and closings that were missed."""
    if desk.config.market.source != "live":
        return dg.SkipReason(f"market.source is {desk.config.market.source}: nothing is live")
    now = datetime.now(UTC)  # noqa: TID251 - the edge, where time comes in
    found = watch_protocol(desk.live_book, now)
    if found.late:
        return dg.RunRequest(run_key=f"watchdog-{desk.book}-{now:%Y-%m-%dT%H:%MZ}")
    return dg.SkipReason(found.sentence)
