"""The hot store as one object: what can be written, read, summarised and dropped.

Each call is a connection of its own, so that a process that was forked, or a server that was started anew,
needs no care. What the statements are is in the modules beside; what is served in ``served_tables``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import psycopg
from psycopg.conninfo import make_conninfo

from alluse_assets.adapters.postgres.connect import APP_OPTIONS, Connection, connect, described
from alluse_assets.adapters.timescale.aggregates import AGGREGATES, refresh
from alluse_assets.adapters.timescale.edition import (
    Edition,
    Feature,
    create_extension,
    edition_of,
    features_of,
)
from alluse_assets.adapters.timescale.reading import (
    columns_of,
    fetch,
    select_markets,
    select_rows,
    select_sessions,
)
from alluse_assets.adapters.timescale.retention import drop_before, set_retention
from alluse_assets.adapters.timescale.schema import HYPERTABLE, PARTITIONED, bring_up_to_date, forms_of
from alluse_assets.adapters.timescale.served_tables import SERVED, served
from alluse_assets.adapters.timescale.writing import Replaced, Upserted, replace_sessions, upsert
from alluse_assets.base.errors import ServerError
from alluse_assets.base.table_catalog import Table

_NAME = "alluse hot store"


@dataclass(frozen=True, slots=True)
class HotStore:
    """The hot store of one database; ``open_hot_store`` makes it.

    Attributes:
        url: the database.
        edition: what its server can do.
        forms: the form of each table, by name.
        changes: what opening it has made or changed, for the log.
    """

    url: str
    edition: Edition
    forms: dict[str, str]
    changes: tuple[str, ...] = ()

    def serves(self, table: Table) -> bool:
        """Whether ``table`` is here at all."""
        return table.name in self.forms

    def features(self) -> list[Feature]:
        """What of TimescaleDB is on here, and what stands in for the rest."""
        return features_of(self.edition)

    def upsert(self, table: Table, market: str, frame: pl.DataFrame) -> Upserted:
        """Insert what is new, change what differs, leave the rest alone: late rows may come at any time.

        Raises:
            DataError: ``frame`` does not fit the description or has a key twice.
            ServerError: the server cannot be reached, or refuses.
        """
        with _session(self.url) as connection:
            return upsert(
                connection, served(table), market, frame, partitioned=self.forms[table.name] == PARTITIONED
            )

    def replace_sessions(
        self,
        table: Table,
        market: str,
        days: Collection[date],
        frame: pl.DataFrame,
        *,
        symbols: Collection[str] | None = None,
    ) -> Replaced:
        """Make ``frame`` all there is of the sessions ``days`` (of ``symbols``, if given).

        Raises:
            DataError: ``frame`` does not fit, has a key twice, or has rows of other sessions or symbols.
            ServerError: the server cannot be reached, or refuses.
        """
        with _session(self.url) as connection:
            return replace_sessions(
                connection,
                served(table),
                market,
                days,
                frame,
                symbols=symbols,
                partitioned=self.forms[table.name] == PARTITIONED,
            )

    def read(
        self,
        table: Table,
        market: str,
        start: date | None = None,
        end: date | None = None,
        *,
        columns: Sequence[str] | None = None,
        symbols: Collection[str] | None = None,
        as_of: datetime | None = None,
    ) -> pl.DataFrame:
        """Rows of the sessions ``start`` to ``end`` that were known at ``as_of``, sorted by the table's key.

        Raises:
            DataError: a column is not in the table, or ``as_of`` has no time zone.
            ServerError: the server cannot be reached, or refuses.
        """
        wanted = columns_of(served(table), columns)
        fetched = list(dict.fromkeys([*wanted, *table.key]))
        query = select_rows(served(table), market, start, end, columns=fetched, symbols=symbols, as_of=as_of)
        schema = pl.Schema({name: table.schema[name] for name in fetched})
        return fetch(_conninfo(self.url), query, schema).sort(table.key).select(wanted)

    def sessions(self, table: Table, market: str) -> tuple[date, date] | None:
        """The first and the last session that there is a row of; None when there is none.

        Raises:
            ServerError: the server cannot be reached, or refuses.
        """
        with _session(self.url) as connection:
            row = connection.execute(select_sessions(served(table), market)).fetchone()
        return (row[0], row[1]) if row and row[0] else None

    def markets(self, table: Table) -> list[str]:
        """The markets that there is a row of, by name.

        Raises:
            ServerError: the server cannot be reached, or refuses.
        """
        with _session(self.url) as connection:
            return [row[0] for row in connection.execute(select_markets(served(table)))]

    def refresh(self, start: date, end: date) -> None:
        """Make the summaries of the sessions ``start`` to ``end`` anew; twice is as good as once.

        Raises:
            ServerError: the server cannot be reached, or refuses.
        """
        with _session(self.url) as connection:
            connection.autocommit = True
            for aggregate in AGGREGATES:
                refresh(connection, aggregate, start, end, self.forms[aggregate.served.name])

    def keep_for(self, days: int) -> None:
        """Let the server drop live rows older than ``days`` by itself, where it can.

        Raises:
            ServerError: the server cannot be reached, or refuses.
        """
        with _session(self.url) as connection:
            for table in SERVED:
                if table.is_live and self.edition.has_everything and self.forms[table.name] == HYPERTABLE:
                    set_retention(connection, table, days)

    def prune(self, before: date) -> list[str]:
        """Drop the rows of live tables of sessions before ``before``; answers what was dropped.

        Whoever calls has made sure that the lake has them: see ``LiveMarket.prune``.

        Raises:
            ServerError: the server cannot be reached, or refuses.
        """
        dropped = []
        with _session(self.url) as connection:
            for table in SERVED:
                if table.is_live:
                    dropped += drop_before(connection, table, before, self.forms[table.name])
        return dropped


def open_hot_store(url: str) -> HotStore:
    """The hot store of a migrated database, its tables made or brought up to date.

    Args:
        url: the database; its user is the schema's owner.

    Raises:
        ServerError: the server refuses, or a table cannot be changed to what its description says.
    """
    created = create_extension(url)
    with _session(url) as connection:
        edition = edition_of(connection)
        connection.rollback()
        done = bring_up_to_date(connection, edition)
        forms = forms_of(connection)
    return HotStore(url, edition, forms, tuple(([created] if created else []) + done))


def open_for_reading(url: str) -> HotStore:
    """The hot store as it is, nothing made or changed: for whoever only looks.

    Raises:
        ServerError: the server cannot be reached, or the database has no hot store yet.
    """
    with _session(url) as connection:
        return HotStore(url, edition_of(connection), forms_of(connection))


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    """A connection in the application's role, closed with the block; what fails is told in our words."""
    connection = connect(url, application_name=_NAME)
    try:
        yield connection
    except psycopg.Error as error:
        raise ServerError(f"{described(url)}: the hot store: {str(error).strip()}") from error
    finally:
        connection.close()


def _conninfo(url: str) -> str:
    """``url`` for Arrow's driver, in the application's role."""
    return make_conninfo(url, options=APP_OPTIONS, application_name=_NAME)
