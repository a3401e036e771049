"""Projections can be thrown away: rebuilding them gives the same bytes, in this process and another."""

import hashlib
import subprocess
import sys

import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.alerts.alert import alert_event
from alluse_assets.alerts.tables import ALERTS
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import JournalError
from alluse_assets.orchestration.projections import project_book
from alluse_assets.orchestration.report_pages import write_report
from alluse_assets.reporting.projections import PROJECTIONS, project
from tests.alerts.samples import alert
from tests.book_maker import InMemoryJournal, random_book
from tests.paths import ROOT

CALENDAR = trading_calendar()
ELSEWHERE = """
import sys
from pathlib import Path
from tests.orchestration.test_projections import CALENDAR, Lake, project_book, store_of
project_book(store_of(5, 30), Lake(Path(sys.argv[1])), CALENDAR, "proof")
"""


def store_of(seed, sessions, name="proof"):
    store = InMemoryJournal()
    store.put(name, random_book(seed, sessions).events)
    return store


def fingerprints(lake):
    return {
        str(path.relative_to(lake.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in lake.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_rebuilding_gives_the_same_bytes_here_and_in_another_process(tmp_path):
    first, second, third = (Lake(tmp_path / name) for name in ("first", "second", "third"))
    store = store_of(5, 30)
    rows = project_book(store, first, CALENDAR, "proof")
    made = fingerprints(first)
    assert len(made) >= 2 * len(PROJECTIONS)
    assert project_book(store, first, CALENDAR, "proof") == rows
    assert fingerprints(first) == made
    project_book(store, second, CALENDAR, "proof")
    assert fingerprints(second) == made
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(third.root)], check=True, cwd=ROOT)
    assert fingerprints(third) == made


def test_a_book_that_grew_is_projected_as_if_it_had_been_projected_once(tmp_path):
    """A position that is gone by the week's end must also go from the lots of a month without any other."""
    grown, once = Lake(tmp_path / "grown"), Lake(tmp_path / "once")
    for sessions in (1, 2, 6, 19, 21, 30):
        project_book(store_of(9, sessions), grown, CALENDAR, "proof")
    project_book(store_of(9, 30), once, CALENDAR, "proof")
    assert fingerprints(grown) == fingerprints(once)


def test_what_the_lake_gives_back_is_what_was_projected(tmp_path):
    lake, store = Lake(tmp_path), store_of(2, 12)
    rows = project_book(store, lake, CALENDAR, "proof")
    frames = project([row.event for row in store.read("proof")], CALENDAR)
    assert rows == {name: frame.height for name, frame in frames.items()}
    for table in PROJECTIONS:
        assert lake.read(table, "book=proof").equals(frames[table.name].sort(table.key)), table.name


def test_two_books_do_not_touch_each_others_tables(tmp_path):
    lake, store = Lake(tmp_path), store_of(1, 8)
    store.put("other", random_book(2, 8).events)
    project_book(store, lake, CALENDAR, "proof")
    made = fingerprints(lake)
    project_book(store, lake, CALENDAR, "other")
    assert {path: digest for path, digest in fingerprints(lake).items() if "book=proof" in path} == made


def test_projecting_is_a_function_of_the_events_alone():
    events = random_book(4, 15).events
    once, twice = project(events, CALENDAR), project(events, CALENDAR)
    assert list(once) == [table.name for table in PROJECTIONS]
    for table in PROJECTIONS:
        assert once[table.name].equals(twice[table.name])
        assert once[table.name].schema == table.schema
        assert not once[table.name].select(table.key).is_duplicated().any()


@pytest.mark.parametrize("make", [project_book, None])
def test_an_unknown_book_is_refused_with_the_known_ones(tmp_path, make):
    store = store_of(1, 1)
    with pytest.raises(JournalError, match=r"'nobody'.*proof|no opened book"):
        if make:
            make(store, Lake(tmp_path), CALENDAR, "nobody")
        else:
            write_report(store, CALENDAR, "nobody", tmp_path)


def test_the_report_is_written_whole_and_needs_a_closed_session(tmp_path):
    store = store_of(6, 7)
    page = write_report(store, CALENDAR, "proof", tmp_path / "pages")
    assert page.read_text().startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == ["proof.html"]
    store.put("young", random_book(1, 0).events)
    with pytest.raises(JournalError, match="has closed no session yet"):
        write_report(store, CALENDAR, "young", tmp_path)


def test_alerts_reach_the_lake_with_the_day_on_which_they_were_raised(tmp_path):
    store, lake = InMemoryJournal(), Lake(tmp_path)
    events = random_book(5, 2).events
    at = events[-1].effective_at
    store.put("proof", [*events, alert_event(alert(account="GEN-1"), at, "rule:test")])
    assert project_book(store, lake, CALENDAR, "proof")["alerts"] == 1
    (row,) = lake.read(ALERTS, "book=proof").iter_rows(named=True)
    assert (row["alert"], row["state"], row["raised_at"]) == ("a1", "new", at)
