"""What the server can do: which TimescaleDB it has, and what stands in for what it has not.

Only asks; what follows from the answer is in ``schema``, ``aggregates`` and ``retention``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import psycopg

from alluse_assets.adapters.postgres.connect import Connection, connect_owner

Kind = Literal["none", "apache", "full"]


@dataclass(frozen=True, slots=True)
class Edition:
    """The server, as far as the hot store cares.

    Attributes:
        kind: no TimescaleDB in this database, its Apache edition, or the one with all features.
        version: TimescaleDB's; empty without it.
        server_version: PostgreSQL's.
        can_be_created: TimescaleDB is loaded into the server, but not created in this database.
    """

    kind: Kind
    version: str
    server_version: str
    can_be_created: bool = False

    @property
    def has_hypertables(self) -> bool:
        """Whether tables are hypertables."""
        return self.kind != "none"

    @property
    def has_everything(self) -> bool:
        """Whether columnstore, continuous aggregates and policies work."""
        return self.kind == "full"

    @property
    def described(self) -> str:
        """For people."""
        if self.kind == "none":
            return f"PostgreSQL {self.server_version} without TimescaleDB"
        licence = "Apache edition" if self.kind == "apache" else "edition with all features"
        return f"TimescaleDB {self.version}, {licence}, in PostgreSQL {self.server_version}"


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that TimescaleDB can do. ``stand_in`` says what does it where it is off."""

    name: str
    is_on: bool
    reason: str
    stand_in: str = ""


def edition_of(connection: Connection) -> Edition:
    """What the database of ``connection`` has."""
    row = connection.execute(
        """
        SELECT current_setting('server_version'),
               (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
               current_setting('timescaledb.license', true),
               current_setting('timescaledb.disable_load', true) IS NOT NULL
        """
    ).fetchone()
    assert row
    server_version, version, licence, is_loaded = row
    if version is None:
        return Edition("none", "", server_version, can_be_created=is_loaded)
    return Edition("full" if licence == "timescale" else "apache", version, server_version)


def features_of(edition: Edition) -> list[Feature]:
    """Each feature, on or off, why, and what stands in for it."""
    if edition.kind == "none":
        why = (
            "TimescaleDB is in the server but not created in this database"
            if edition.can_be_created
            else "the server has no TimescaleDB"
        )
    else:
        why = edition.described
    licence = why if edition.kind == "none" else f"the Apache edition of {edition.version} refuses it"
    full = edition.has_everything
    return [
        Feature("hypertables", edition.has_hypertables, why, "tables partitioned by month or year"),
        Feature("columnstore", full, why if full else licence, "rows as they are; the lake is compressed"),
        Feature("continuous aggregates", full, why if full else licence, "tables, by the same refresh"),
        Feature("retention policies", full, why if full else licence, "the job prune, on a schedule"),
    ]


def create_extension(url: str) -> str:
    """Create TimescaleDB in a database whose server has it loaded; answers what happened, or nothing.

    A server that has the files but does not load them would end the connection, so that is not tried.
    """
    with connect_owner(url, application_name="alluse hot store") as connection:
        if not edition_of(connection).can_be_created:
            return ""
        try:
            with connection.transaction():
                # Its greeting is a warning.
                connection.execute("SET LOCAL client_min_messages = error")
                connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        except psycopg.Error as error:
            return f"TimescaleDB was not created, tables are native: {str(error).strip()}"
        return "created the extension timescaledb"
