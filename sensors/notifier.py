"""Sends alerts to people: asks every minute what is due, and sends it in the tick itself.

What was sent is in the database and nothing is kept in the cursor, so a tick that was lost costs a minute.
"""

from datetime import UTC, datetime

import dagster as dg

from alluse_assets.orchestration.resources import Desk


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Every minute: sends what is due of the book's alerts. Start it for a live or paper book.",
)
def notifier(context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]) -> dg.SkipReason:
    """Send what is due; what was done is the reason that no run is requested."""
    from alluse_assets.orchestration.notifications import send_due

    now = datetime.now(UTC)  # noqa: TID251 - a sensor's tick is when it is evaluated
    done = send_due(desk.services, desk.book, desk.chosen.asked, now)
    if done.failed or done.given_up:
        context.log.warning(done.sentence)
    return dg.SkipReason(done.sentence)
