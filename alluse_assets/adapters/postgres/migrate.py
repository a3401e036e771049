"""Brings the schema up to date: numbered SQL files, each applied once, in order.

The files are in ``migrations`` and called ``NNNN_name.sql``. An applied file is never edited: its
checksum is recorded, and a difference stops everything. What the tables mean is said in the files.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import psycopg

from alluse_assets.adapters.postgres.connect import Connection, connect_owner, described
from alluse_assets.base.errors import ServerError

MIGRATIONS = resources.files("alluse_assets.adapters.postgres") / "migrations"
FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

# Any number that no other program takes for an advisory lock in the same database.
ADVISORY_LOCK = 0x616C6C757365


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name without the ending, its text and the text's SHA-256."""

    number: int
    name: str
    text: str
    sha256: str


def migrate(url: str, *, folder: Traversable = MIGRATIONS) -> list[str]:
    """Applies what is missing, each file in a transaction of its own; answers the names of what it applied.

    Two processes may do this at once: the second waits for the first and finds nothing left to do.

    Args:
        url: the database; its user becomes the owner of the schema.
        folder: where the files are.

    Raises:
        ServerError: a file fails, was changed after it was applied, or is missing; or the database is
            newer than the files. The database is left as the last complete file left it.
    """
    migrations = read_migrations(folder)
    step = "reading what has been applied"
    try:
        with connect_owner(url, application_name="alluse migrate") as connection:
            if not _missing(connection, migrations):
                return []
            connection.commit()
            connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            # Only a new transaction hears of the tables that whoever had the lock has made.
            connection.commit()
            missing = _missing(connection, migrations)
            connection.commit()
            for migration in missing:
                step = f"migration {migration.name}"
                _apply(connection, migration)
    except psycopg.Error as error:
        raise ServerError(
            f"{described(url)}: {step} failed and was rolled back: {str(error).strip()}"
        ) from error
    return [migration.name for migration in missing]


def read_migrations(folder: Traversable = MIGRATIONS) -> list[Migration]:
    """The files in order.

    Raises:
        ServerError: a name is wrong, or a number is missing or there twice.
    """
    migrations = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        match = FILE_NAME.fullmatch(entry.name)
        if match is None:
            raise ServerError(f"migration {entry.name}: its name must look like 0001_what_it_does.sql")
        content = entry.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        migrations.append(Migration(int(match[1]), entry.name.removesuffix(".sql"), content.decode(), digest))
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise ServerError(f"migration {migration.name}: number {expected:04d} was expected at its place")
    return migrations


def _missing(connection: Connection, migrations: list[Migration]) -> list[Migration]:
    row = connection.execute("SELECT to_regclass('alluse.migration') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return migrations
    applied = connection.execute(
        "SELECT number, name, sha256 FROM alluse.migration ORDER BY number"
    ).fetchall()
    if len(applied) > len(migrations):
        raise ServerError(
            f"the database has {len(applied)} migrations, the last being {applied[-1][1]}, but this version "
            f"of alluse knows {len(migrations)}: use a version that is as new as the database"
        )
    for (number, name, sha256), migration in zip(applied, migrations, strict=False):
        if (number, name) != (migration.number, migration.name):
            raise ServerError(
                f"the database has migration {number:04d} as {name}, the files as {migration.name}: "
                "this database was made by another line of versions"
            )
        if sha256 != migration.sha256:
            raise ServerError(
                f"migration {name} was changed after it had been applied to this database: "
                "put the file back as it was, and make the change in a new one"
            )
    return migrations[len(applied) :]


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.text.encode())
        connection.execute(
            "INSERT INTO alluse.migration (number, name, sha256) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.sha256],
        )
