"""The page on approvals and alerts as Streamlit runs it, over a real database."""

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.alerts.alert import alert_event
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.errors import DeliveryError
from alluse_assets.base.events import instant_text
from alluse_assets.execution.approvals import request
from alluse_assets.orchestration.answering import give_answer
from alluse_assets.orchestration.notifications import send_due
from alluse_assets.orchestration.services import open_services
from tests.alerts.samples import alert
from tests.analytics_app.protocol_book import WORST, append, events_until, in_an_hour, write_crash
from tests.execution.scene import PUT
from tests.paths import ROOT

FORK = "fork/GEN-1.F1"
PROFILE = """
notify: {quiet_days: none, retries_at_most: 1, channels: {phone: {secret: "env:ALLUSE_TEST_PHONE"}}}
"""
SCRIPT = (
    {"for": "close", "action": "BUY_TO_CLOSE", "instrument": PUT, "quantity": 2, "limit_price": "3.10"},
)


@pytest.fixture
def mine(tmp_path, database_url, monkeypatch):
    """A paper book up to the worst of the crash; returns what appends to it."""
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    monkeypatch.setenv("ALLUSE_BOOK", "mine")
    profile = tmp_path / "mine.yaml"
    profile.write_text(PROFILE)
    monkeypatch.setenv("ALLUSE_PROFILE", str(profile))
    append(database_url, "mine", *(e for e in events_until(WORST) if not e.type.startswith("alert.")))

    def more(*events):
        append(database_url, "mine", *events)

    more.url, more.profile = database_url, profile
    return more


def opened(**query) -> AppTest:
    app = AppTest.from_file(str(ROOT / "analytics_app" / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = str(value)
    return app.switch_page("pages/approvals.py").run()


def texts(app: AppTest, kind: str) -> str:
    """What is read: without the backslashes that keep Markdown from taking words for markup."""
    return "\n".join(element.value for element in getattr(app, kind)).replace("\\", "")


def frame(app: AppTest, column: str):
    """The table that has ``column``."""
    return next(one.value for one in app.dataframe if column in one.value)


def fork(expires_at=None, by="person:Bob", name="GEN-1.F1"):
    return request("fork", name, {"to": name}, ["fork"], by, datetime.now(UTC), expires_at or in_an_hour())


def order():
    subject = {
        "orders": [
            {
                "account": "GEN-1",
                "action": "SELL_TO_OPEN",
                "instrument": PUT,
                "limit_price": "2.00",
                "purpose": "open_put",
                "quantity": 2,
            }
        ]
    }
    name = f"2011-01-06/GEN-1/open_put/{PUT}"
    return request("order", name, subject, ["under_floor"], "rule:open_put", datetime.now(UTC), in_an_hour())


class Channel:
    """A service that answers as it is told, then takes everything."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def send(self, message):
        if self.errors and (error := self.errors.pop(0)):
            raise DeliveryError(error)


def notified(mine, channel, now):
    with open_services({"ALLUSE_DATABASE_URL": mine.url}) as services:
        config = load(str(mine.profile), {}).config
        return send_due(services, "mine", config, now, channels={"phone": channel})


def test_an_open_request_says_exactly_what_is_asked_until_when_and_the_command_that_answers(mine):
    asked = order()
    mine(asked)
    app = opened(book="mine")
    assert not app.exception
    said = texts(app, "markdown")
    assert f"SELL_TO_OPEN 2 {PUT} at 2.00 USD in GEN-1 (open_put)" in said
    assert "Asked because the premium yield is under the account's floor" in said
    assert "Asked by rule open put, open until" in said
    prefix = asked.payload["hash"][:12]
    assert f"`{prefix}`" in said
    assert f"alluse approve order/2011-01-06/GEN-1/open_put/{PUT} --hash {prefix} --book mine" in texts(
        app, "code"
    )
    assert "This page only shows" in texts(app, "caption")
    assert app.metric[0].value == "1"


def test_the_command_that_the_page_shows_is_accepted(mine, tmp_path):
    mine(fork())
    shown = texts(opened(book="mine"), "code").split()
    name, prefix = shown[2], shown[shown.index("--hash") + 1]
    with open_pool(mine.url) as pool:
        now = lambda: datetime.now(UTC)  # noqa: E731
        anchors = AnchorFiles(tmp_path / "anchors")
        given = give_answer(PostgresJournal(pool), anchors, "mine", name, "Ann", True, now, "", prefix)
    assert given.asked.answer == "yes"
    app = opened(book="mine")
    assert "Nothing waits for an answer" in texts(app, "info")
    before = frame(app, "answered_by").to_dict("records")[0]
    assert (before["state"], before["answered_by"], before["answer"]) == (
        "approved, not used yet",
        "Ann",
        "yes",
    )


def test_a_request_whose_time_is_over_is_not_open_though_nobody_has_booked_it(mine):
    mine(fork(datetime.now(UTC) - timedelta(seconds=1)))
    app = opened(book="mine")
    assert app.metric[0].value == "0"
    assert "expired" in frame(app, "answered_by")["state"][0]


def test_alerts_stand_by_urgency_with_their_state_and_the_first_one_with_its_script(mine):
    now = datetime.now(UTC)
    mine(
        alert_event(alert("low", "LOW"), now - timedelta(minutes=2), "rule:test"),
        alert_event(
            alert("worst", "CRITICAL", account="GEN-1", symbol="AAPL", text="it fell", script=SCRIPT),
            now - timedelta(minutes=3),
            "rule:test",
        ),
    )
    app = opened(book="mine")
    assert not app.exception
    rows = frame(app, "priority")
    assert rows[["priority", "state", "text"]].to_numpy().tolist() == [
        ["CRITICAL", "new", "it fell"],
        ["LOW", "new", "low happened"],
    ]
    assert rows["orders"][0] == "buy to close 2 × AAPL 330 put, 2011-01-07 at 3.10 USD"
    assert frame(app, "OCC symbol")["OCC symbol"].tolist() == [PUT]
    assert "alluse acknowledge worst --book mine --as YOUR_NAME" in texts(app, "code")
    assert [metric.value for metric in app.metric] == ["0", "1", "2", "0"]


def test_a_failed_delivery_has_its_error_and_when_it_is_tried_again(mine):
    now = datetime.now(UTC)
    mine(alert_event(alert("a1"), now - timedelta(minutes=5), "rule:test"))
    notified(mine, Channel("the service answered 503"), now - timedelta(seconds=5))
    app = opened(book="mine")
    tried = frame(app, "outcome").to_dict("records")
    assert [(t["channel"], t["outcome"], t["error"], t["after"]) for t in tried] == [
        ("phone", "failed", "the service answered 503", "is tried again")
    ]
    assert tried[0]["next"] > tried[0]["at"]
    assert "phone: waiting, retry from" in frame(app, "priority")["sent"][0]
    assert (app.metric[3].value, "1 tried again, 0 given up" in texts(app, "caption")) == ("1", True)


def test_a_delivery_that_was_given_up_stays_visible(mine):
    now = datetime.now(UTC)
    mine(alert_event(alert("a1"), now - timedelta(hours=2), "rule:test"))
    channel = Channel("no route", "no route either")
    for minutes in (60, 30):
        notified(mine, channel, now - timedelta(minutes=minutes))
    app = opened(book="mine")
    assert frame(app, "outcome")["after"].tolist() == ["given up", "was tried again"]
    assert "phone: given up (no route either)" in frame(app, "priority")["sent"][0]
    assert "0 tried again, 1 given up" in texts(app, "caption")


def test_a_book_without_a_channel_says_that_nothing_is_sent(mine, monkeypatch):
    monkeypatch.setenv("ALLUSE_PROFILE", "sample")
    mine(alert_event(alert("a1"), datetime.now(UTC), "rule:test"))
    app = opened(book="mine")
    assert "Nothing is sent: no channel is configured" in texts(app, "warning")
    assert "Sent: to no channel" in texts(app, "markdown")


def test_a_profile_that_is_wrong_hides_no_alert(mine):
    mine.profile.write_text("notify: {nonsense: 1}")
    mine(alert_event(alert("a1"), datetime.now(UTC), "rule:test"))
    app = opened(book="mine")
    assert not app.exception
    assert "the configuration of its channels is wrong" in texts(app, "warning")
    assert len(frame(app, "priority")) == 1


def test_filters_that_leave_nothing_say_so(mine):
    mine(alert_event(alert("a1", "LOW"), datetime.now(UTC), "rule:test"))
    assert "No alert fits" in texts(opened(book="mine", priority="CRITICAL"), "info")


def test_a_book_that_neither_asked_nor_told_says_so(mine):
    app = opened(book="mine")
    assert not app.exception
    said = texts(app, "info")
    assert "Nothing waits for an answer" in said
    assert "has raised no alert" in said


def test_a_changed_configuration_is_asked_with_each_setting(mine):
    subject = {
        "based_on": 1,
        "rolled_back_to": None,
        "why": "calmer",
        "changes": [{"path": "accounts.gen.buffer", "before": "0.05", "after": "0.1"}],
    }
    asked = request("config", "2", subject, ["config_change"], "person:Bob", datetime.now(UTC), in_an_hour())
    mine(asked)
    said = texts(opened(book="mine"), "markdown")
    assert "change version 1 of the configuration:" in said
    assert "accounts.gen.buffer from 0.05 to 0.1" in said


def test_what_is_asked_cannot_put_markup_or_a_command_on_the_page(mine):
    mine(fork(name="x; rm -rf $HOME"))
    mine(
        alert_event(
            alert("a1", text="![](http://example.invalid/a.png) :red[x]"), datetime.now(UTC), "rule:t"
        )
    )
    app = opened(book="mine")
    assert "alluse approve 'fork/x; rm -rf $HOME' --hash" in texts(app, "code")
    raw = " ".join(element.value for element in app.markdown)
    assert "\\[\\](http\\://example.invalid/a.png) \\:red\\[x\\]" in raw


def test_without_a_database_a_replay_shows_what_was_asked_and_says_where_deliveries_are(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.delenv("ALLUSE_DATABASE_URL", raising=False)
    write_crash(tmp_path)
    app = opened()
    assert not app.exception
    assert app.title[0].value == "Approvals and alerts: book crash"
    assert "the database, which this page was not given" in texts(app, "info")
    assert set(frame(app, "answered_by")["answered_by"]) == {"policy replay"}
    assert app.metric[3].value == "not known"


def test_an_empty_installation_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.delenv("ALLUSE_DATABASE_URL", raising=False)
    assert "make run" in texts(opened(), "info")


def test_an_instant_is_told_in_new_york(mine):
    at = datetime(2026, 7, 1, 14, 30, tzinfo=UTC)
    mine(alert_event(alert("a1"), at, "rule:test"))
    app = opened(book="mine")
    assert "Raised 2026-07-01 10:30 New York" in texts(app, "markdown")
    assert str(frame(app, "priority")["raised"][0]) == "2026-07-01 10:30:00"
    assert instant_text(at)
