"""Sending on a real PostgreSQL to a real webhook: once, also when killed, failing, or done by two at once."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from psycopg import errors

from alluse_assets.adapters.notify import open_channels
from alluse_assets.adapters.postgres.connect import connect
from alluse_assets.adapters.postgres.deliveries import CUT_OFF
from alluse_assets.alerts.alert import alert_event
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import AlertError, JournalError
from alluse_assets.journal.verify import verify
from alluse_assets.orchestration.alert_answers import acknowledge, current_alerts, resolve_alert
from alluse_assets.orchestration.notifications import send_due
from alluse_assets.orchestration.services import open_services
from tests.adapters.notify.servers import webhook
from tests.alerts.samples import NOON, alert, minutes
from tests.book_maker import random_book
from tests.paths import ROOT


@pytest.fixture
def hook(monkeypatch):
    with webhook() as server:
        monkeypatch.setenv("ALLUSE_TEST_HOOK", server.url())
        yield server


@pytest.fixture
def environ(database_url, tmp_path):
    return {"ALLUSE_DATABASE_URL": database_url, "ALLUSE_HOME": str(tmp_path)}


@pytest.fixture
def services(environ):
    with open_services(environ) as opened:
        opened.store.create_book("b", "paper")
        yield opened


def config(**notify):
    notify.setdefault("channels", {"hook": {"secret": "env:ALLUSE_TEST_HOOK", "escalation": True}})
    return ProtocolConfig.model_validate({"notify": {"quiet_days": "none", **notify}})


def raise_alerts(services, *alerts, at=NOON, book="b"):
    events = [alert_event(one, at, "rule:test") for one in alerts]
    return services.store.append(book, events, services.store.head(book))


def rows(services):
    return [(r.alert, r.round, r.attempt, r.kind, r.outcome) for r in sorted_rows(services)]


def sorted_rows(services):
    return sorted(services.deliveries.read("b"), key=lambda r: (r.at, r.alert, r.round, r.attempt))


def test_an_alert_is_sent_once_and_says_how_to_answer_it(services, hook):
    raise_alerts(services, alert("a1", account="GEN-1", symbol="TSLA"))
    done = send_due(services, "b", config(), NOON + minutes(3))
    assert (done.sent, done.failed, done.waiting) == (1, 0, 0)
    (message,) = hook.messages
    assert message["title"] == "HIGH: b GEN-1 TSLA (protocol)"
    assert message["message"].splitlines() == [
        "a1 happened",
        "",
        "Raised Wed 06-03 12:00 New York, 3 min ago, by rule:test; new.",
        "",
        "alluse acknowledge a1 --book b --as YOUR_NAME",
    ]
    assert send_due(services, "b", config(), NOON + minutes(4)).sent == 0
    assert len(hook.messages) == 1
    assert rows(services) == [("a1", 0, 1, "first", "sent")]


def test_a_failure_is_repeated_and_told_until_it_works(services, hook):
    raise_alerts(services, alert())
    hook.answers = [500, 502, 200]
    first = send_due(services, "b", config(), NOON)
    assert (first.sent, first.failed, first.waiting, first.next_at) == (0, 1, 1, NOON + minutes(1))
    assert "1 failed, 1 waiting" in first.sentence
    assert send_due(services, "b", config(), NOON + timedelta(seconds=59)).failed == 0
    assert send_due(services, "b", config(), NOON + minutes(1)).failed == 1
    assert send_due(services, "b", config(), NOON + minutes(3)).sent == 1
    assert rows(services) == [
        ("a1", 0, 1, "first", "failed"),
        ("a1", 0, 2, "retry", "failed"),
        ("a1", 0, 3, "retry", "sent"),
    ]
    assert "500" in sorted_rows(services)[0].error
    assert len(hook.messages) == 1


def test_what_is_given_up_is_told_and_no_secret_is_in_the_database(services, hook, database_url):
    raise_alerts(services, alert())
    hook.answers = [500]
    done = send_due(services, "b", config(retries_at_most=0), NOON)
    assert (done.given_up, done.next_at) == (1, None)
    assert "1 given up, see alluse alerts --book b" in done.sentence
    with connect(database_url) as connection:
        stored = str(connection.execute("SELECT * FROM alluse.notification_deliveries").fetchall())
    assert "500" in stored
    assert "SECRETTOKEN" not in stored
    assert "127.0.0.1" not in stored


def test_a_channel_that_fails_does_not_stop_another(services, hook):
    raise_alerts(services, alert("a1"), alert("a2"))
    both = config(
        channels={"dead": {"secret": "env:ALLUSE_UNSET"}, "hook": {"secret": "env:ALLUSE_TEST_HOOK"}}
    )
    done = send_due(services, "b", both, NOON)
    assert (done.sent, done.failed) == (2, 1)
    assert len(hook.messages) == 2
    tried = [r for r in services.deliveries.read("b") if r.channel == "dead"]
    assert [r.alert for r in tried] == ["a1"], "after a failure a channel is left alone until the next pass"


NOTIFIER = """
import os, sys
from tests.orchestration.test_notifications import NOON, config, open_services, send_due
with open_services(os.environ) as services:
    print(send_due(services, "b", config(), NOON).sentence, flush=True)
"""


@contextmanager
def other_notifier(environ):
    process = subprocess.Popen(
        [sys.executable, "-c", NOTIFIER],
        env={**os.environ, **environ},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_one_that_was_killed_while_it_sent_is_gone_on_with(services, hook, environ):
    raise_alerts(services, alert())
    hook.wait.clear()
    with other_notifier(environ) as process:
        assert hook.asked.wait(60)
        assert rows(services) == [("a1", 0, 1, "first", "sending")]
        process.kill()
        process.wait()
        hook.answers = [500, 200]  # the killed one's request comes to nothing
        hook.wait.set()
        wait_until(lambda: len(hook.paths) == 1)
        wait_until(lambda: send_due(services, "b", config(), NOON).next_at == NOON + minutes(1))
    assert sorted_rows(services)[0].error == CUT_OFF
    assert send_due(services, "b", config(), NOON + minutes(1)).sent == 1
    assert rows(services) == [("a1", 0, 1, "first", "failed"), ("a1", 0, 2, "retry", "sent")]
    assert len(hook.messages) == 1


def wait_until(holds, seconds=30):
    for _ in range(seconds * 20):
        if holds():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came")


def test_two_notifiers_at_once_send_once(services, hook, environ):
    raise_alerts(services, *(alert(f"a{n}") for n in range(4)))
    hook.wait.clear()
    with other_notifier(environ) as process:
        assert hook.asked.wait(60)
        done = send_due(services, "b", config(), NOON)
        assert done.why_not == "another notifier is at work for this book"
        hook.wait.set()
        assert "4 sent" in process.stdout.read()
    assert send_due(services, "b", config(), NOON).sent == 0
    assert len(hook.messages) == 4


def test_many_threads_racing_send_once(services, hook):
    raise_alerts(services, *(alert(f"a{n}") for n in range(3)))
    threads = [
        threading.Thread(target=send_due, args=(services, "b", config(), NOON + minutes(n))) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send_due(services, "b", config(), NOON + minutes(9))
    assert sorted(m["title"] for m in hook.messages) == ["HIGH: b (protocol)"] * 3


def test_a_claim_is_given_once_and_an_ended_one_does_not_change(services, hook, database_url):
    raise_alerts(services, alert())
    send_due(services, "b", config(), NOON)
    with connect(database_url) as connection:
        for change, error in (
            ("UPDATE alluse.notification_deliveries SET outcome = 'failed'", errors.IntegrityError),
            ("UPDATE alluse.notification_deliveries SET attempt = 9", errors.InsufficientPrivilege),
            ("DELETE FROM alluse.notification_deliveries", errors.InsufficientPrivilege),
        ):
            with pytest.raises(error):
                connection.execute(change)
            connection.rollback()


def test_a_digest_comes_when_quiet_hours_end_and_names_what_is_in_it(services, hook):
    night = NOON.replace(hour=6)  # two in New York
    raise_alerts(services, *(alert(f"a{n}", "LOW" if n else "HIGH") for n in range(3)), at=night)
    quiet = config(quiet_days="all")
    done = send_due(services, "b", quiet, night)
    assert (done.sent, done.waiting, done.next_at) == (0, 3, NOON.replace(hour=11))
    assert send_due(services, "b", quiet, NOON.replace(hour=11)).sent == 1
    (message,) = hook.messages
    assert message["title"] == "3 alerts of b: 1 HIGH, 2 LOW"
    assert message["message"].splitlines()[0] == "HIGH Wed 06-03 02:00 a0 happened (a0)"
    assert {row[3:] for row in rows(services)} == {("digest", "sent")}


def test_an_unanswered_critical_alert_is_escalated_until_it_is_acknowledged(services, hook):
    raise_alerts(services, alert(priority="CRITICAL"))
    send_due(services, "b", config(), NOON)
    assert send_due(services, "b", config(), NOON + minutes(15)).sent == 1
    assert hook.messages[1]["title"] == "CRITICAL, unanswered for 15 min: b (protocol)"
    assert acknowledge(services, "b", "a1", "ann", "on it", NOON + minutes(16)) is True
    assert acknowledge(services, "b", "a1", "bob", "", NOON + minutes(17)) is False
    assert send_due(services, "b", config(), NOON + minutes(60)).sent == 0
    assert [row[:4] for row in rows(services)] == [("a1", 0, 1, "first"), ("a1", 1, 1, "escalation")]


def test_an_answer_is_an_event_of_the_journal_and_the_journal_holds(services):
    services.store.create_book("r", "replay")
    services.store.append("r", random_book(5, 6).events, services.store.head("r"))
    last = [row.event.effective_at for row in services.store.read("r")][-1]
    raise_alerts(services, alert(), at=last, book="r")
    resolve_alert(services, "r", "a1", "ann", "over", NOON)
    answer = current_alerts(services, "r")["a1"].resolved
    assert (answer.by, answer.at) == ("ann", last), "a replay has its own clock"
    events = list(services.store.read("r"))
    assert verify("r", events, services.anchors.read("r")).holds
    with pytest.raises(AlertError, match="resolved already"):
        resolve_alert(services, "r", "a1", "bob", "again", NOON)
    with pytest.raises(JournalError, match="no book 'nobody'"):
        resolve_alert(services, "nobody", "a1", "bob", "again", NOON)


def test_why_nothing_is_sent_is_said(services, hook):
    assert "no channel is configured" in send_due(services, "b", config(channels={}), NOON).sentence
    assert "notify.enabled is false" in send_due(services, "b", config(enabled=False), NOON).sentence
    services.store.create_book("past", "replay")
    raise_alerts(services, alert(), book="past")
    assert "it is a replay" in send_due(services, "past", config(), NOON).sentence
    assert send_due(services, "past", config(), NOON, also_a_replay=True).sent == 1
    with pytest.raises(JournalError, match="no book 'nobody'"):
        send_due(services, "nobody", config(), NOON)


def test_a_channel_s_own_failure_to_end_is_sent_again(services, hook):
    """A message whose end could not be written is sent again: at least once, never less."""

    class Breaking:
        def send(self, message):
            open_channels(config().notify, os.environ)["hook"].send(message)
            raise RuntimeError("the process broke here")

    raise_alerts(services, alert())
    with pytest.raises(RuntimeError):
        send_due(services, "b", config(), NOON, channels={"hook": Breaking()})
    assert rows(services) == [("a1", 0, 1, "first", "sending")]
    assert send_due(services, "b", config(), NOON + minutes(1)).sent == 1
    assert len(hook.messages) == 2
