"""What the doctor says of books, on a real database: mode, states, last step, channels, deliveries."""

from datetime import UTC, datetime, timedelta

import pytest

from alluse_assets.accounts.states import place_hold
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.alerts.alert import alert_event
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.errors import DeliveryError
from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.book_health import examine_books
from alluse_assets.orchestration.health import examine
from alluse_assets.orchestration.notifications import send_due
from alluse_assets.orchestration.services import open_services
from tests.alerts.samples import alert
from tests.analytics_app.protocol_book import WORST, append, events_until

EVENING = datetime(2011, 2, 3, 23, 0, tzinfo=UTC)
"""Between the close of WORST and the next open."""


@pytest.fixture
def environ(tmp_path, database_url):
    profile = tmp_path / "mine.yaml"
    profile.write_text('notify: {quiet_days: none, channels: {phone: {secret: "env:ALLUSE_TEST_PHONE"}}}')
    return {"ALLUSE_DATABASE_URL": database_url, "ALLUSE_BOOK": "mine", "ALLUSE_PROFILE": str(profile)}


def said(environ, now=EVENING):
    """The findings by what they are about."""
    url = environ["ALLUSE_DATABASE_URL"]
    return {one.what: one for one in examine_books(url, environ, trading_calendar(), now)}


def notified(environ, error, now):
    class Channel:
        def send(self, message):
            if error:
                raise DeliveryError(error)

    with open_services(environ) as services:
        config = load(environ["ALLUSE_PROFILE"], environ).config
        send_due(services, "mine", config, now, channels={"phone": Channel()})


def test_a_book_has_its_kind_mode_states_and_last_step(environ):
    append(environ["ALLUSE_DATABASE_URL"], "mine", *events_until(WORST))
    found = said(environ)["mine"]
    assert found.found == (
        "paper, mode auto; COM-1 ACTIVE, GEN-1 ACTIVE, REV-1 SAFE; "
        "last step: closed 2011-02-03; last event 2011-02-03 16:00 New York"
    )
    assert found.status == "warning"
    assert "alluse alerts --book mine" in found.remedy


def test_a_book_that_nobody_walks_is_a_warning_with_what_starts_it(environ):
    append(environ["ALLUSE_DATABASE_URL"], "mine", *events_until(WORST))
    found = said(environ, EVENING + timedelta(days=1))["mine"]
    assert found.status == "warning"
    assert "2011-02-04 has not been opened" in found.remedy
    assert "alluse trade --watch" in found.remedy


def test_a_replay_is_well_whenever_it_ended(environ):
    append(environ["ALLUSE_DATABASE_URL"], "past", *events_until(WORST), kind="replay")
    found = said(environ, datetime(2026, 1, 5, tzinfo=UTC))
    assert (found["past"].status, found["past: alerts"].status) == ("ok", "off")
    assert "no channel is configured" in found["past: alerts"].found


def test_a_session_that_was_opened_and_not_closed_is_told(environ):
    url, events = environ["ALLUSE_DATABASE_URL"], events_until(WORST)
    last_open = max(n for n, event in enumerate(events) if event.type == "session.opened")
    append(url, "mine", *events[: last_open + 1])
    assert "last step: opened 2011-02-03, not closed" in said(environ, EVENING)["mine"].found


def test_a_pause_of_one_account_is_told(environ):
    url, events = environ["ALLUSE_DATABASE_URL"], events_until(WORST)
    state = fold(events).protection
    append(url, "mine", *events, place_hold(state, "GEN-1", "halted", "stop", EVENING, "person:Ann"))
    assert "GEN-1 HALTED" in said(environ)["mine"].found


def test_the_last_delivery_says_how_it_went(environ):
    url = environ["ALLUSE_DATABASE_URL"]
    append(url, "mine", *(e for e in events_until(WORST) if not e.type.startswith("alert.")))
    assert said(environ)["mine: alerts"].found == "channels phone; nothing was sent yet"
    append(url, "mine", alert_event(alert("a1"), EVENING, "rule:test"))
    notified(environ, "the service answered 503", EVENING)
    failed = said(environ)["mine: alerts"]
    assert failed.status == "warning"
    assert failed.found == (
        "channels phone; the last delivery, to phone at 2011-02-03 18:00 New York, failed: "
        "the service answered 503"
    )
    assert "alluse notify --test phone" in failed.remedy
    notified(environ, "", EVENING + timedelta(minutes=5))
    sent = said(environ)["mine: alerts"]
    assert (sent.status, sent.found.endswith("18:05 New York, was sent")) == ("ok", True)


def test_a_book_that_was_never_opened_and_a_wrong_profile_are_told_and_hide_no_other_book(environ, tmp_path):
    url = environ["ALLUSE_DATABASE_URL"]
    with open_pool(url) as pool:
        PostgresJournal(pool).create_book("empty", "paper")
    append(url, "mine", *events_until(WORST))
    (tmp_path / "mine.yaml").write_text("notify: {nonsense: 1}")
    found = said(environ)
    assert (found["empty"].status, found["empty"].found) == ("off", "paper, not opened yet")
    assert found["mine: alerts"].status == "fault"
    assert "nonsense" in found["mine: alerts"].found
    assert found["mine"].status == "warning"


def test_the_doctor_has_a_line_for_each_book(environ, tmp_path):
    append(environ["ALLUSE_DATABASE_URL"], "mine", *events_until(WORST))
    findings = examine({**environ, "ALLUSE_HOME": str(tmp_path)}, EVENING)
    assert [one.what for one in findings if one.area == "books"] == ["mine", "mine: alerts"]
