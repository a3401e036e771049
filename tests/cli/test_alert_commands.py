"""The commands around alerts, on a real database and a real webhook: what they print and how they end."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.alerts.alert import alert_event
from alluse_assets.base.errors import AlertError, ConfigError, DeliveryError, JournalError
from alluse_assets.cli import build_app
from alluse_assets.journal.chain import Head
from tests.adapters.notify.servers import webhook
from tests.alerts.samples import alert


@pytest.fixture
def hook(monkeypatch):
    with webhook() as server:
        monkeypatch.setenv("ALLUSE_TEST_HOOK", server.url())
        yield server


@pytest.fixture
def run(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    now = datetime.now(UTC)
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book("mine", "paper")
        raised = [
            alert_event(alert("old", "LOW"), now - timedelta(hours=5), "rule:test"),
            alert_event(
                alert("new", "CRITICAL", account="GEN-1", symbol="TSLA", text="[TSLA] fell"),
                now - timedelta(minutes=3),
                "rule:test",
            ),
        ]
        journal.append("mine", raised, Head())
    profile = tmp_path / "mine.yaml"
    profile.write_text("notify: {quiet_days: none, channels: {hook: {secret: env:ALLUSE_TEST_HOOK}}}")

    def invoke(*arguments, profile=str(profile)):
        given = [*arguments, "--profile", profile] if arguments[0] in ("alerts", "notify") else arguments
        return CliRunner().invoke(build_app(), [str(argument) for argument in given])

    return invoke


def test_open_alerts_are_listed_newest_first_with_what_was_sent(run, hook):
    listed = json.loads(run("alerts", "--book", "mine", "--json").stdout)
    assert [(one["alert"], one["state"]) for one in listed["alerts"]] == [("new", "new"), ("old", "new")]
    assert [d["state"] for d in listed["alerts"][0]["deliveries"]] == ["waiting"]
    assert run("notify", "--book", "mine").exit_code == 0
    assert len(hook.messages) == 2
    shown = run("alerts", "--book", "mine").stdout
    assert shown.index("[TSLA] fell") < shown.index("old happened")
    assert "hook: sent" in shown
    assert re.search(r"\d+ min", shown)
    assert "5 h" in shown


def test_answering_alerts_and_what_is_left(run):
    said = run("acknowledge", "new", "--book", "mine", "--as", "ann")
    assert (said.exit_code, said.stdout) == (0, "alert new: acknowledged\n"), said.output
    assert "nothing changed" in run("acknowledge", "new", "--book", "mine", "--as", "bob").stdout
    assert "acknowledged by ann" in run("alerts", "--book", "mine").stdout
    for name in ("old", "new"):
        said = run("resolve", name, "--book", "mine", "--as", "ann", "--why", "over")
        assert said.exit_code == 0, said.output
    assert run("alerts", "--book", "mine").stdout == (
        "no open alerts in book mine; 2 resolved, --all lists them\n"
    )
    assert "resolved by ann" in run("alerts", "--book", "mine", "--all").stdout
    assert isinstance(run("acknowledge", "new", "--book", "mine", "--as", "ann").exception, AlertError)
    assert isinstance(run("acknowledge", "x", "--book", "nobody", "--as", "ann").exception, JournalError)
    assert run("resolve", "new", "--book", "mine", "--as", "ann").exit_code == 2, "a reason is needed"


def test_a_failed_delivery_ends_with_one_and_is_listed(run, hook):
    hook.answers = [500]
    done = run("notify", "--book", "mine", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["failed"] == 1
    shown = run("alerts", "--book", "mine").stdout
    assert "hook: waiting, retry from" in shown
    assert "500" in shown


def test_deliveries_are_listed_though_the_profile_at_hand_does_not_know_the_channel(run, hook):
    """The list said that alerts went to no channel while each delivery to one failed."""
    hook.answers = [500]
    run("notify", "--book", "mine")
    shown = run("alerts", "--book", "mine", profile="default").stdout
    assert "to no channel" not in shown
    assert "hook: not delivered, tries: 1" in shown
    assert "500" in shown
    assert "profile default has no channel called hook" in " ".join(shown.split())
    assert "alluse alerts --book mine --profile PROFILE" in " ".join(shown.split())
    listed = json.loads(run("alerts", "--book", "mine", "--json", profile="default").stdout)
    assert [(d["channel"], d["state"]) for d in listed["alerts"][0]["deliveries"]] == [("hook", "failed")]


def test_a_channel_can_be_tried_out(run, hook):
    assert run("notify", "--test", "hook").exit_code == 0
    assert hook.messages[0]["title"] == "ALL-USE: a test, nothing happened"
    assert isinstance(run("notify", "--test", "pigeon").exception, ConfigError)
    hook.answers = [500]
    assert isinstance(run("notify", "--test", "hook").exception, DeliveryError)


def test_without_channels_it_says_so(run):
    done = run("notify", "--book", "mine", profile="default")
    assert done.exit_code == 0
    assert "no channel is configured" in done.stdout
    assert "to no channel" in run("alerts", "--book", "mine", profile="default").stdout


def test_a_book_without_alerts_says_so(run, database_url):
    with open_pool(database_url) as pool:
        PostgresJournal(pool).create_book("calm", "paper")
    assert run("alerts", "--book", "calm").stdout == "no open alerts in book calm\n"
    assert isinstance(run("alerts", "--book", "nobody").exception, JournalError)
