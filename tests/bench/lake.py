"""The lake beside Polars' own writing and reading of the same rows with the same options."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.lake.storage import COMPRESSION, ROW_GROUP_ROWS
from alluse_assets.base.table_catalog import Column, Table

_ROUNDS = 7
_SESSIONS = 20


class Rows(Protocol):
    """Where figures go."""

    def row(self, what: str, seconds: float, beside: str, other: float, promised: str = "") -> None:
        """One comparison."""
        ...


def bench_lake(bench: Rows) -> None:
    """Writing and reading 5 million rows of 15 columns, and a month of option chains."""
    for name, (table, frame) in {"5 M rows × 15": _wide(5_000_000), "2 M rows of chains": _chains()}.items():
        figures = _interleaved(table, frame)
        bench.row(f"lake write, {name}", figures["write"], "Polars", figures["polars write"], "< 1.15")
        bench.row(f"lake read, {name}", figures["read"], "Polars", figures["polars read"], "< 1.15")
        bench.row(
            f"lake read in a new process, {name}", figures["first read"], "Polars", figures["polars read"]
        )
        bench.row(
            f"lake, one session more, {name}", figures["session"], "Polars, all anew", figures["polars write"]
        )


def _interleaved(table: Table, frame: pl.DataFrame) -> dict[str, float]:
    """Medians of rounds in each of which everything is done once."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder:
        day = frame["session"].max()
        last = frame.filter(pl.col("session") == day).with_columns(session=pl.lit(date(2011, 1, 31)))
        plain = Path(folder) / "plain.parquet"
        for number in range(_ROUNDS):
            root = Path(folder) / f"lake-{number}"
            lake = Lake(root)
            rounds: dict[str, Callable[[], object]] = {
                "polars write": lambda: frame.write_parquet(
                    plain, compression=COMPRESSION, statistics=True, row_group_size=ROW_GROUP_ROWS
                ),
                "write": lambda lake=lake: lake.write(table, "bench", frame),
                "polars read": lambda: pl.scan_parquet(plain).collect(),
                "read": lambda lake=lake: lake.read(table, "bench"),
                "first read": lambda lake=lake: (_forget(), lake.read(table, "bench")),
                "session": lambda lake=lake: lake.write(table, "bench", last),
            }
            for name, work in rounds.items():
                began = time.perf_counter()
                work()
                seconds.setdefault(name, []).append(time.perf_counter() - began)
            shutil.rmtree(root)
    return {name: statistics.median(all_of_them[1:]) for name, all_of_them in seconds.items()}


def _forget() -> None:
    """As a new process: no file's digest is known."""
    from alluse_assets.adapters.lake import verified

    verified._known.clear()


def _wide(rows: int) -> tuple[Table, pl.DataFrame]:
    rng = np.random.default_rng(1)
    numbers = {f"price_{n}": np.round(rng.normal(100, 10, rows), 2) for n in range(8)}
    counts = {f"count_{n}": rng.integers(0, 100_000, rows) for n in range(4)}
    frame = pl.DataFrame(
        {
            "session": _sessions(rows),
            "symbol": _repeated([f"SYM{n:03}" for n in range(50)], rows),
            "number": np.tile(np.arange(rows // _SESSIONS // 50), _SESSIONS * 50),
            **numbers,
            **counts,
        }
    )
    return _table("wide", ("session", "symbol", "number"), frame), frame


def _chains() -> tuple[Table, pl.DataFrame]:
    """Rows like a month of option chains: repeated names, strikes and expiries, prices in cents."""
    rng = np.random.default_rng(2)
    rows = 2_000_000
    each = rows // _SESSIONS // 20
    contracts = [f"SYM{u:02}110{n:011}" for u in range(20) for n in range(each)]
    spot = np.tile(np.repeat(rng.uniform(50, 150, 20), each), _SESSIONS)
    strike = np.tile(np.tile(np.arange(each) % 200, 20), _SESSIONS) + 1.0
    bid = np.round(np.maximum(spot - strike, 0.01) + rng.uniform(0, 2, rows), 2)
    frame = pl.DataFrame(
        {
            "session": _sessions(rows),
            "contract_symbol": np.tile(np.array(contracts), _SESSIONS),
            "underlying": _repeated([f"SYM{n:02}" for n in range(20)], rows),
            "strike": strike,
            "bid": bid,
            "ask": bid + 0.05,
            "volume": rng.poisson(3, rows),
            "open_interest": rng.poisson(100, rows),
            "implied_vol_annual": rng.uniform(0.1, 0.8, rows),
            "delta": rng.uniform(-1, 1, rows),
            "gamma": rng.uniform(0, 0.1, rows),
            "theta_per_day": rng.uniform(-0.1, 0, rows),
            "vega_per_point": rng.uniform(0, 0.5, rows),
        }
    )
    return _table("chains", ("session", "contract_symbol"), frame), frame


def _sessions(rows: int) -> pl.Series:
    days = [date(2011, 1, 3) + timedelta(days=n) for n in range(_SESSIONS)]
    return pl.Series(np.repeat(np.array(days, dtype="datetime64[D]"), rows // _SESSIONS)).cast(pl.Date)


def _repeated(names: list[str], rows: int) -> np.ndarray:
    return np.tile(np.repeat(np.array(names), rows // _SESSIONS // len(names)), _SESSIONS)


def _table(name: str, key: tuple[str, ...], frame: pl.DataFrame) -> Table:
    columns = tuple(Column(column, dtype, "Measured.") for column, dtype in frame.schema.items())
    return Table(name, "Rows to measure with.", "one row", "core", key, columns)
