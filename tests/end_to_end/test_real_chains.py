"""The real SPX chains of 2019, ingested as a user would and replayed with puts only, settled in cash."""

import json
import os
import subprocess
import sys

import pytest

from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from tests.end_to_end.pins import assert_pinned
from tests.paths import ROOT, SHARED


@pytest.fixture(scope="module")
def alluse(tmp_path_factory, migrated_url):
    home = tmp_path_factory.mktemp("spx")
    environ = {**os.environ, "ALLUSE_HOME": str(home), "ALLUSE_DATABASE_URL": migrated_url}

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "alluse_assets.cli", *arguments],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout) if "--json" in arguments and done.stdout else done.stderr

    return run


@pytest.fixture(scope="module")
def replayed(alluse):
    bars = alluse(
        "ingest", "--kind", "bars", "--path", str(SHARED / "data/bars_daily_spy_msft_spx.parquet"), "--json"
    )
    quotes = alluse(
        "ingest",
        "--kind",
        "option_quotes",
        "--path",
        str(SHARED / "data/spx_option_chains_2019.parquet"),
        "--json",
    )
    return bars, quotes, alluse("replay", "--profile", "spx_2019", "--json")


def test_every_row_of_the_files_is_kept_or_in_quarantine_with_its_rule(replayed):
    for report in replayed[:2]:
        assert report["rows_read"] == report["rows_written"] + report["rows_quarantined"]
    assert replayed[1]["quarantined"] == {"not_a_session": 27830, "no_quote": 1156}
    # Not one real quote contradicts its neighbours.
    assert replayed[1]["judged"] == {"rows_good": 780796, "rows_quarantined": 0}


def test_the_replay_runs_through_and_its_journal_verifies(alluse, replayed):
    report = replayed[2]
    assert report["book"] == "spx_2019"
    assert report["sessions"] == 61
    assert report["orders"] > 40
    assert set(report["week_types"]) <= {"P-EW", "P-AWL", "P-AOL", "P-DD", "P-RO", "W-IDL"}
    proof = alluse("verify", "--book", "spx_2019", "--json")
    assert proof["holds"]
    assert proof["journal_hash"] == report["journal_hash"]


@pytest.fixture(scope="module")
def events(replayed, migrated_url):
    with open_pool(migrated_url) as pool:
        return [row.event for row in PostgresJournal(pool).read("spx_2019")]


def test_the_replay_is_pinned(events):
    assert_pinned("spx_2019", events)


def test_index_options_settle_in_cash_and_never_bring_shares(events):
    types = {event.type for event in events}
    assert "option.cash_settled" in types
    assert "option.assigned" not in types
    traded = {e.payload["instrument"] for e in events if e.type == "order.filled"}
    assert all(contract.startswith("SPXW") and contract[-9] == "P" for contract in traded)


def test_ingesting_again_changes_nothing(alluse, replayed):
    path = str(SHARED / "data/spx_option_chains_2019.parquet")
    again = alluse("ingest", "--kind", "option_quotes", "--path", path, "--again", "--json")
    assert again["rows_written"] == 0
    assert again["judged"] == {"rows_good": 0, "rows_quarantined": 0}
    assert again["rows_unchanged"] == replayed[1]["rows_written"]


def test_a_range_without_quotes_says_what_to_do(alluse, replayed):
    message = alluse(
        "replay",
        "--profile",
        "spx_2019",
        "--book",
        "late",
        "--from",
        "2019-09-03",
        "--to",
        "2019-09-06",
        code=2,
    )
    assert "no option quotes from 2019-09-03 to 2019-09-06" in message
    assert "alluse ingest" in message
