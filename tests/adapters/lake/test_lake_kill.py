"""A writer that is killed at any moment leaves the old version or the new one, never a mixture."""

import os
import random
import signal
import subprocess
import sys
import time

import polars as pl

from alluse_assets.adapters.lake import Lake
from tests.adapters.lake.places import PRICES, rows

WRITER = """
import itertools, sys
from pathlib import Path
import polars as pl
from alluse_assets.adapters.lake import Lake
from tests.adapters.lake.test_lake_kill import PRICES, version

lake = Lake(Path(sys.argv[1]))
print("writing", flush=True)
for number in itertools.count():
    lake.write(PRICES, "sample", version(number % 7))
"""
SYMBOLS = 20_000


def version(number):
    base = rows(*[("2011-01-03", f"S{n:05d}", 1) for n in range(SYMBOLS)])
    return base.with_columns(close=pl.col("close") + number, volume=pl.lit(number))


def test_a_killed_writer_never_leaves_a_mixture(tmp_path):
    seed = 20110103
    moments = random.Random(seed)
    lake = Lake(tmp_path)
    lake.write(PRICES, "sample", version(0))
    seen = set()
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        for _ in range(3):
            time.sleep(moments.uniform(0.02, 0.12))
            seen.add(_whole_version(lake))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        seen.add(_whole_version(lake))
    assert len(seen) > 1, f"the writer never got far enough to be a test (seed {seed})"
    lake.write(PRICES, "sample", version(8))
    assert _whole_version(lake) == 8
    names = [path.name for path in (tmp_path / "prices/source=sample/month=2011-01").iterdir()]
    assert len(names) == 3, names


def _whole_version(lake):
    found = lake.read(PRICES, "sample")
    assert found.height == SYMBOLS
    versions = found["volume"].unique().to_list()
    assert len(versions) == 1
    assert found["close"].unique().to_list() == [versions[0] + 1.0]
    return versions[0]


TOO_BIG = """
import resource, sys
from pathlib import Path
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.errors import DataError
from tests.adapters.lake.test_lake_kill import PRICES, version

resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
try:
    Lake(Path(sys.argv[1])).write(PRICES, "sample", version(1))
except DataError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_an_error_and_leaves_what_was_there(tmp_path):
    lake = Lake(tmp_path)
    lake.write(PRICES, "sample", version(0))
    before = lake.content_id(PRICES, "sample")
    done = subprocess.run(
        [sys.executable, "-c", TOO_BIG, str(tmp_path)], check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout.startswith(f"cannot write {tmp_path}/prices/source=sample/month=2011-01: ")
    assert (lake.content_id(PRICES, "sample"), _whole_version(lake)) == (before, 0)
    assert len(list((tmp_path / "prices/source=sample/month=2011-01").iterdir())) == 3
