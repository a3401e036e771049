"""The weekly cycle of a book that is walked in real time: up to its last closed session, and no further."""

import os
from contextlib import contextmanager
from datetime import date, datetime

import pytest

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.errors import ConfigError
from alluse_assets.orchestration.dagster_home import dagster_instance
from alluse_assets.orchestration.materialise import materialise_range
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.services import open_services
from alluse_assets.weeks.tables import WEEK_TYPES
from tests.orchestration.cycle import Steps

MONDAY, THURSDAY, NEXT_MONDAY = date(2011, 4, 18), date(2011, 4, 21), date(2011, 4, 25)
"""The week of Good Friday."""
# A live market whose source happens to be the sample: it has a past, and no present.
_PROFILE = """
extends: sample
market: {source: live, routes: {default: [sample]}, flat_rate_annual: 0.02}
book: {replay_start: null, replay_end: null}
"""


@contextmanager
def desk_of(profile):
    with (
        open_services(os.environ) as services,
        dagster_instance(services.installation, services.database, os.environ) as instance,
    ):
        yield Desk(services, "paper1", str(profile), Steps()), instance


def walked(desk, day, hour, minute):
    steps = desk.live_book.walk(datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK))
    return [(step.kind.value, step.session) for step in steps]


@pytest.mark.timeout(280)
def test_a_walked_week_is_reviewed_up_to_the_last_session_that_was_closed(another_installation, tmp_path):
    profile = tmp_path / "mine.yaml"
    profile.write_text(_PROFILE)
    with desk_of(profile) as (desk, _):
        assert walked(desk, MONDAY, 9, 31) == [("open", MONDAY)]
        with pytest.raises(ConfigError, match="has not closed a session yet"):
            desk.last_day(None)
        steps = walked(desk, THURSDAY, 17, 0)
        assert steps[0] == ("close", MONDAY)
        assert steps[-1] == ("close", THURSDAY)
        assert walked(desk, NEXT_MONDAY, 9, 31) == [("open", NEXT_MONDAY)]

    with desk_of(profile) as (desk, instance):
        assert desk.last_day(None) == THURSDAY
        outcomes = list(materialise_range(desk, instance))
        assert [outcome.stage.name for outcome in outcomes if outcome.ran][-1] == "report"
        weeks = desk.services.lake.read(WEEK_TYPES, "book=paper1")
        assert set(weeks["week"]) == {MONDAY}
