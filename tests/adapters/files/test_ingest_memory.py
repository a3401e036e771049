"""How much memory an ingest takes does not follow from how big the file is."""

import subprocess
import sys
from datetime import date

from alluse_assets.base.calendar import trading_calendar

INGEST = """
import resource, sys
from pathlib import Path
from alluse_assets.adapters.files import csv_file, day_parts, ingest
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar

csv_file._BLOCK_BYTES, day_parts.MOST_ROWS = 200_000, 5_000
folder = Path(sys.argv[2])
trading_calendar()
report = ingest(Path(sys.argv[1]), Lake(folder / "lake"), trading_calendar(), folder / "scratch")
print(report.rows_written, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
MOST_MORE_MEGABYTES = 60


def write(path, sessions):
    """A file of daily quotes; its days are in no order, so that none can be cleaned before all are read."""
    days = trading_calendar().sessions(date(2019, 1, 2), date(2021, 12, 31))[:sessions]
    with path.open("w") as file:
        file.write("quote_ts,underlying,underlying_price,contract_symbol,expiry,right,strike,bid,ask\n")
        for strike in range(100, 400):
            for day in days:
                symbol = f"SPY220121C{strike * 1000:08d}"
                file.write(
                    f"{day}T20:00:00Z,SPY,300.00,{symbol},2022-01-21,C,{strike}.0,{strike}.10,{strike}.20\n"
                )


def peak_megabytes(tmp_path, sessions):
    path = tmp_path / f"{sessions}.csv"
    write(path, sessions)
    done = subprocess.run(
        [sys.executable, "-c", INGEST, str(path), str(tmp_path / str(sessions))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    rows, peak = map(int, done.stdout.split())
    assert rows == sessions * 300
    return peak


def test_a_file_eight_times_as_big_takes_hardly_more_memory(tmp_path):
    small, big = peak_megabytes(tmp_path, 60), peak_megabytes(tmp_path, 480)
    assert big - small < MOST_MORE_MEGABYTES
