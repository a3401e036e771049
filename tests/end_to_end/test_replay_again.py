"""The same inputs give the same journal: on another book, another processor, after kills, side by side.

The journal of a shorter range is a prefix of the longer one's, so every run here is compared with the
two-year sample at the same event.
"""

import json
import os
import subprocess
import sys
import time

import pytest

from tests.paths import ROOT

MONTHS = ("--from", "2011-01-03", "--to", "2011-03-31")
# Other vector units for NumPy, Numba's code and the C library; a market prepared anew under them.
ANOTHER_PROCESSOR = {
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
    "NUMBA_CPU_NAME": "generic",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
}


@pytest.fixture
def home(tmp_path, sample_run):
    """An installation that shares the prepared lake."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lake").symlink_to(sample_run.lake)
    return tmp_path / "home"


def start(home, url, book, *arguments, **environment):
    environ = {**os.environ, "ALLUSE_HOME": str(home), "ALLUSE_DATABASE_URL": url, **environment}
    command = [sys.executable, "-m", "alluse_assets.cli", "replay", "--book", book, "--json", *arguments]
    return subprocess.Popen(
        command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process):
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return json.loads(out)


def same_as_sample(report, sample_run):
    row = sample_run.rows[report["journal_events"] - 1]
    assert row.event.type == "session.closed"
    return report["journal_hash"] == row.hash.hex()


def test_another_book_has_the_same_hash_and_json_is_all_there_is_on_stdout(home, database_url, sample_run):
    report = finished(start(home, database_url, "another", *MONTHS))
    assert set(report) == {
        "book", "sessions", "orders", "fills", "assignments", "week_types", "nav", "journal_events",
        "journal_hash", "seconds",
    }  # fmt: skip
    assert report["sessions"] == 62
    assert set(report["nav"]) == {"GEN-1", "REV-1", "COM-1", "total"}
    assert same_as_sample(report, sample_run)


def test_another_processor_gives_the_same_hash(tmp_path, database_url, sample_run):
    process = start(tmp_path / "home", database_url, "another-cpu", *MONTHS, **ANOTHER_PROCESSOR)
    assert same_as_sample(finished(process), sample_run)


def test_a_replay_that_is_killed_again_and_again_ends_as_an_undisturbed_one(home, database_url, sample_run):
    kills = 0
    for delay in (0.5, 1.5, 2.2, 2.6, 3.0, 3.4, 3.8, 4.5):
        process = start(home, database_url, "killed", *MONTHS)
        time.sleep(delay)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.communicate()
    report = finished(start(home, database_url, "killed", *MONTHS))
    assert kills >= 3
    assert report["sessions"] == 62
    assert same_as_sample(report, sample_run)


def test_a_second_run_changes_nothing_and_a_longer_one_goes_on(home, database_url, sample_run):
    first = finished(start(home, database_url, "grown", *MONTHS))
    again = finished(start(home, database_url, "grown", *MONTHS))
    assert (again["journal_events"], again["journal_hash"]) == (
        first["journal_events"],
        first["journal_hash"],
    )
    longer = finished(start(home, database_url, "grown", "--from", "2011-01-03", "--to", "2011-04-29"))
    assert longer["sessions"] > 62
    assert same_as_sample(longer, sample_run)


def test_two_books_at_once_do_not_disturb_each_other(home, database_url, sample_run):
    running = [start(home, database_url, book, *MONTHS) for book in ("left", "right")]
    assert all(same_as_sample(finished(process), sample_run) for process in running)


def test_two_processes_on_one_book_take_turns(home, database_url, sample_run):
    running = [start(home, database_url, "contested", *MONTHS) for _ in range(2)]
    assert all(same_as_sample(finished(process), sample_run) for process in running)


def test_an_existing_book_refuses_another_first_session(home, database_url):
    finished(start(home, database_url, "fixed", "--from", "2011-01-03", "--to", "2011-01-05"))
    process = start(home, database_url, "fixed", "--from", "2011-01-04", "--to", "2011-01-06")
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "book 'fixed' began on 2011-01-03, not on 2011-01-04" in errors
    assert "Traceback" not in errors


def test_an_existing_book_keeps_its_stored_configuration_and_says_so(home, database_url, sample_run):
    finished(start(home, database_url, "kept", "--from", "2011-01-03", "--to", "2011-01-07"))
    changed = {"ALLUSE__ACCOUNTS__GEN__PUTS__MIN_PREMIUM_YIELD": "0.02"}
    process = start(home, database_url, "kept", *MONTHS, **changed)
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "accounts.gen.puts.min_premium_yield stays 0.004; 0.02 is for new books only" in " ".join(
        errors.split()
    )
    assert same_as_sample(json.loads(out), sample_run)
