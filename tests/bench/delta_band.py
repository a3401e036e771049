"""The weekly delta-band selection from the lake, beside optopsy's ``short_puts`` on the same rows in memory.

optopsy's licence keeps it out of the project: it is installed into an environment of its own under
``.venv-optopsy`` when a Python that it runs on is there, and the row says so when it is not.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from alluse_assets.adapters.lake import Lake
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.strategies.delta_band import DeltaBandRule, delta_band_trades
from tests.bench.year_of_chains import months
from tests.paths import ROOT

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

RULE = DeltaBandRule("P", low=0.10, target=0.20, high=0.30, dte_low=1, dte_high=45)
_SOURCE = "bench"
_THURSDAY = 3
_ROUNDS = 5
_COLUMNS = ("underlying", "session", "expiry", "right", "strike", "dte_days", "delta", "bid", "ask")


def bench_delta_band(bench: Bench) -> None:
    """Selections in turns, then the trades compared one for one."""
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder:
        lake = Lake(Path(folder) / "lake")
        rows = 0
        for month in months():
            lake.write(OPTION_CHAINS, _SOURCE, month)
            rows += month.height
        sessions = lake.scan(OPTION_CHAINS, _SOURCE).select("session").unique().collect()["session"].sort()
        entries = [day for day in sessions if day.weekday() == _THURSDAY]

        def ours() -> pl.DataFrame:
            return delta_band_trades(lake.scan(OPTION_CHAINS, _SOURCE), RULE, entries)

        trades = ours()
        label = f"weekly delta band, {rows / 1e6:.1f} M rows in the lake, {trades.height} trades"
        for environment, told in ((_environment(), "optopsy 2.3"), (_environment("pyarrow"), "with pyarrow")):
            if environment is None:
                bench.row(label, _seconds(ours), f"{told}: no Python 3.12 or 3.13 to install it for", 0)
                continue
            _save(lake, entries, Path(folder) / "chains.npz")
            with _Optopsy(environment, Path(folder)) as other:
                pairs = [(_seconds(ours), other.once()) for _ in range(_ROUNDS)]
            _require_same(trades, Path(folder) / "trades.npz")
            mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
            bench.row(f"{label}, the same one for one", mine, f"{told} ({other.dtype})", theirs, "1/15")


class _Optopsy:
    """The process with optopsy; ``once`` asks it for one more selection."""

    def __init__(self, python: Path, folder: Path) -> None:
        numbers = [RULE.low, RULE.target, RULE.high, RULE.dte_high]
        script = ROOT / "tests" / "bench" / "optopsy_side.py"
        self._process = subprocess.Popen(
            [python, script, folder / "chains.npz", folder / "trades.npz", *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.dtype = self._process.stdout.readline().removeprefix("ready").strip()

    def __enter__(self) -> _Optopsy:
        return self

    def once(self) -> float:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _environment(*extra: str) -> Path | None:
    runs = [name for name in ("python3.13", "python3.12") if shutil.which(name)]
    found = next((n for n in runs if not subprocess.run([n, "-c", ""], capture_output=True).returncode), None)
    if found is None:
        return None
    folder = ROOT / "-".join([".venv-optopsy", *extra])
    if not (folder / "bin" / "optopsy.installed").exists():
        subprocess.run([found, "-m", "venv", folder], check=True, capture_output=True)
        command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "optopsy==2.3.0", *extra]
        subprocess.run(command, check=True, capture_output=True)
        (folder / "bin" / "optopsy.installed").touch()
    return folder / "bin" / "python"


def _save(lake: Lake, entries: list[date], path: Path) -> None:
    rows = lake.read(OPTION_CHAINS, _SOURCE, columns=_COLUMNS)
    np.savez(
        path,
        underlying_symbol=rows["underlying"].to_numpy().astype("U8"),
        option_type=rows["right"].str.to_lowercase().to_numpy().astype("U1"),
        expiration=rows["expiry"].to_numpy(),
        quote_date=rows["session"].to_numpy(),
        strike=rows["strike"].to_numpy(),
        bid=rows["bid"].to_numpy(),
        ask=rows["ask"].to_numpy(),
        delta=rows["delta"].to_numpy(),
        is_entry=rows["session"].is_in(entries).to_numpy(),
    )


def _require_same(trades: pl.DataFrame, path: Path) -> None:
    found = np.load(path)
    theirs = pl.DataFrame({name: found[name] for name in found.files}).sort(
        "underlying", "entry_session", "expiry"
    )
    mine = trades.select(theirs.columns).sort("underlying", "entry_session", "expiry")
    keys = ["underlying", "entry_session", "expiry", "strike"]
    assert mine.select(keys).equals(theirs.select(keys)), "not the same trades"
    for price in ("entry", "exit"):
        assert np.allclose(mine[price].to_numpy(), theirs[price].to_numpy(), atol=1e-12, rtol=0)
