"""Writers that are killed, and several at once: a table is as it was or as it should be, never between."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal

from alluse_assets.adapters.timescale import HotStore, open_hot_store
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.tables import OPTION_TICKS
from tests.adapters.timescale.rows import OPEN, daily_bars, option_quotes
from tests.paths import ROOT

ROWS = 4_000
WRITER = """
import itertools, sys
from alluse_assets.adapters.timescale import open_hot_store
from alluse_assets.option_chains.tables import OPTION_TICKS
from tests.adapters.timescale.test_processes import version

hot = open_hot_store(sys.argv[1])
print("writing", flush=True)
for number in itertools.count():
    hot.upsert(OPTION_TICKS, "live", version(number % 9))
"""
MAKER = """
import sys
from alluse_assets.adapters.timescale import open_hot_store
sys.stdin.read()
print(len(open_hot_store(sys.argv[1]).changes))
"""
FILLER = """
import sys
from alluse_assets.adapters.timescale import open_hot_store
from alluse_assets.market_data.tables import BARS
from tests.adapters.timescale.test_processes import share
hot = open_hot_store(sys.argv[1])
sys.stdin.read()
for rows in share(int(sys.argv[2])):
    hot.upsert(BARS, "live", rows)
"""
FILLERS = 4


def version(number: int) -> pl.DataFrame:
    # Over two months, so that a partition is made on the way.
    rows = option_quotes(ROWS, OPEN + timedelta(days=26), every_seconds=150, contracts=5)
    return rows.with_columns(volume=pl.lit(number, pl.Int64))


def share(worker: int) -> list[pl.DataFrame]:
    """Days that overlap with those of the other workers, in an order of its own."""
    days = [OPEN.date() + timedelta(days=12 * n) for n in range(40)]
    random.Random(worker).shuffle(days)
    return [daily_bars(days[start : start + 15], close=100.0) for start in range(0, 40, 10)]


def _process(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_a_killed_writer_leaves_old_rows_or_new_ones_and_the_next_goes_on(any_hot_store: HotStore) -> None:
    seed = 20240603
    moments = random.Random(seed)
    seen = set()
    for _ in range(6):
        writer = _process(WRITER, any_hot_store.url)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        time.sleep(moments.uniform(0.0, 0.5))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        found = any_hot_store.read(OPTION_TICKS, "live")
        assert found.height in (0, ROWS), f"seed {seed}"
        assert found["volume"].n_unique() <= 1, f"seed {seed}"
        seen |= set(found["volume"])
    assert len(seen) > 1, f"the writer never got far enough to be a test (seed {seed})"
    any_hot_store.upsert(OPTION_TICKS, "live", version(3))
    assert_frame_equal(any_hot_store.read(OPTION_TICKS, "live"), version(3))


def test_processes_that_open_an_empty_database_at_once_make_each_table_once(database_url: str) -> None:
    makers = [_process(MAKER, database_url) for _ in range(4)]
    made = [int(maker.communicate("")[0]) for maker in makers]
    assert sorted(made) == [0, 0, 0, len(open_hot_store(database_url).forms)]


def test_writers_at_once_end_like_one_after_the_other(any_hot_store: HotStore) -> None:
    fillers = [_process(FILLER, any_hot_store.url, str(n)) for n in range(FILLERS)]
    for filler in fillers:
        filler.communicate("")
    assert [filler.returncode for filler in fillers] == [0] * FILLERS
    expected = sum(
        (part["ts"].unique().to_list() for n in range(FILLERS) for part in share(n)), start=list[object]()
    )
    assert any_hot_store.read(BARS, "live")["ts"].unique().to_list() == sorted(set(expected))
