"""Runs the weekly cycle in processes that kill themselves at a step.

``python -m tests.orchestration.cycle END STEP ...`` starts one after the other, each killed when the step
that it is given begins, then one that may finish, and prints how each ended. They are forked from a
process that has imported everything and done nothing, which saves each the seconds of importing.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from dagster import DagsterInstance

from alluse_assets.orchestration.dagster_home import dagster_instance
from alluse_assets.orchestration.materialise import StageOutcome, materialise_range
from alluse_assets.orchestration.resources import Desk
from alluse_assets.orchestration.services import open_services

BOOK = "sample"


class Steps:
    """Progress that notes its steps, and kills the process when one begins with ``deadly``."""

    def __init__(self, deadly: str | None = None) -> None:
        self.seen: list[str] = []
        self._deadly = deadly

    def step(self, label: str, done: int, total: int) -> None:
        text = f"{label} {done}/{total}"
        self.seen.append(text)
        if self._deadly and text.startswith(self._deadly):
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def opened(progress: Steps) -> Iterator[tuple[Desk, DagsterInstance]]:
    with (
        open_services(os.environ) as services,
        dagster_instance(services.installation, services.database, os.environ) as instance,
    ):
        yield Desk(services, BOOK, BOOK, progress), instance


def run(end: date, deadly: str | None = None) -> list[StageOutcome]:
    with opened(Steps(deadly)) as (desk, instance):
        return list(materialise_range(desk, instance, None, end))


def state(environment: dict[str, str]) -> dict[str, str]:
    """The journal's head and every file of the lake by its content."""
    lake = Path(environment["ALLUSE_HOME"]) / "lake"
    files = sorted(path for path in lake.rglob("*") if path.suffix in (".parquet", ".json"))
    found = {str(p.relative_to(lake)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    with opened(Steps()) as (desk, _):
        return {**found, "head": desk.services.store.head(BOOK).hash.hex()}


def ending_of(end: date, deadly: str | None) -> int:
    child = os.fork()
    if not child:
        try:
            run(end, deadly)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    import great_expectations  # noqa: F401

    import alluse_assets.orchestration.market_steps  # noqa: F401

    last = date.fromisoformat(sys.argv[1])
    sys.stdout.write(json.dumps([ending_of(last, deadly) for deadly in [*sys.argv[2:], None]]))
