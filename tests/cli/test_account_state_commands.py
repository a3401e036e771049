"""A person pauses, halts and resumes accounts; what a rule holds stays."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from alluse_assets.accounts.allocation import open_book
from alluse_assets.accounts.states import place_hold
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.ledger.book_fold import fold

FIRST = date(2024, 6, 3)


@pytest.fixture
def alluse(database_url, tmp_path):
    """Runs the command on an installation whose database has the opened paper book p; None: the journal."""
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book("p", "paper")
        opened = open_book(ProtocolConfig(), "default", FIRST, trading_calendar().open_time(FIRST))
        journal.append("p", opened, journal.head("p"))

        def run(*arguments):
            environment = {**os.environ, "ALLUSE_DATABASE_URL": database_url, "ALLUSE_HOME": str(tmp_path)}
            command = [sys.executable, "-m", "alluse_assets.cli", *arguments]
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

        run.journal = journal
        yield run


def test_a_person_pauses_one_account_and_resumes_it(alluse):
    done = alluse("pause", "--book", "p", "--account", "GEN-1", "--why", "holiday", "--as", "ann")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "GEN-1: PAUSED")
    assert "as before" in alluse("pause", "-b", "p", "-a", "GEN-1", "--why", "again").stdout
    event = [row.event for row in alluse.journal.read("p")][-1]
    assert (event.type, event.actor, event.payload["why"]) == (
        "account.hold_placed",
        "person:ann",
        "holiday",
    )
    done = alluse("resume", "--book", "p", "--why", "back", "--as", "ann", "--json")
    states = {one["account"]: one["state"] for one in json.loads(done.stdout)["accounts"]}
    assert set(states.values()) == {"ACTIVE"}


def test_a_replay_is_paused_resumed_and_paused_again(alluse):
    alluse.journal.create_book("r", "replay")
    opened = open_book(ProtocolConfig(), "default", FIRST, trading_calendar().open_time(FIRST))
    alluse.journal.append("r", opened, alluse.journal.head("r"))
    for command, state in (("pause", "PAUSED"), ("resume", "ACTIVE"), ("pause", "PAUSED")):
        done = alluse(command, "--book", "r", "--why", "x", "--account", "GEN-1", "--as", "ann")
        assert (done.stdout.splitlines()[:1], done.stderr) == ([f"GEN-1: {state}"], "")


def test_the_kill_switch_halts_every_account_and_a_rule_s_hold_outlives_resume(alluse):
    assert alluse("halt", "--book", "p", "--why", "odd fills").stdout.count("HALTED") == 3
    state = fold(row.event for row in alluse.journal.read("p"))
    at = datetime(2024, 6, 3, 15, tzinfo=UTC)
    stale = place_hold(state.protection, "REV-1", "vix_safe", "VIX is stale", at, "rule:circuit_breakers")
    alluse.journal.append("p", [stale], alluse.journal.head("p"))
    shown = alluse("resume", "--book", "p", "--why", "looked at").stdout
    assert "GEN-1: ACTIVE" in shown
    assert "REV-1: SAFE" in shown
    assert "held by vix_safe: it ends by itself" in shown


def test_resuming_from_a_halt_leaves_the_safe_of_a_level_which_ends_only_when_it_is_named(alluse):
    """Whoever released the kill switch let an account sell again whose symbol was at level 3."""
    alluse("halt", "--book", "p", "--why", "odd fills")
    state = fold(row.event for row in alluse.journal.read("p"))
    at = datetime(2024, 6, 3, 15, tzinfo=UTC)
    level = place_hold(state.protection, "REV-1", "level_3:AAPL", "at level 3", at, "rule:protection")
    alluse.journal.append("p", [level], alluse.journal.head("p"))
    shown = alluse("resume", "--book", "p", "--why", "looked at").stdout
    assert "GEN-1: ACTIVE" in shown
    assert "REV-1: SAFE" in shown
    assert (
        "held by level_3:AAPL: it ends by itself when the symbol has left level 3, or by a person: " in shown
    )
    assert "alluse resume --book p --account REV-1 --hold level_3:AAPL --why WHY" in shown
    alluse("pause", "--book", "p", "--account", "REV-1", "--why", "x")
    named = ("resume", "--book", "p", "--account", "REV-1", "--why", "seen", "--hold", "level_3:AAPL")
    assert "REV-1: PAUSED" in alluse(*named).stdout
    again = alluse(*named)
    assert again.returncode == 2
    assert "nothing is held by level_3:AAPL; what holds: paused" in again.stderr


def test_a_hold_that_a_rule_ends_is_not_ended_by_naming_it(alluse):
    state = fold(row.event for row in alluse.journal.read("p"))
    at = datetime(2024, 6, 3, 15, tzinfo=UTC)
    stale = place_hold(state.protection, "REV-1", "vix_safe", "VIX is stale", at, "rule:circuit_breakers")
    alluse.journal.append("p", [stale], alluse.journal.head("p"))
    refused = alluse("resume", "--book", "p", "--why", "x", "--hold", "vix_safe")
    assert refused.returncode == 2
    assert "account REV-1 is SAFE (vix_safe): it ends by itself" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pause", "--book", "p", "--why", " "], "say why"),
        (["pause", "--book", "p", "--account", "GEN-9", "--why", "x"], "no account GEN-9; it has COM-1"),
        (["pause", "--book", "p", "--why", "x", "--as", "person:ann"], "'person:ann' is no person's name"),
        (["halt", "--book", "nobody", "--why", "x"], "there is no book 'nobody'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(alluse, arguments, says):
    done = alluse(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
