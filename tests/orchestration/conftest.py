"""An installation of a test's own: a folder, a database, and Dagster's instance in it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import _own_database


def _environment(home: Path, postgres_url: str, template: str) -> Iterator[dict[str, str]]:
    for url in _own_database(postgres_url, template):
        own = {"ALLUSE_HOME": str(home), "ALLUSE_DATABASE_URL": url, "DAGSTER_HOME": str(home / "dagster")}
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("ALLUSE", "DAGSTER"))]:
                patch.delenv(name)
            for name, value in own.items():
                patch.setenv(name, value)
            yield own


@pytest.fixture(scope="module")
def installation(tmp_path_factory, postgres_url, _template) -> Iterator[dict[str, str]]:
    """The environment of an installation that a module's tests share; it is this process's meanwhile."""
    yield from _environment(tmp_path_factory.mktemp("installation"), postgres_url, _template)


@pytest.fixture
def another_installation(tmp_path, postgres_url, _template) -> Iterator[dict[str, str]]:
    """The environment of an empty installation for one test."""
    yield from _environment(tmp_path, postgres_url, _template)
