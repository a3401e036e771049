"""``alluse run``: the weekly cycle over the profile's range, recorded by Dagster, with a progress bar."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from alluse_assets.base.config.profile_files import profile_of
from alluse_assets.cli.replay_command import summary_table
from alluse_assets.orchestration.dagster_home import dagster_instance
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.services import open_services
from alluse_assets.orchestration.stages import STAGES

_DATE = ["%Y-%m-%d"]


def run_command(
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="A shipped profile or a file; default: the book's name.")
    ] = "",
    book: Annotated[str, typer.Option("--book", "-b", help="The book.")] = "sample",
    start: Annotated[
        datetime | None, typer.Option("--from", formats=_DATE, help="First day; default: the book's.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=_DATE, help="Last day; default: the profile's.")
    ] = None,
) -> None:
    """Run the weekly cycle through Dagster. Run again, it does what is missing and nothing else."""
    from alluse_assets.orchestration.materialise import materialise_range
    from alluse_assets.reporting.summary import summarise

    began = time.monotonic()
    first, last = _day(start), _day(end)
    outcomes = []
    with open_services(os.environ) as services:
        with (
            dagster_instance(services.installation, services.database, os.environ) as instance,
            _own_terminal() as terminal,
            StageBars(terminal) as bars,
        ):
            desk = Desk(services, book, profile or profile_of(book), bars)
            for outcome in materialise_range(desk, instance, first, last):
                outcomes.append(outcome)
                bars.finish(outcome.stage.name)
        rows = list(services.store.read(book))
        summary = summarise(book, rows, services.calendar)
    console = Console()
    console.print(summary_table(summary))
    done = ", ".join(outcome.stage.name for outcome in outcomes if outcome.ran) or "nothing: all was there"
    seconds = time.monotonic() - began
    console.print(
        f"made {done}; {summary.sessions} sessions, head {summary.journal_hash[:16]}, {seconds:.1f} s",
        highlight=False,
    )
    report = services.installation.reports / f"{book}.html"
    console.print("open next: make up (the Dagster UI and the app, in a browser)", highlight=False)
    console.print(f"and the report, which needs nothing running: {report}", highlight=False, soft_wrap=True)


class StageBars:
    """A bar a stage, told about steps by the assets."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[now]:<32}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._open = [stage.name for stage in STAGES]

    def __enter__(self) -> StageBars:
        """Show the bars."""
        for stage in STAGES:
            self._tasks[stage.name] = self._progress.add_task(
                stage.name, total=None, start=False, now="waiting"
            )
        self._progress.start()
        self._progress.start_task(self._tasks[self._open[0]])
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bars as they are."""
        self._progress.stop()

    def step(self, label: str, done: int, total: int) -> None:
        """Show a step of the stage that is running."""
        if self._open:
            now = f"{label} {done}/{total}"
            self._progress.update(self._tasks[self._open[0]], completed=done, total=total, now=now)

    def finish(self, stage: str) -> None:
        """Fill the bar of a stage and start the next one's."""
        task = self._tasks[stage]
        self._progress.update(task, completed=1, total=1, now="done")
        self._progress.stop_task(task)
        self._open.remove(stage)
        if self._open:
            self._progress.start_task(self._tasks[self._open[0]])


@contextmanager
def _own_terminal() -> Iterator[Console]:
    """A console on a copy of stderr: Dagster redirects the original into its logs while a step runs."""
    with os.fdopen(os.dup(2), "w") as stream:
        yield Console(file=stream)


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None
