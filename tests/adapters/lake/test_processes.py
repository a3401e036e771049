"""Writers that are killed, and writers at once: nothing is lost, and nothing is left over."""

import json
import subprocess
import sys

import pytest

from tests.adapters.lake.writing_processes import KEPT, SYMBOLS, as_text, ingest
from tests.paths import ROOT


def run(*arguments):
    command = [sys.executable, "-m", "tests.adapters.lake.writing_processes", *map(str, arguments)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


@pytest.mark.parametrize(("kind", "kills", "sessions"), [("folder", 15, 20), ("bucket", 4, 9)])
def test_an_ingest_that_was_killed_again_and_again_ends_like_an_undisturbed_one(
    places, kind, kills, sessions
):
    seed = 20110103
    calm, killed = places.new(kind), places.new(kind)
    ends = run("killed", as_text(killed), as_text(calm), kills, sessions, seed)
    assert (ends[kills], ends[-1]) == (0, 0), (seed, ends)
    assert ends.count(-9) > kills, f"too few were killed to be a test (seed {seed}): {ends}"
    assert killed.files() == calm.files(), f"seed {seed}"
    lake = killed.lake()
    assert lake.read(KEPT, "sample").height == sessions * SYMBOLS
    assert lake.read(KEPT, "sample")["close"].sum() == (sessions + len(range(2, sessions, 3))) * SYMBOLS
    january = lake.versions(KEPT, "sample", "2011-01")
    assert lake.read_version(KEPT, "sample", "2011-01", 1)["close"].unique().to_list() == [1.0]
    assert len(january) > 2


@pytest.mark.parametrize(("kind", "processes", "sessions"), [("folder", 6, 30), ("bucket", 4, 16)])
def test_processes_that_write_different_sessions_at_once_lose_nothing(places, kind, processes, sessions):
    one, many = places.new(kind), places.new(kind)
    ingest(one, range(sessions))
    assert run("at once", as_text(many), processes, sessions) == [0] * processes
    expected = one.files()
    found = many.files()
    assert {path: found.get(path) for path in expected} == expected
    if kind == "folder":
        assert set(found) == set(expected)
