"""A configuration that changes while a book runs, in real replays of eight weeks of the sample market."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from alluse_assets.accounts.config_changes import decide_change, decide_rollback
from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import fingerprint
from alluse_assets.base.errors import JournalError
from alluse_assets.execution.project import project_orders
from alluse_assets.journal.verify import verify
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.config_journal import append_decided, read_book_now
from alluse_assets.orchestration.floor_comparison import compare_floors
from alluse_assets.orchestration.market_preparation import prepare_market
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.replay import Replay
from alluse_assets.orchestration.services import market_source
from alluse_assets.reporting.projections import project
from alluse_assets.reporting.summary import summarise
from alluse_assets.strategies.candidates import CANDIDATES
from tests.book_maker import InMemoryJournal
from tests.end_to_end.conftest import shared_once

CALENDAR = trading_calendar()
START, HALF, END = date(2011, 1, 3), date(2011, 1, 26), date(2011, 2, 25)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
LOWER = [
    ("accounts.rev.puts.delta_low", "10"),
    ("accounts.rev.puts.delta_high", "25"),
    ("accounts.rev.puts.min_premium_yield", "0.0005"),
]


@dataclass
class Bench:
    """One lake, one journal; ``run`` is what ``alluse replay`` does between its arguments and its table."""

    lake: Lake
    anchors: AnchorFiles
    store: InMemoryJournal

    def run(self, book, end=END, environ=None):
        chosen = config_of_book(self.store, book, "sample", environ or {})
        source = market_source(chosen.config, CALENDAR, self.lake, {})
        steps = MarketSteps(self.lake, chosen.config, CALENDAR, source)
        prepare_market(steps, book, START, end, timeline=chosen.timeline)
        self.replay(book, chosen.config).run(START, end)
        return self

    def replay(self, book, config):
        return Replay(self.store, self.anchors, self.lake, CALENDAR, book, "sample", config)

    def change(self, book, values=LOWER, why="less risk", by="ann"):
        return self._append(book, lambda now: decide_change(now.state, now.kind, values, why, by, now.at))

    def roll_back(self, book, to):
        return self._append(book, lambda now: decide_rollback(now.state, now.kind, to, "back", "ann", now.at))

    def _append(self, book, decide):
        return append_decided(self.store, self.anchors, book, lambda: NOW, decide)

    def events(self, book):
        return [row.event for row in self.store.read(book)]

    def candidates(self, book):
        return self.lake.read(CANDIDATES, f"book={book}").sort(CANDIDATES.key)


@pytest.fixture(scope="module")
def market(tmp_path_factory, worker_id) -> Path:
    """A lake with the weeks' market, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "config_versions"

    def make():
        store = InMemoryJournal()
        Bench(Lake(folder / "lake"), AnchorFiles(folder / "anchors"), store).run("undisturbed")
        return [row.event for row in store.read("undisturbed")]

    shared_once(folder, make)
    return folder


@pytest.fixture
def bench(market, tmp_path):
    """Its own journal and anchors; the market's lake, and in it the book that nobody changed."""
    undisturbed = shared_once(market, list)
    store = InMemoryJournal()
    store.put("undisturbed", undisturbed)
    return Bench(Lake(market / "lake"), AnchorFiles(tmp_path / "anchors"), store)


def keys(events):
    return [(event.key, json.dumps(event.payload, sort_keys=True)) for event in events]


def sessions_of(events, kind):
    return sorted({event.payload["session"] for event in events if event.type == kind})


def test_a_change_counts_from_the_next_session_on_and_not_before(bench):
    bench.run("changed", HALF)
    before = len(bench.events("changed"))
    kept = bench.candidates("changed")
    event, _ = bench.change("changed")
    assert event.payload["version"] == 2
    bench.run("changed")
    changed, undisturbed = bench.events("changed"), bench.events("undisturbed")
    assert keys(changed[:before]) == keys(undisturbed[:before])
    assert changed[before] == event
    assert keys(changed[before + 1 :]) != keys(undisturbed[before:])
    bands = [
        float(e.payload["evidence"]["delta_points"])
        for e in changed[before:]
        if e.type == "order.created" and (e.payload["account"], e.payload["purpose"]) == ("REV-1", "open_put")
    ]
    assert bands
    assert max(bands) <= 25
    assert sessions_of(changed, "session.closed") == sessions_of(undisturbed, "session.closed")
    # Sessions that were closed keep what they were decided on.
    rows = bench.candidates("changed")
    assert rows.filter(pl.col("session") <= HALF).equals(kept)


def test_every_order_carries_the_version_that_it_was_decided_under(bench):
    bench.run("carried", HALF)
    bench.change("carried")
    bench.run("carried")
    events = bench.events("carried")
    fingerprints = {
        1: events[0].payload["config_fingerprint"],
        2: next(e.payload["config_fingerprint"] for e in events if e.type == "config.changed"),
    }
    orders = project_orders(events)
    assert set(orders.filter(pl.col("session") <= HALF)["config_version"]) == {1}
    assert set(orders.filter(pl.col("session") > HALF)["config_version"]) == {2}
    for event in events:
        if event.type == "order.created":
            assert event.payload["config"] == fingerprints[event.payload["config_version"]]


def test_a_rollback_before_the_next_session_decides_as_if_nothing_had_been_changed(bench):
    bench.run("back", HALF)
    before = len(bench.events("back"))
    bench.change("back")
    event, state = bench.roll_back("back", 1)
    assert (event.payload["version"], event.payload["rolled_back_to"]) == (3, 1)
    assert state.config_fingerprint == bench.events("back")[0].payload["config_fingerprint"]
    bench.run("back")
    later, undisturbed = bench.events("back")[before + 2 :], bench.events("undisturbed")[before:]

    def decisions(events, version):
        return [
            (
                e.key,
                {**e.payload, **({"config_version": version} if e.type == "order.created" else {})},
                e.postings,
            )
            for e in events
        ]

    assert decisions(later, 3) == decisions(undisturbed, 3)
    created = [e.payload["config_version"] for e in later if e.type == "order.created"]
    assert set(created) == {3}


def test_a_replay_that_stops_after_the_change_goes_on_as_an_undisturbed_one(bench):
    """Going on session by session, from a lake whose candidates were lost in between, changes nothing."""
    for book in ("whole", "parts"):
        bench.run(book, HALF)
        bench.change(book)
    bench.run("whole")
    for end in (date(2011, 1, 28), date(2011, 2, 2), date(2011, 2, 11)):
        bench.run("parts", end)
    bench.lake.remove_months(CANDIDATES, "book=parts", ["2011-01", "2011-02"])
    bench.run("parts")
    assert keys(bench.events("parts")) == keys(bench.events("whole"))
    # What was lost was screened again, each session under its own version.
    assert bench.candidates("parts").equals(bench.candidates("whole"))


def test_a_market_that_was_prepared_before_the_change_is_not_traded_on(bench):
    bench.run("raced", HALF)
    stale = config_of_book(bench.store, "raced", "sample", {}).config
    bench.change("raced")
    before = bench.store.head("raced")
    with pytest.raises(
        JournalError, match=r"delta_low is 10, not 30.*start again if it was changed just now"
    ):
        bench.replay("raced", stale).run(START, END)
    assert bench.store.head("raced") == before


def test_a_profile_does_not_override_a_version(bench):
    bench.run("stored", HALF)
    bench.change("stored")
    chosen = config_of_book(bench.store, "stored", "sample", {"ALLUSE__ACCOUNTS__REV__PUTS__DELTA_LOW": "20"})
    assert chosen.config.accounts.rev.puts.delta_low == 10
    assert [(c.path, c.before, c.after) for c in chosen.ignored] == [
        ("accounts.rev.puts.delta_low", "10", "20"),
        ("accounts.rev.puts.delta_high", "25", "40"),
        ("accounts.rev.puts.min_premium_yield", "0.0005", "0.004"),
    ]


def test_the_week_of_a_change_keeps_its_guess_and_the_journal_proves(bench):
    bench.run("guess", HALF)  # a Wednesday
    bench.change("guess", [("market_mode.threshold", "4.9"), ("market_mode.guess_weeks", "1")])
    bench.run("guess")
    rows = list(bench.store.read("guess"))
    assert verify("guess", rows, bench.anchors.read("guess")).faults == ()
    tables = project([row.event for row in rows], CALENDAR)
    versions = tables["config_versions"]
    assert versions.select("session", "version", "path").rows() == [
        (START, 1, "*"),
        (HALF, 2, "market_mode.guess_weeks"),
        (HALF, 2, "market_mode.threshold"),
    ]
    assert tables["orders"].join(versions, left_on="config_version", right_on="version").height
    ours, theirs = (
        [e for e in bench.events(book) if e.type == "market_mode.guessed"]
        for book in ("guess", "undisturbed")
    )
    assert keys(ours[:4]) == keys(theirs[:4])
    assert {e.payload["mode"] for e in ours[4:]} == {"Chop"}


def test_a_person_s_change_of_a_replay_is_in_the_book_s_own_time(bench):
    bench.run("timed", HALF)
    last = bench.events("timed")[-1]
    event, state = bench.change("timed")
    assert event.effective_at == last.effective_at
    assert event.actor == "person:ann"
    assert state.config_history.versions[-1].after == HALF
    assert (
        fingerprint(config_in_force(state)) == state.config_fingerprint == event.payload["config_fingerprint"]
    )
    assert bench.anchors.read("timed")[-1].seq == bench.store.head("timed").seq
    assert read_book_now(bench.store, "timed", lambda: NOW).at == last.effective_at


def test_the_comparison_with_yes_changes_in_the_session_in_which_the_book_changed(bench):
    yes = {"ALLUSE__APPROVALS__REPLAY_ANSWER": "yes"}
    for book, environ in (("compared", {}), ("assenting", yes)):
        bench.run(book, HALF, environ)
        bench.change(book)
        bench.run(book, END, environ)
    config = config_of_book(bench.store, "compared", "sample", {}).config
    rows = list(bench.store.read("compared"))
    compared = compare_floors("compared", rows, bench.lake, CALENDAR, config)
    assenting = summarise("assenting", list(bench.store.read("assenting")), CALENDAR)
    assert compared.with_yes.accounts == assenting.accounts
    assert compared.with_yes.accounts != compared.as_it_was.accounts
