"""The notifier's sensor: sends in its tick by the profile's channels of today, not those a book stored."""

import dagster as dg
import pytest

from alluse_assets.alerts.alert import alert_event
from alluse_assets.orchestration.progress import LoggedProgress
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.services import open_services
from sensors.notifier import notifier
from tests.adapters.notify.servers import webhook
from tests.alerts.samples import NOON, alert
from tests.book_maker import random_book


@pytest.fixture
def desk(database_url, tmp_path, monkeypatch):
    profile = tmp_path / "mine.yaml"
    profile.write_text("notify: {quiet_days: none, channels: {hook: {secret: env:ALLUSE_TEST_HOOK}}}")
    with open_services({"ALLUSE_DATABASE_URL": database_url, "ALLUSE_HOME": str(tmp_path)}) as services:
        services.store.create_book("mine", "paper")
        head = services.store.append("mine", random_book(5, 2).events, services.store.head("mine"))
        services.store.append("mine", [alert_event(alert(), NOON, "rule:test")], head)
        yield Desk(services, "mine", str(profile), LoggedProgress())


def test_a_tick_sends_what_is_due_once(desk, monkeypatch):
    with webhook() as hook:
        monkeypatch.setenv("ALLUSE_TEST_HOOK", hook.url())
        said = [notifier(dg.build_sensor_context(), desk=desk).skip_message for _ in range(2)]
    assert len(hook.messages) == 1
    assert said == ["book mine: 1 sent, 0 failed, 0 waiting", "book mine: 0 sent, 0 failed, 0 waiting"]


def test_what_a_book_stores_has_no_channels(desk):
    assert desk.chosen.config.notify.channels == {}
    assert list(desk.chosen.asked.notify.channels) == ["hook"]
    assert [change.path for change in desk.chosen.ignored if change.path.startswith("notify")] == []
