"""Connections to PostgreSQL, and one database's URL in the forms its clients want.

Who connects, in which role and with which session settings; what is asked is the stores' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from alluse_assets.adapters.postgres.server_files import APP_ROLE
from alluse_assets.base.errors import ServerError

CONNECT_SECONDS = 10
DAGSTER_SCHEMA = "dagster"

# The application's role may append to the journal and not change it. Given with the start of the
# session, it is also what RESET ROLE and RESET ALL come back to.
APP_OPTIONS = f"-c role={APP_ROLE} -c timezone=UTC"
OWNER_OPTIONS = "-c timezone=UTC"

Connection = psycopg.Connection[tuple[Any, ...]]
Pool = ConnectionPool[Connection]


@contextmanager
def open_pool(
    url: str, *, application_name: str = "alluse", min_size: int = 1, max_size: int = 8
) -> Iterator[Pool]:
    """A pool of connections in the application's role, closed with the block.

    ``with pool.connection() as connection:`` is one transaction: committed, or rolled back on an error.

    Args:
        url: the database.
        application_name: how the sessions are called in the server's views and log.
        min_size: connections that are kept open.
        max_size: connections at most.

    Raises:
        ServerError: the first connection cannot be made.
    """
    pool = ConnectionPool(
        url,
        kwargs=_session(url, APP_OPTIONS, application_name),
        min_size=min_size,
        max_size=max_size,
        name=application_name,
        open=False,
    )
    # A pool only says that it waited in vain; a single connection says why.
    connect(url, application_name=application_name).close()
    try:
        pool.open(wait=True, timeout=CONNECT_SECONDS)
    except PoolTimeout as error:
        pool.close()
        raise ServerError(f"{described(url)} gave no connection in {CONNECT_SECONDS} s: {error}") from error
    try:
        yield pool
    finally:
        pool.close()


def connect(url: str, *, application_name: str = "alluse") -> Connection:
    """A connection in the application's role; autocommit is off.

    Raises:
        ServerError: it cannot be made.
    """
    return _connect(url, APP_OPTIONS, application_name)


def connect_owner(url: str, *, application_name: str = "alluse owner") -> Connection:
    """A connection in the role the URL names, the owner of the schema: for migrations.

    Raises:
        ServerError: it cannot be made.
    """
    return _connect(url, OWNER_OPTIONS, application_name)


def dagster_storage_url(url: str) -> str:
    """``url`` for Dagster's storage: its tables lie in the schema ``dagster`` of the same database.

    SQLAlchemy takes a plain ``postgresql://`` for psycopg 3, which dagster-postgres cannot use; hence the
    driver in the scheme.

    Args:
        url: a PostgreSQL URL: of a Unix socket, or of hosts and ports, with a password or without.

    Raises:
        ServerError: ``url`` is no PostgreSQL URL.
    """
    # Most processes never need it, and it is slow to import.
    from sqlalchemy.engine import URL

    parts = _parts(url.replace("postgresql+psycopg2://", "postgresql://", 1))
    user, password, database = (parts.pop(name, None) for name in ("user", "password", "dbname"))
    host, port = parts.pop("host", None), parts.pop("port", None)
    options = f"-c search_path={DAGSTER_SCHEMA} -c timezone=UTC"
    query = {**parts, "options": _merged(parts.get("options"), options)}
    if host is not None and (host.startswith("/") or "," in host):
        # SQLAlchemy hands hosts and ports of the query over to libpq as they are.
        query["host"] = host
        if port is not None:
            query["port"] = port
        host = port = None
    return URL.create(
        "postgresql+psycopg2",
        username=user,
        password=password,
        host=host,
        port=None if port is None else int(port),
        database=database,
        query=query,
    ).render_as_string(hide_password=False)


def described(url: str) -> str:
    """What may be shown of ``url``: never the password."""
    parts = _parts(url)
    where = f"{parts.get('host', 'the default host')}:{parts.get('port', '5432')}"
    return f"database {parts.get('dbname', '')} at {where} as {parts.get('user', 'the default user')}"


def _connect(url: str, options: str, application_name: str) -> Connection:
    try:
        return psycopg.connect(url, **_session(url, options, application_name))
    except psycopg.Error as error:
        raise ServerError(
            f"cannot connect to {described(url)}: {str(error).strip()}. Is the server up, is the URL right, "
            "and has the database been migrated (alluse up does it)?"
        ) from error


def _session(url: str, options: str, application_name: str) -> dict[str, Any]:
    return {
        "options": _merged(_parts(url).get("options"), options),
        "application_name": application_name,
        "connect_timeout": CONNECT_SECONDS,
    }


def _merged(existing: str | None, options: str) -> str:
    # The later setting wins, so ours come last.
    return f"{existing} {options}" if existing else options


def _parts(url: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError as error:
        raise ServerError(
            "the database URL cannot be read (it is not shown, it may hold a password): it should look like "
            "postgresql://user:password@host:5432/database"
        ) from error
