"""A process that starts ingests of a folder and kills them, see ``test_ingest_kill``.

It has imported everything and read nothing, which saves each ingest the imports.
"""

import json
import os
import random
import signal
import sys
import time
from datetime import date
from pathlib import Path

from alluse_assets.adapters.files import Ingest, day_parts
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from tests.adapters.files.vendor_files import VENDORS, as_csv, write_lean, write_vendor
from tests.adapters.lake.writing_processes import ending, start

# Few rows at a time: more moments between two writes.
day_parts.MOST_ROWS = 60


def make_folder(root: Path) -> Path:
    """Bars and corrections of them, chains that need them, bad rows in both, a file that is none."""
    days = trading_calendar().sessions(date(2021, 10, 1), date(2021, 12, 31))
    lines = [
        f"{day},{s},10,{12 + n % 3},9,11,{n}" for n, day in enumerate(days) for s in ("AAPL", "SPY", "X")
    ]
    header = "ts,symbol,open,high,low,close,volume"
    root.mkdir()
    (root / "bars_1.csv").write_bytes(as_csv(header, (*lines, lines[3], "2021-10-02,X,1,1,1,1,1", "x,y")))
    corrected = [line.replace(",11,", ",10.5,") for line in lines[40:80]]
    (root / "bars_2.csv").write_bytes(as_csv(header, tuple(corrected)))
    chains = [
        f"{day},AAPL,2022-01-21,{strike}.00,{right},{bid},1.25,0.3,0.5,0,0,0,0"
        for n, day in enumerate(days)
        for strike in range(5, 14)
        for right, bid in (("Call", "1.10"), ("Put", "1.30" if n % 7 == 0 else "1.05"))
    ]
    (root / "chain.csv").write_bytes(as_csv(VENDORS["option_chain.csv"][0], tuple(chains)))
    (root / "none.csv").write_text("what,is,this\n1,2,3\n")
    for name in ("L2_20211201.csv", "spy_eod_202112.txt"):
        write_vendor(root, name)
    write_lean(root / "lean")
    return root


def run(folder: Path, place: Path) -> None:
    work = Ingest(Lake(place / "lake"), trading_calendar(), place / "scratch")
    for _ in work.outcomes(work.files(folder), lambda *step: None):
        pass


def killed_again_and_again(folder: Path, calm: Path, place: Path, kills: int, seed: int) -> list[int]:
    """How each process ended: the calm one, those that were killed, the last one that was not."""
    moments = random.Random(seed)
    began = time.monotonic()
    ends = [ending(start(lambda: run(folder, calm)))]
    usual = time.monotonic() - began
    for _ in range(kills):
        child = start(lambda: run(folder, place))
        # They go on where the last one was: most of the work would be done after two of them.
        time.sleep(moments.uniform(0, usual / 12))
        os.kill(child, signal.SIGKILL)
        ends.append(ending(child))
    return [*ends, ending(start(lambda: run(folder, place)))]


if __name__ == "__main__":
    folder, calm, place = map(Path, sys.argv[1:4])
    trading_calendar()
    sys.stdout.write(json.dumps(killed_again_and_again(folder, calm, place, *map(int, sys.argv[4:]))))
