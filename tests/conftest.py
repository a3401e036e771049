"""Real servers for the tests that need one: a throw-away PostgreSQL, and a TimescaleDB where there is one.

All workers, and all test runs of this checkout, share the embedded server; the last one out deletes it. A
server with TimescaleDB is named by ``ALLUSE_TEST_TIMESCALE_URL``; ``.ci/run`` starts one. Each test has a
fresh database.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import settings
from psycopg import sql

from alluse_assets.adapters.postgres.connect import connect_owner
from alluse_assets.adapters.postgres.migrate import migrate, read_migrations
from alluse_assets.adapters.postgres.server import database
from alluse_assets.adapters.timescale import HotStore, open_hot_store
from tests.paths import ROOT

# A machine that is busy with other workers is no reason to fail: time is measured in the benchmarks.
settings.register_profile("alluse", deadline=None)
settings.load_profile("alluse")

TIMESCALE_VARIABLE = "ALLUSE_TEST_TIMESCALE_URL"


def _execute(url: str, statement: str, name: str, template: str = "template1") -> None:
    with connect_owner(url) as connection:
        connection.autocommit = True
        connection.execute(
            sql.SQL(statement).format(name=sql.Identifier(name), template=sql.Identifier(template)).as_bytes()
        )


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The owner's URL of the shared throw-away server; make nothing in its own database."""
    with database(ROOT / ".alluse" / "tests", {}, durable=False) as shared:
        yield shared.url


@pytest.fixture(scope="session")
def timescale_server_url() -> str:
    """The owner's URL of a server with TimescaleDB; make nothing in its own database."""
    url = os.environ.get(TIMESCALE_VARIABLE)
    if not url:
        pytest.skip(f"no server with TimescaleDB: name one in {TIMESCALE_VARIABLE} (docs/contributing.md)")
    return url


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> str:
    """A migrated database to copy, named after the migrations, so that another set makes another one."""
    digest = hashlib.sha256("".join(m.sha256 for m in read_migrations()).encode()).hexdigest()
    name = f"template_{digest[:12]}"
    with connect_owner(postgres_url) as lock:
        lock.execute("SELECT pg_advisory_lock(1)")
        if not lock.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
            # Renamed when it is complete: a test run that was killed here leaves no half-made template.
            unfinished = f"unfinished_{uuid.uuid4().hex}"
            _execute(postgres_url, "CREATE DATABASE {name}", unfinished)
            migrate(_with_database(postgres_url, unfinished))
            _execute(postgres_url, "ALTER DATABASE {name} RENAME TO {template}", unfinished, name)
    return name


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The owner's URL of a database of the test's own, not migrated."""
    yield from _own_database(postgres_url, "template1")


@pytest.fixture
def database_url(postgres_url: str, _template: str) -> Iterator[str]:
    """The owner's URL of a migrated database of the test's own."""
    yield from _own_database(postgres_url, _template)


def _own_database(postgres_url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _execute(postgres_url, "CREATE DATABASE {name} TEMPLATE {template}", name, template)
    try:
        yield _with_database(postgres_url, name)
    finally:
        _execute(postgres_url, "DROP DATABASE IF EXISTS {name} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def migrated_url(postgres_url: str, _template: str) -> Iterator[str]:
    """The owner's URL of one migrated database for all tests of a worker's session."""
    yield from _own_database(postgres_url, _template)


@pytest.fixture
def timescale_url(timescale_server_url: str) -> Iterator[str]:
    """The owner's URL of a migrated database of the test's own, on the server with TimescaleDB."""
    # From the template that nobody can connect to: Timescale's scheduler looks into all the others.
    for url in _own_database(timescale_server_url, "template0"):
        migrate(url)
        yield url


@pytest.fixture
def hot_store(database_url: str) -> HotStore:
    """A hot store of the test's own, on the embedded server."""
    return open_hot_store(database_url)


@pytest.fixture(params=["embedded", "timescale"])
def any_hot_store(request: pytest.FixtureRequest) -> HotStore:
    """A hot store of the test's own, once on each server."""
    url = "database_url" if request.param == "embedded" else "timescale_url"
    return open_hot_store(request.getfixturevalue(url))
