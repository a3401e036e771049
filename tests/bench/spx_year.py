"""A year of real SPX chains through the whole data side: raw, cleaned, priced, surfaced, in both stores.

The 56 sessions there are come four and a half times, each time thirteen weeks later, until they are 252:
3.6 million rows. ``python -m tests.bench.spx_year HOME`` does it in a process of its own and prints the
seconds of each step and the peak of its memory as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, RAW_OPTION_QUOTES
from alluse_assets.orchestration.market_steps import MarketSteps, months_of
from alluse_assets.orchestration.services import open_services
from tests.paths import ROOT, SHARED

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

SESSIONS = 252
_WEEKS = 13


def months() -> Iterator[pl.DataFrame]:
    """The raw quotes, a month at a time."""
    calendar = trading_calendar()
    columns = ("quote_ts", "underlying", "underlying_price", "expiry", "strike", "right", "bid", "ask")
    raw = (
        pl.scan_parquet(SHARED / "data" / "spx_option_chains_2019.parquet")
        .filter("is_session")
        .select(
            *columns,
            *("last", "volume", "open_interest"),
            session=pl.col("quote_ts").dt.convert_time_zone("America/New_York").dt.date(),
            root=pl.col("contract_symbol").str.replace_all(" ", "").str.head(-15),
        )
        .collect()
    )
    sessions = raw["session"].unique().sort().to_list()
    planned: list[tuple[date, int]] = []
    shift = 0
    while len(planned) < SESSIONS:
        days = timedelta(weeks=_WEEKS * shift)
        planned += [(day, shift) for day in sessions if calendar.is_session(day + days)]
        shift += 1
    by_session = raw.partition_by("session", as_dict=True)
    part: list[pl.DataFrame] = []
    month = ""
    for day, times in planned[:SESSIONS]:
        moved = pl.duration(weeks=_WEEKS * times)
        rows = by_session[(day,)].with_columns(pl.col("quote_ts", "session", "expiry") + moved)
        if part and f"{rows['session'][0]:%Y-%m}" != month:
            yield pl.concat(part)
            part = []
        month = f"{rows['session'][0]:%Y-%m}"
        part.append(_named(rows))
    yield pl.concat(part)


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    symbol = pl.concat_str(
        "root",
        pl.col("expiry").dt.strftime("%y%m%d"),
        "right",
        (pl.col("strike") * 1000).round().cast(pl.Int64).cast(pl.String).str.zfill(8),
    )
    named = rows.with_columns(contract_symbol=symbol, source=pl.lit("files")).drop("root")
    return RAW_OPTION_QUOTES.conform(named.unique(["quote_ts", "contract_symbol"], keep="first"))


def run(home: str) -> dict[str, object]:
    """Do it all in an installation at ``home``."""
    environ = {"ALLUSE_HOME": home, **({} if "PATH" not in os.environ else {"PATH": os.environ["PATH"]})}
    config = load("spx_2019", {}).config
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}

    def timed(name: str, began: float) -> None:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began

    with open_services(environ) as services:
        steps = MarketSteps(services.lake, config, services.calendar, None)
        hot = services.hot
        for raw in months():
            first, last = next(iter(months_of(raw["session"].min(), raw["session"].max())))  # type: ignore[arg-type]
            began = time.perf_counter()
            services.lake.write(RAW_OPTION_QUOTES, steps.market, raw)
            timed("raw to the lake", began)
            counts["raw"] = counts.get("raw", 0) + raw.height
            for name, step in (
                ("cleaned", steps.validate_quotes),
                ("priced", steps.price_chains),
                ("surfaced", steps.fit_surfaces),
            ):
                began = time.perf_counter()
                counted = step(first, last)
                timed(name, began)
                counts[name] = counts.get(name, 0) + counted.rows
            began = time.perf_counter()
            for table in (OPTION_CHAINS, SURFACES):
                hot.upsert(table, steps.market, services.lake.read(table, steps.market, first, last))
            timed("to the hot store", began)
    # Not getrusage: that keeps the peak of the process which this one was forked from.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024**2
    return {"seconds": seconds, "rows": counts, "total": sum(seconds.values()), "peak_gib": peak}


def bench_spx_year(bench: Bench) -> None:
    """The year in a process of its own, with the embedded server it starts."""
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder:
        home = f"{folder}/home"
        command = [sys.executable, "-m", "tests.bench.spx_year", home]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        destroy = [sys.executable, "-m", "alluse_assets.cli", "destroy", "--yes"]
        subprocess.run(
            destroy, cwd=ROOT, env={**os.environ, "ALLUSE_HOME": home}, check=True, capture_output=True
        )
    told = json.loads(done.stdout)
    rows, seconds = told["rows"], told["seconds"]
    label = f"a year of SPX chains, {rows['raw'] / 1e6:.1f} M rows, raw to both stores"
    bench.row(label, told["total"], "of it into PostgreSQL", seconds["to the hot store"], "< 180 s, 3 GB")
    parts = ", ".join(f"{name} {took:.1f} s" for name, took in seconds.items())
    bench.console.print(f"{parts}; {told['peak_gib']:.2f} GiB at most; rows {rows}", highlight=False)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1])))
