"""An alert, its events, and the answers people can give."""

import json

import polars as pl
import pytest

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.alerts.project import project_alerts
from alluse_assets.alerts.states import AlertState, alerts_of, decide_acknowledge, decide_resolve
from alluse_assets.alerts.tables import ALERTS
from alluse_assets.base.errors import AlertError
from alluse_assets.base.events import Event
from alluse_assets.journal.canonical import canonical_bytes
from alluse_assets.journal.event_types import EventType
from tests.alerts.samples import NOON, alert, minutes, raised

SCRIPT = ({"action": "BUY_TO_CLOSE", "instrument": "TSLA  260605P00200000", "quantity": 2, "limit": "4.10"},)
FULL = Alert(
    "level/TSLA/2026-06-03", AlertType.PROTOCOL, "CRITICAL", "TSLA fell", "GEN-1", "TSLA", SCRIPT, True, "k"
)


def test_an_alert_reads_back_from_its_event_as_it_was():
    event = alert_event(FULL, NOON, "rule:protection", "order/7")
    assert (event.type, event.key, event.cause) == (EventType.ALERT_RAISED, f"alert/{FULL.id}", "order/7")
    assert canonical_bytes(1, event)
    (current,) = alerts_of([event]).values()
    assert (current.alert, current.raised_at, current.actor) == (FULL, NOON, "rule:protection")
    assert current.state is AlertState.NEW


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id": "two words"}, "alert id 'two words'"),
        ({"text": " "}, "without a text"),
        ({"priority": "URGENT"}, "none of LOW, MEDIUM, HIGH, CRITICAL"),
        ({"type": "weather"}, "none of trade_opportunity"),
    ],
)
def test_an_alert_that_cannot_be_one_is_refused(wrong, message):
    given = {"id": "a", "type": AlertType.SYSTEM, "priority": "LOW", "text": "t", **wrong}
    with pytest.raises(AlertError, match=message):
        Alert(**given)


def test_acknowledging_and_then_resolving():
    alerts = raised((alert(), NOON))
    event = decide_acknowledge(alerts, "a1", "ann", NOON + minutes(5), "on it")
    assert (event.key, event.cause, event.actor) == ("alert/a1/acknowledged", "alert/a1", "person:ann")
    events = [alert_event(alert(), NOON, "rule:test"), event]
    (current,) = alerts_of(events).values()
    assert current.state is AlertState.ACKNOWLEDGED
    events.append(decide_resolve(alerts_of(events), "a1", "bob", NOON + minutes(9), "closed by hand"))
    (current,) = alerts_of(events).values()
    assert current.state is AlertState.RESOLVED
    assert (current.acknowledged.by, current.resolved.by, current.resolved.why) == (
        "ann",
        "bob",
        "closed by hand",
    )


def test_acknowledging_twice_is_once():
    alerts = raised((alert(), NOON))
    event = decide_acknowledge(alerts, "a1", "ann", NOON)
    again = alerts_of([alert_event(alert(), NOON, "rule:test"), event])
    assert decide_acknowledge(again, "a1", "bob", NOON) is None


def test_what_cannot_be_answered_says_why():
    alerts = raised((alert(), NOON))
    with pytest.raises(AlertError, match="no alert 'other'; open: a1"):
        decide_acknowledge(alerts, "other", "ann", NOON)
    with pytest.raises(AlertError, match="say who"):
        decide_resolve(alerts, "a1", " ", NOON, "why")
    with pytest.raises(AlertError, match="'person:ann' is no person's name"):
        decide_acknowledge(alerts, "a1", "person:ann", NOON)
    with pytest.raises(AlertError, match="say why"):
        decide_resolve(alerts, "a1", "ann", NOON, "")
    done = decide_resolve(alerts, "a1", "ann", NOON, "over")
    over = alerts_of([alert_event(alert(), NOON, "rule:test"), done])
    for decide in (decide_acknowledge, decide_resolve):
        with pytest.raises(AlertError, match="is resolved already, by ann, Wed 2026-06-03 12:00 New York"):
            decide(over, "a1", "bob", NOON, "again")


def test_an_event_that_is_no_alert_s_names_itself():
    with pytest.raises(AlertError, match="event alert/x of the journal is no alert's: KeyError 'alert'"):
        alerts_of([Event(EventType.ALERT_RAISED, NOON, "rule:x", "alert/x", {"text": "half"})])
    with pytest.raises(AlertError, match="event alert/z/resolved"):
        answer = {"alert": "z", "by": "ann", "why": ""}
        alerts_of([Event(EventType.ALERT_RESOLVED, NOON, "person:ann", "alert/z/resolved", answer)])


def test_the_table_has_a_row_an_alert_with_its_answers():
    events = [alert_event(FULL, NOON, "rule:protection"), alert_event(alert("b"), NOON, "rule:test")]
    events.append(decide_resolve(alerts_of(events), "b", "ann", NOON + minutes(3), "over"))
    frame = project_alerts(events)
    assert frame.schema == ALERTS.schema
    first, second = frame.iter_rows(named=True)
    assert (first["alert"], first["state"], first["session"]) == (FULL.id, "new", NOON.date())
    assert json.loads(first["script"]) == list(SCRIPT)
    assert (second["state"], second["resolved_by"], second["resolved_why"]) == ("resolved", "ann", "over")
    assert project_alerts([]).equals(pl.DataFrame(schema=ALERTS.schema))
