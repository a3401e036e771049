"""The sample beside itself with approval = yes."""

from datetime import date

import pytest

from alluse_assets.accounts.config_in_force import ConfigTimeline
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.errors import JournalError
from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.floor_comparison import compare_floors, replay_in_memory
from alluse_assets.reporting.summary import summarise
from tests.end_to_end.conftest import CONFIG, START
from tests.end_to_end.test_replay_again import MONTHS, finished, home, start  # noqa: F401
from tests.journal.samples import linked

CALENDAR = trading_calendar()
SPRING = date(2011, 4, 29)


@pytest.fixture(scope="module")
def spring(sample_run):
    """The journal to the end of April 2011."""
    end = next(
        n
        for n, row in enumerate(sample_run.rows, start=1)
        if row.event.type == "session.closed" and row.event.payload["session"] == SPRING.isoformat()
    )
    return sample_run.rows[:end]


def in_memory(sample_run, **changes):
    config = with_values(CONFIG, {k.replace("__", "."): v for k, v in changes.items()})
    return replay_in_memory(
        Lake(sample_run.lake), CALENDAR, "sample", "sample", ConfigTimeline(((None, config),)), START, SPRING
    )


def test_a_replay_in_memory_is_the_replay(sample_run, spring):
    assert in_memory(sample_run) == [row.event for row in spring]


def test_asking_and_hearing_no_ends_in_the_same_positions_as_never_asking(sample_run, spring):
    silent, asked = fold(in_memory(sample_run, approvals__under_floor=False)), fold(r.event for r in spring)
    assert asked.accounts == silent.accounts
    assert asked.approvals == {}
    assert any(row.event.type == "approval.requested" for row in spring)


def test_one_account_ticker_and_right_is_asked_about_at_most_once_a_session(spring):
    asked = [r.event.payload["subject"]["orders"] for r in spring if r.event.type == "approval.requested"]
    places = [(o["session"], o["account"], o["symbol"], o["purpose"]) for (o,) in asked]
    assert len(set(places)) == len(places) > 10


def test_both_are_put_side_by_side(sample_run, spring):
    compared = compare_floors("sample", spring, Lake(sample_run.lake), CALENDAR, CONFIG)
    other = linked(in_memory(sample_run, approvals__replay_answer="yes"), "sample", spring[0].recorded_at)
    assert compared.as_it_was == summarise("sample", spring, CALENDAR)
    assert compared.with_yes == summarise("sample", other, CALENDAR)
    assert compared.answer == "no"
    for row in compared.rows:
        decided = [e.event.payload for e in spring if e.event.type == "entry.decided"]
        own = [p for p in decided if p["account"] == row.account]
        assert row.floor_alone == sum(p["floor_alone"] for p in own)
        assert row.asked == sum(p["outcome"] == "asked_under_floor" for p in own)
    assert compared.with_yes.nav != compared.as_it_was.nav


def test_a_replay_that_says_yes_itself_is_its_own_other_one(sample_run, spring):
    yes = linked(in_memory(sample_run, approvals__replay_answer="yes"), "sample", spring[0].recorded_at)
    compared = compare_floors("sample", yes, Lake("nowhere"), CALENDAR, CONFIG)
    assert compared.as_it_was is compared.with_yes


def test_a_book_without_a_closed_session_has_nothing_to_compare(spring):
    with pytest.raises(JournalError, match="has closed no session yet"):
        compare_floors("sample", spring[:4], Lake("nowhere"), CALENDAR, CONFIG)


def test_the_command_shows_both(home, database_url):  # noqa: F811
    said = finished(start(home, database_url, "compared", *MONTHS, "--compare-floors"))
    floors = said["floors"]
    assert set(floors["accounts"]) == {"GEN-1", "REV-1", "COM-1"}
    assert floors["nav"]["as_it_was"] == said["nav"]["total"]
    assert floors["nav"]["with_yes"] != said["nav"]["total"]
