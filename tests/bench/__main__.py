"""Measures what the platform promises, on this machine: each figure beside what it is compared with.

``python -m tests.bench pricing lake`` measures these groups only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.table import Table

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.market_preparation import prepare_market
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.projections import project_book
from alluse_assets.orchestration.replay import Replay
from alluse_assets.orchestration.services import Services, market_source, open_services
from tests.bench.copying import bench_copying
from tests.bench.delta_band import bench_delta_band
from tests.bench.lake import bench_lake
from tests.bench.pricing_american import bench_pricing_american
from tests.bench.pricing_european import bench_pricing_european
from tests.bench.protocol import bench_protocol
from tests.bench.spx_year import bench_spx_year
from tests.book_maker import InMemoryJournal
from tests.paths import ROOT

# As it was: Dagster's instance puts its own home and database into this process's.
_ENVIRON = dict(os.environ)


class Bench:
    """Collects rows: what, seconds, compared with, its seconds, the ratio, what was promised."""

    def __init__(self) -> None:
        self.table = Table("measured", "s", "beside", "s", "ratio", "promised", title="ALL-USE benchmarks")
        for column in self.table.columns[1:]:
            column.justify = "right"
        self.console = Console(width=140)

    def row(self, what: str, seconds: float, beside: str, other: float, promised: str = "") -> None:
        """One comparison."""
        ratio = f"{seconds / other:.2f}" if other else ""
        self.table.add_row(what, f"{seconds:.2f}", beside, f"{other:.2f}", ratio, promised)
        self.console.print(f"{what}: {seconds:.2f} s, {beside}: {other:.2f} s", highlight=False)


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def process(*arguments: str, home: Path | None = None) -> float:
    """Seconds that a Python process takes, start to end."""
    environ = {**_ENVIRON, **({"ALLUSE_HOME": str(home)} if home else {})}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *arguments]

    def run() -> None:
        done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")

    return timed(run)


@contextmanager
def fresh_installation() -> Iterator[tuple[Path, Services]]:
    """An empty installation with the embedded server, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder:
        home = Path(folder) / "home"
        with open_services({"ALLUSE_HOME": str(home)}) as services:
            yield home, services
        process("-m", "alluse_assets.cli", "destroy", "--yes", home=home)


def bench_sample(bench: Bench) -> float:
    """Preparing and replaying the two years without Dagster; returns the seconds of all of it."""
    with fresh_installation() as (home, services):
        chosen = config_of_book(services.store, "sample", "sample", {})
        start, end = chosen.asked.book.replay_start, chosen.asked.book.replay_end
        assert start
        assert end
        calendar, lake, config = services.calendar, services.lake, chosen.config
        steps = MarketSteps(lake, config, calendar, market_source(config, calendar, lake, {}))
        prepared = timed(lambda: prepare_market(steps, "sample", start, end))

        def replay(store: object) -> float:
            anchors = AnchorFiles(home / f"anchors-{type(store).__name__}")
            run = Replay(store, anchors, lake, calendar, "sample", "sample", config)  # type: ignore[arg-type]
            return timed(lambda: run.run(start, end))

        in_memory = replay(InMemoryJournal())
        in_postgres = replay(services.store)
        projected = timed(lambda: project_book(services.store, lake, calendar, "sample"))
        bench.row(
            "two-year replay, journal in PostgreSQL", in_postgres, "journal in memory", in_memory, "< 15 s"
        )
        bench.row("preparing two years of chains", prepared, "their replay", in_postgres)
        bench.row("projecting the journal into tables", projected, "its replay", in_postgres)
        return prepared + in_postgres + projected


def bench_dagster(bench: Bench, direct: float) -> None:
    """The same two years as Dagster runs, in a process of its own as a person starts it."""
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder:
        home = Path(folder) / "home"
        run = process("-m", "alluse_assets.cli", "run", home=home)
        again = process("-m", "alluse_assets.cli", "run", home=home)
        process("-m", "alluse_assets.cli", "destroy", "--yes", home=home)
    bench.row("alluse run, two years through Dagster", run, "the same steps without", direct, "< 60 s")
    bench.row("alluse run again, nothing to do", again, "the first", run, "seconds")


def bench_dagster_alone(bench: Bench, direct: float) -> None:
    """The real graph over the two years with empty bodies: what Dagster itself costs."""
    from alluse_assets.definitions import build_defs
    from alluse_assets.orchestration.dagster_home import dagster_instance
    from alluse_assets.orchestration.partitions import key_of
    from alluse_assets.orchestration.stages import STAGE_TAG, STAGES

    specs = list(build_defs(book="sample").resolve_all_asset_specs())

    def empty(spec: dg.AssetSpec) -> dg.AssetsDefinition:
        policy = dg.BackfillPolicy.single_run() if spec.partitions_def else None

        @dg.multi_asset(specs=[spec], name="__".join(spec.key.path), backfill_policy=policy)
        def body():
            return dg.MaterializeResult(asset_key=spec.key)

        return body

    jobs = {
        stage: dg.define_asset_job(
            f"empty_{stage.name}", [spec.key for spec in specs if spec.tags.get(STAGE_TAG) == stage.name]
        )
        for stage in STAGES
    }
    graph = dg.Definitions(
        [empty(spec) for spec in specs], jobs=list(jobs.values()), executor=dg.in_process_executor
    )
    with (
        fresh_installation() as (_, services),
        dagster_instance(services.installation, services.database, os.environ) as instance,
    ):
        began = time.perf_counter()
        for stage in STAGES:
            edges = (date(2011, 1, 3), date(2012, 12, 31))
            names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
            span = [key_of(stage.partitions, day) for day in edges] if stage.partitions else []
            graph.resolve_job_def(jobs[stage].name).execute_in_process(
                instance=instance,
                tags=dict(zip(names, span, strict=False)),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        seconds = time.perf_counter() - began
    bench.row(
        "Dagster alone: the graph with empty bodies", seconds, "the steps without Dagster", direct, "< 10 s"
    )


def bench_loading(bench: Bench) -> None:
    """Starting up."""
    location = process("-c", "from alluse_assets.definitions import defs; assert defs")
    dagster = process("-c", "import dagster")
    bench.row("loading the code location", location, "import dagster alone", dagster, "< 5 s")
    command = process("-m", "alluse_assets.cli", "config", "show", "accounts.gen.buffer_share")
    bench.row("alluse config show", command, "an empty Python process", process("-c", "pass"))


def bench_two_years(bench: Bench) -> None:
    """The sample market's two years: without Dagster, Dagster alone, through Dagster."""
    direct = bench_sample(bench)
    bench_dagster_alone(bench, direct)
    bench_dagster(bench, direct)


GROUPS: dict[str, list[Callable[[Bench], None]]] = {
    "loading": [bench_loading],
    "pricing": [bench_pricing_european, bench_pricing_american],
    "lake": [bench_lake],
    "copying": [bench_copying],
    "selection": [bench_delta_band],
    "year": [bench_spx_year],
    "sample": [bench_two_years],
    "protocol": [bench_protocol],
}


def main(names: Sequence[str]) -> None:
    """Run the groups named, or all."""
    unknown = sorted(set(names) - set(GROUPS))
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: there are {', '.join(GROUPS)}")
    bench = Bench()
    for name, measures in GROUPS.items():
        for measure in measures if name in names or not names else []:
            measure(bench)
    bench.console.print(bench.table)


if __name__ == "__main__":
    main(sys.argv[1:])
