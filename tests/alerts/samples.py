"""Alerts for tests."""

from datetime import UTC, datetime, timedelta

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.alerts.states import alerts_of, decide_acknowledge, decide_resolve
from alluse_assets.base.config.model_people import NotifyRules

NOON = datetime(2026, 6, 3, 16, 0, tzinfo=UTC)
"""Twelve o'clock in New York on a Wednesday."""


def minutes(number):
    return timedelta(minutes=number)


def alert(name="a1", priority="HIGH", **given):
    given.setdefault("text", f"{name} happened")
    return Alert(name, AlertType.PROTOCOL, priority, **given)


def raised(*alerts):
    """The current alerts of (alert, when) pairs, as a journal's fold gives them."""
    return alerts_of([alert_event(one, at, "rule:test") for one, at in alerts])


def rules(quiet=False, **given):
    """Rules with one channel, ``phone``, unless ``channels`` says otherwise; without quiet hours."""
    given.setdefault("channels", {"phone": {"secret": "env:PHONE"}})
    return NotifyRules.model_validate({"quiet_days": "all" if quiet else "none", **given})


def answered(alerts, name, at, resolve=False):
    """The alerts after one was acknowledged or resolved."""
    known = dict(alerts)
    events = [alert_event(one.alert, one.raised_at, one.actor) for one in known.values()]
    if resolve:
        events.append(decide_resolve(known, name, "ann", at, "over"))
    else:
        events.append(decide_acknowledge(known, name, "ann", at))
    return alerts_of(events)
