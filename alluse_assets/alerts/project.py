"""Projects a book's journal into the table of alerts. Pure, like every projection."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import rfc8785

from alluse_assets.alerts.states import CurrentAlert, alerts_of
from alluse_assets.alerts.tables import ALERTS
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.events import Event


def project_alerts(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``ALERTS``, in the order in which the alerts were raised."""
    return pl.DataFrame(
        [_row(current) for current in alerts_of(events).values()], schema=ALERTS.schema, orient="row"
    )


def _row(current: CurrentAlert) -> dict[str, object]:
    alert, acknowledged, resolved = current.alert, current.acknowledged, current.resolved
    return {
        "session": current.raised_at.astimezone(NEW_YORK).date(),
        "alert": alert.id,
        "raised_at": current.raised_at,
        "type": alert.type.value,
        "priority": alert.priority,
        "account": alert.account,
        "symbol": alert.symbol,
        "text": alert.text,
        "script": rfc8785.dumps(list(alert.script)).decode(),
        "question": alert.question,
        "dedup_key": alert.dedup_key or None,
        "actor": current.actor,
        "state": current.state.value,
        "acknowledged_at": acknowledged.at if acknowledged else None,
        "acknowledged_by": acknowledged.by if acknowledged else None,
        "resolved_at": resolved.at if resolved else None,
        "resolved_by": resolved.by if resolved else None,
        "resolved_why": resolved.why if resolved else None,
    }
