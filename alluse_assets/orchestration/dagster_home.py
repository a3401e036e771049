"""Dagster's home of an installation: its folder, its ``dagster.yaml``, and the instance in this process."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alluse_assets.base.errors import ServerError
from alluse_assets.orchestration.installation import Installation

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from alluse_assets.adapters.postgres.server import Database

PROJECT = Path(__file__).resolve().parents[2]
HOME_VARIABLE = "DAGSTER_HOME"


def prepare_dagster_home(installation: Installation) -> Path:
    """Make the folder, with the project's ``dagster.yaml`` in it as it is now.

    Raises:
        ServerError: the project's file is not there, or the folder cannot be written.
    """
    home, source = installation.dagster, PROJECT / "dagster.yaml"
    try:
        text = source.read_bytes()
        home.mkdir(parents=True, exist_ok=True)
        target = home / source.name
        if not target.exists() or target.read_bytes() != text:
            fresh = target.with_suffix(".new")
            fresh.write_bytes(text)
            fresh.replace(target)
    except OSError as error:
        raise ServerError(
            f"Dagster's home {home} cannot be prepared: {error}; run the command from a complete "
            "checkout, and set ALLUSE_HOME to a folder that can be written"
        ) from error
    return home


@contextmanager
def dagster_instance(
    installation: Installation, running: Database, environ: MutableMapping[str, str]
) -> Iterator[DagsterInstance]:
    """The instance whose runs and events are kept in ``running``.

    Sets in ``environ``, the process's own, what Dagster reads there: its home and the database.
    """
    home = prepare_dagster_home(installation)
    environ.update({HOME_VARIABLE: str(home), **running.child_environment})
    from dagster import DagsterInstance

    with DagsterInstance.from_config(str(home)) as instance:
        yield instance
