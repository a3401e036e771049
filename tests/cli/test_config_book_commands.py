"""``alluse config set``, ``rollback``, ``history``, and a book in ``show`` and ``diff``: a real database."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.cli import main
from alluse_assets.journal.chain import Head
from alluse_assets.journal.verify import verify
from tests.book_maker import random_book
from tests.paths import ROOT

LOW, HIGH = "accounts.gen.puts.delta_low", "accounts.gen.puts.delta_high"
KILLED = """
import os, signal, sys
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.cli import main
whole = PostgresJournal.append
def append(self, *arguments):
    if sys.argv[1] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    whole(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
PostgresJournal.append = append
main(sys.argv[2:])
"""


@pytest.fixture
def environment(tmp_path, database_url, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ALLUSE__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)


@pytest.fixture
def store(environment, database_url):
    """A replay and a live book of two sessions."""
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        for book, kind in (("past", "replay"), ("real", "live")):
            journal.create_book(book, kind)
            journal.append(book, random_book(3, 2).events, Head())
        yield journal


@pytest.fixture
def any_command(store, capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return ended.value.code or 0, " ".join(printed.out.split()), printed.err

    return run


@pytest.fixture
def alluse(any_command):
    return lambda *arguments: any_command("config", *arguments)


def changes(store, book="past"):
    """What was asked, answered and changed of a book's configuration."""
    return [row.event for row in store.read(book) if row.event.type.startswith(("config.", "approval."))]


def test_set_shows_the_difference_and_appends_one_version(alluse, store):
    code, out, err = alluse("set", "--book", "past", LOW, "35", HIGH, "45", "--why", "calmer", "--as", "ann")
    assert (code, err) == (0, "")
    assert f"│ {LOW} │ 40 │ 35 │" in out
    assert f"│ {HIGH} │ 50 │ 45 │" in out
    assert "version 2 of book past counts from its next step on" in out
    (event,) = changes(store)
    assert (event.payload["by"], event.payload["why"]) == ("ann", "calmer")
    assert (
        verify("past", list(store.read("past")), []).faults[0].check == "anchors"
    )  # the only one: made elsewhere


def test_a_dry_run_shows_the_same_and_appends_nothing(alluse, store):
    code, out, _ = alluse("set", "--book", "past", LOW, "35", "--why", "x", "--dry-run")
    assert code == 0
    assert f"│ {LOW} │ 40 │ 35 │" in out
    assert "this would be version 2 of book past; nothing was changed" in out
    assert changes(store) == []


def test_a_dry_run_of_what_would_ask_names_no_request_that_is_not_there(alluse, store):
    code, out, _ = alluse("set", "--book", "real", LOW, "35", "--why", "x", "--as", "ann", "--dry-run")
    assert code == 0
    assert "needs a person's yes and would be asked for; nothing was asked" in out
    assert "alluse approve" not in out
    assert changes(store, "real") == []
    asked = alluse("set", "--book", "real", LOW, "35", "--why", "x", "--as", "ann")[1]
    assert "is asked for: config/1; it needs approval until" in asked
    assert "New York, and no answer means no. Answer with: alluse approve config/1 --hash" in asked


def test_a_value_may_start_with_a_minus(alluse, store):
    code, _, err = alluse("set", "--book", "past", "market_mode.delta_shift.chop", "-7.5", "--why", "x")
    assert (code, err) == (0, "")
    assert changes(store)[0].payload["changes"][0]["after"] == "-7.5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((LOW, "60"), "60 is above delta_high 50"),
        ((LOW,), f"{LOW}: has no value; give PATH VALUE"),
        (("accounts.gen.puts.delta_lo", "1"), "did you mean accounts.gen.puts.delta_low?"),
        (("multiplier", "10"), "multiplier: cannot change in a running book"),
        (("notify.digest_over", "6"), "notify.digest_over: is no part of a book"),
        (("alerts.lowest_sent", "HIGH"), "set it in the profile that the notifier runs with"),
        (("entry.min_open_interest", "99999999999999999999999"), "should be at most 9007199254740991"),
        ((LOW, "40"), f"nothing to change: {LOW} is 40 already"),
    ],
)
def test_a_refusal_ends_with_2_and_leaves_the_journal_as_it_was(alluse, store, arguments, words):
    before = store.head("past")
    code, out, err = alluse("set", "--book", "past", *arguments, "--why", "x")
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
    assert store.head("past") == before


def test_a_book_that_is_not_there_is_named_with_those_that_are(alluse):
    for command in (("set", LOW, "35", "--why", "x"), ("history",), ("rollback", "--to", "1", "--why", "x")):
        code, _, err = alluse(*command, "--book", "none")
        assert code == 2
        assert "there is no book 'none'; there are: past, real" in err
    assert "there are: past, real" in alluse("show", "--book", "none")[2]


def test_without_a_reason_nothing_is_changed(alluse, store):
    assert alluse("set", "--book", "past", LOW, "35")[0] == 2
    code, _, err = alluse("set", "--book", "past", LOW, "35", "--why", " ")
    assert code == 2
    assert "say why" in err
    assert changes(store) == []


def test_history_says_who_changed_what_when_and_why(alluse):
    alluse("set", "--book", "past", LOW, "35", "--why", "calmer", "--as", "ann")
    alluse("rollback", "--book", "past", "--to", "1", "--why", "too calm", "--as", "bob")
    code, out, _ = alluse("history", "--book", "past")
    assert code == 0
    assert "version 1 by rule:allocation, recorded 20" in out
    assert "version 2 by ann, recorded 20" in out
    assert ": calmer" in out
    assert "version 3, back to version 1 by bob, recorded 20" in out
    rows = json.loads(alluse("history", "--book", "past", "--json")[1])["history"]
    assert [(row["version"], row["by"], row["why"], row["rolled_back_to"]) for row in rows[1:]] == [
        (2, "ann", "calmer", None),
        (3, "bob", "too calm", 1),
    ]
    assert rows[0]["config_fingerprint"] == rows[2]["config_fingerprint"] != rows[1]["config_fingerprint"]
    assert rows[1]["changes"] == [{"path": LOW, "before": "40", "after": "35"}]


def test_show_has_every_version_with_where_each_value_came_from(alluse):
    alluse("set", "--book", "past", LOW, "35", "--why", "calmer [x]", "--as", "ann")
    assert f"│ {LOW} │ 35 │" in alluse("show", LOW, "--book", "past")[1]
    assert f"│ {LOW} │ 40 │" in alluse("show", LOW, "--book", "past", "--version", "1")[1]
    origin = alluse("show", "accounts.gen.puts", "--book", "past", "--origin")[1]
    assert f"│ {LOW} │ 35 │ version 2 by ann at 2011-01-04T21:00:00Z: calmer [x] │" in origin
    assert f"│ {HIGH} │ 50 │ version 1 by rule:allocation at 2011-01-03T14:30:00Z: opened │" in origin
    assert "has no version 3; it has 1 to 2" in alluse("show", "--book", "past", "--version", "3")[2]
    assert "give --book, too" in alluse("show", "--version", "1")[2]


def test_diff_takes_versions_of_books_beside_profiles(alluse):
    alluse("set", "--book", "past", LOW, "35", "--why", "x")
    code, out, _ = alluse("diff", "past@1", "past@2", "--json")
    assert code == 1
    assert json.loads(out)["changes"] == [{"path": LOW, "before": "40", "after": "35"}]
    assert alluse("diff", "past@1", "real@1")[0] == 0
    assert alluse("diff", "sample", "past@2")[0] == 1
    assert "has no version 9" in alluse("diff", "past@1", "past@9")[2]


def test_a_live_book_asks_and_stays_as_it_is(alluse, store):
    code, out, _ = alluse("set", "--book", "real", LOW, "35", "--why", "x", "--as", "ann")
    assert code == 0
    assert "this change of book real is asked for: config/1; it needs approval until" in out
    assert [event.type for event in changes(store, "real")] == ["approval.requested"]
    assert f"│ {LOW} │ 40 │" in alluse("show", LOW, "--book", "real")[1]
    assert "version 2" not in alluse("history", "--book", "real")[1]
    asked = json.loads(
        alluse("set", "--book", "real", LOW, "36", "--why", "x", "--as", "ann", "--dry-run", "--json")[1]
    )
    assert (asked["event"], asked["approval"], asked["based_on"]) == ("approval.requested", "config/2", 1)
    assert asked["changes"] == [{"path": LOW, "before": "40", "after": "36"}]


def test_what_is_asked_is_listed_in_words_and_a_yes_is_the_new_version(alluse, any_command, store):
    alluse("set", "--book", "real", LOW, "35", "--why", "calmer", "--as", "ann")
    listed = any_command("approvals", "--book", "real")[1]
    assert f"config/1 would change version 1 of the configuration: {LOW} from 40 to 35 why calmer" in listed
    assert "asks as a changed configuration needs a yes" in listed
    assert "by person:ann" in listed
    seen = listed.partition("hash ")[2].split()[0]
    refused = any_command("approve", "config/1", "--hash", seen, "--as", "Ann", "--book", "real")
    assert refused[0] == 2
    assert "in live another person approves" in refused[2]
    code, out, _ = any_command("approve", "config/1", "--hash", seen, "--as", "bob", "--book", "real")
    assert code == 0
    assert "version 2 of book real counts from its next step on" in out
    assert [event.type for event in changes(store, "real")[1:]] == [
        "approval.answered", "approval.used", "config.changed"
    ]  # fmt: skip
    assert f"│ {LOW} │ 35 │" in alluse("show", LOW, "--book", "real")[1]
    assert "version 2 by ann, approved by bob (config/1)" in alluse("history", "--book", "real")[1]
    assert "state used (bob said yes)" in any_command("approvals", "--all", "--book", "real")[1]
    assert {fault.check for fault in verify("real", list(store.read("real")), []).faults} == {"anchors"}


def test_a_no_and_a_yes_to_what_does_not_hold_any_more_change_nothing(alluse, any_command, store):
    for value in ("35", "36", "37"):
        alluse("set", "--book", "real", LOW, value, "--why", "x", "--as", "ann")
    assert any_command("reject", "config/1", "--as", "ann", "--book", "real")[0] == 0
    assert any_command("approve", "config/2", "--as", "bob", "--book", "real")[0] == 0
    before = store.head("real")
    code, _, err = any_command("approve", "config/3", "--as", "bob", "--book", "real")
    assert code == 2
    assert "asked on version 1 of the configuration, and version 2 is in force now: ask again" in err
    assert store.head("real") == before
    assert f"│ {LOW} │ 36 │" in alluse("show", LOW, "--book", "real")[1]


def started(*arguments, script=("-m", "alluse_assets.cli")):
    command = [sys.executable, *script, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_whoever_is_killed_has_changed_everything_or_nothing(store):
    change = ("config", "set", "--book", "past", LOW, "35", "--why", "x", "--as", "ann")
    for moment, expected in (("before", []), ("after", ["config.changed"])):
        process = started(moment, *change, script=("-c", KILLED))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert [event.type for event in changes(store)] == expected
    process = started(*change)
    assert f"{LOW} is 35 already (version 2 is in force)" in process.communicate()[1]


def test_whoever_is_killed_approving_has_answered_and_changed_or_neither(alluse, store):
    alluse("set", "--book", "real", LOW, "35", "--why", "x", "--as", "ann")
    yes = ("approve", "config/1", "--book", "real", "--as", "bob")
    done = ["approval.answered", "approval.used", "config.changed"]
    for moment, expected in (("before", []), ("after", done)):
        process = started(moment, *yes, script=("-c", KILLED))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert [event.type for event in changes(store, "real")[1:]] == expected
    again = started(*yes)
    assert "approval config/1: it was used" in again.communicate()[1]


def test_many_people_at_once_make_versions_one_after_the_other(store):
    """Each wants another value: every change that says it is done is in the history, behind another."""
    running = [
        started("config", "set", "--book", "past", LOW, str(value), "--why", "x", "--as", f"person-{value}")
        for value in range(31, 36)
    ]
    outcomes = [(process.communicate(timeout=120), process.returncode) for process in running]
    assert [code for _, code in outcomes] == [0] * 5, outcomes
    made = changes(store)
    assert [event.payload["version"] for event in made] == [2, 3, 4, 5, 6]
    values = ["40", *(event.payload["changes"][0]["after"] for event in made)]
    assert [event.payload["changes"][0]["before"] for event in made] == values[:-1]
    assert sorted(values[1:]) == ["31", "32", "33", "34", "35"]
    faults = verify("past", list(store.read("past")), []).faults
    assert {fault.check for fault in faults} == {"anchors"}


def test_a_book_that_somebody_writes_to_is_a_clear_message(alluse, store, monkeypatch):
    monkeypatch.setattr("alluse_assets.orchestration.config_journal._LEASE_SECONDS", 0.3)
    before = store.head("past")
    with store.lease("past", 1.0), ThreadPoolExecutor(1) as pool:
        code, _, err = pool.submit(alluse, "set", "--book", "past", LOW, "35", "--why", "x").result()
    assert code == 2
    assert "book 'past' is being written by another process; wait for it to end and try again" in err
    assert store.head("past") == before
