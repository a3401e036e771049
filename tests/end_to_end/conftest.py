"""The two-year sample, prepared and replayed once for all workers of a test run."""

import fcntl
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.file_lock import open_lock_file
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.journal.chain import Head, RecordedEvent
from alluse_assets.orchestration.market_preparation import prepare_market
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.replay import Replay
from alluse_assets.orchestration.services import market_source

CONFIG = with_values(load("sample", {}).config, {"book.replay_start": None, "book.replay_end": None})
RANGE = load("sample", {}).config.book
START, END = RANGE.replay_start, RANGE.replay_end


@dataclass(frozen=True)
class SampleRun:
    """The sample market's lake and the journal of a book that was replayed over it."""

    lake: Path
    rows: list[RecordedEvent]

    @property
    def events(self):
        """The events alone."""
        return [row.event for row in self.rows]

    @property
    def head(self) -> Head:
        """Where the journal ends."""
        return self.rows[-1].head


def shared_once(folder: Path, make):
    """What ``make`` returns, made by the first worker that asks; the others wait and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = open_lock_file(folder / "lock")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        stored = folder / "stored.pickle"
        if not stored.exists():
            made = make()
            stored.with_suffix(".part").write_bytes(pickle.dumps(made))
            os.replace(stored.with_suffix(".part"), stored)
        return pickle.loads(stored.read_bytes())
    finally:
        os.close(lock)


def replayed(url: str, lake: Path, book: str, folder: Path, start=START, end=END) -> list[RecordedEvent]:
    """Replay ``book`` over ``lake`` in the database at ``url``; its journal."""
    calendar = trading_calendar()
    steps = MarketSteps(Lake(lake), CONFIG, calendar, market_source(CONFIG, calendar, Lake(lake), {}))
    prepare_market(steps, book, start, end)
    with open_pool(url) as pool:
        store = PostgresJournal(pool)
        anchors = AnchorFiles(folder / "anchors")
        Replay(store, anchors, Lake(lake), calendar, book, "sample", CONFIG).run(start, end)
        return list(store.read(book))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory, worker_id) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "sample"


@pytest.fixture(scope="session")
def sample_run(run_folder, migrated_url) -> SampleRun:
    """The two years, once."""
    lake = run_folder / "lake"
    rows = shared_once(run_folder, lambda: replayed(migrated_url, lake, "sample", run_folder))
    return SampleRun(lake, rows)
