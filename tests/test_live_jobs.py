"""The schedules of a live market: what is due is run once, and nothing on a closed day."""

from datetime import datetime
from types import SimpleNamespace

import dagster as dg
import pytest

from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from jobs.ingest import live_session_schedule, live_snapshot_schedule


def desk(source="live"):
    config = ProtocolConfig.model_validate({"market": {"source": source, "routes": {"default": ["alpaca"]}}})
    return SimpleNamespace(config=config, services=SimpleNamespace(calendar=trading_calendar()))


def snapshots(at: datetime, source="live"):
    context = dg.build_schedule_context(scheduled_execution_time=at)
    return live_snapshot_schedule(context, desk=desk(source))


def at(hour, minute, day=3, month=6):
    return datetime(2024, month, day, hour, minute, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("when", "kind", "key"),
    [
        (at(9, 45), "open", "open-2024-06-03T13:45Z"),
        (at(10, 30), "premium", "premium-2024-06-03T14:30Z"),
        (at(15, 55), "close", "close-2024-06-03T19:55Z"),
        (at(12, 55, 29, 11), "close", "close-2024-11-29T17:55Z"),
    ],
)
def test_what_is_due_is_run(when, kind, key):
    (request,) = snapshots(when)
    assert request.run_key == key
    assert request.run_config["ops"]["take_snapshot"]["config"] == {"kind": kind}


@pytest.mark.parametrize("when", [at(9, 40), at(10, 35), at(16, 30), at(10, 30, 4, 7)])
def test_nothing_is_due_in_between_or_on_a_holiday(when):
    assert isinstance(snapshots(when), dg.SkipReason)


def test_a_market_that_is_not_live_is_never_looked_at():
    assert "nothing is live" in (snapshots(at(10, 30), "files").skip_message or "")


def test_a_session_is_compacted_after_its_close_and_a_holiday_is_not():
    context = dg.build_schedule_context(scheduled_execution_time=at(16, 20))
    request = live_session_schedule(context)
    assert (request.partition_key, request.run_key) == ("2024-06-03", "live_session-2024-06-03")
    closed = live_session_schedule(dg.build_schedule_context(scheduled_execution_time=at(16, 20, 4, 7)))
    assert "closed on 2024-07-04" in closed.skip_message
