"""An ingest of a folder that is killed at any moment, and started again, ends where a calm one does."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from alluse_assets.adapters.files import SOURCE
from alluse_assets.adapters.files.ingested import INGESTED_FILES
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.source import TABLE_OF
from tests.adapters.files.killed_ingests import make_folder

KILLS, SEED = 25, 20211201
TABLES: tuple[Table, ...] = (*TABLE_OF.values(), QUARANTINE, INGESTED_FILES)


def histories(lake: Lake, table: Table) -> dict[str, list[tuple[int, int]]]:
    """Each version of each month: superseded rows are kept, and are the same ones."""
    return {
        month: [(version.number, sum(file.rows for file in version.files)) for version in found]
        for month in lake.months(table, SOURCE)
        if (found := lake.versions(table, SOURCE, month))
    }


def test_a_folder_whose_ingest_is_killed_again_and_again_ends_as_undisturbed(tmp_path):
    folder = make_folder(tmp_path / "in")
    places = [tmp_path / "calm", tmp_path / "killed"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.adapters.files.killed_ingests"]
        + [str(argument) for argument in (folder, *places, KILLS, SEED)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    calm_end, *killed_ends, last_end = json.loads(done.stdout)
    assert (calm_end, last_end) == (0, 0)
    assert killed_ends.count(-signal.SIGKILL) >= 15, f"too few were caught alive (seed {SEED}): {killed_ends}"
    calm, killed = (Lake(place / "lake") for place in places)
    for table in TABLES:
        assert killed.read(table, SOURCE).equals(calm.read(table, SOURCE)), f"{table.name} (seed {SEED})"
        assert killed.content_id(table, SOURCE) == calm.content_id(table, SOURCE)
        assert histories(killed, table) == histories(calm, table)
    assert killed.read(QUARANTINE, SOURCE).height > 50
    assert not list((Path(places[1]) / "scratch").iterdir())
