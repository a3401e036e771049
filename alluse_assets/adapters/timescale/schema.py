"""Brings the hot store's tables up to date with their descriptions.

A table remembers in which form it was made and which description it agrees with (``market.served_table``).
New columns are added; what cannot be changed in place is refused with what to do. Statements only; rows
are moved elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import LiteralString

from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection
from alluse_assets.adapters.timescale.aggregates import AGGREGATES, create_continuous_aggregate
from alluse_assets.adapters.timescale.edition import Edition
from alluse_assets.adapters.timescale.locks import lock_table
from alluse_assets.adapters.timescale.retention import set_columnstore
from alluse_assets.adapters.timescale.served_tables import SCHEMA, SERVED, ServedTable
from alluse_assets.adapters.timescale.statements import (
    column_type,
    comments,
    create_hypertable,
    create_table,
    qualified,
)
from alluse_assets.base.errors import ServerError

HYPERTABLE, PARTITIONED, AGGREGATE = "hypertable", "partitioned", "continuous aggregate"

# What information_schema calls the types of statements.column_type.
_TYPES = """
SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s
"""
_KEY = """
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indisprimary AND i.indrelid = %s::regclass
"""


def bring_up_to_date(
    connection: Connection,
    edition: Edition,
    tables: Iterable[ServedTable] = SERVED,
) -> list[str]:
    """Make and change what has to be; answers what was done, and nothing when all was well.

    Processes that do this at once wait for each other.

    Raises:
        ServerError: a table in the database has another key or type than its description.
    """
    done = []
    with connection.transaction():
        lock_table(connection, "schema")
        forms = forms_of(connection)
        prints = _texts(connection, "SELECT name, fingerprint FROM market.served_table")
        for table in tables:
            if prints.get(table.name) == _fingerprint(table):
                continue
            form = forms.get(table.name) or (HYPERTABLE if edition.has_hypertables else PARTITIONED)
            if table.name in forms:
                done += _change(connection, table)
            else:
                done += _make(connection, table, form)
            if edition.has_everything and form == HYPERTABLE:
                done.append(set_columnstore(connection, table))
            _remember(connection, table, form)
        for aggregate in AGGREGATES:
            table = aggregate.served
            if prints.get(table.name) == _fingerprint(table):
                continue
            if table.name in forms:
                raise ServerError(
                    f"{SCHEMA}.{table.name} was made by another version and cannot be changed in place: "
                    f"drop it, delete its row in {SCHEMA}.served_table, and refresh it"
                )
            if edition.has_everything and forms.get(aggregate.source.name, HYPERTABLE) == HYPERTABLE:
                create_continuous_aggregate(connection, aggregate)
                form = AGGREGATE
                done.append(f"made the continuous aggregate {SCHEMA}.{table.name}")
            else:
                form = HYPERTABLE if edition.has_hypertables else PARTITIONED
                done += _make(connection, table, form)
            _remember(connection, table, form)
    return done


def forms_of(connection: Connection) -> dict[str, str]:
    """The form each table was made in, by name."""
    return _texts(connection, "SELECT name, form FROM market.served_table ORDER BY name")


def _make(connection: Connection, table: ServedTable, form: str) -> list[str]:
    connection.execute(create_table(table, partitioned=form == PARTITIONED))
    if form == HYPERTABLE:
        connection.execute(create_hypertable(table))
    # Of one ticker over a long time; the key serves all tickers at one time.
    connection.execute(
        sql.SQL("CREATE INDEX ON {} (market, {}, {})").format(
            qualified(table.name), sql.Identifier(table.symbol), sql.Identifier(table.time)
        )
    )
    for comment in comments(table):
        connection.execute(comment)
    return [f"made the {form} table {SCHEMA}.{table.name}"]


def _change(connection: Connection, table: ServedTable) -> list[str]:
    there = _texts(connection, _TYPES, SCHEMA, table.name)
    remedy = (
        f"drop it, delete its row in {SCHEMA}.served_table, and serve it again from the lake "
        "(nothing is kept in the hot store only)"
    )
    row = connection.execute(_KEY, [f"{SCHEMA}.{table.name}"]).fetchone()
    key = tuple(row[0] or ()) if row else ()
    if key != table.key:
        raise ServerError(
            f"{SCHEMA}.{table.name} has the key {', '.join(key)}, its description {', '.join(table.key)}: "
            f"{remedy}"
        )
    done = []
    for column in table.columns:
        wanted = column_type(column)
        if column.name not in there:
            # Rows that are there have no value for it, whatever the description says.
            connection.execute(
                sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                    qualified(table.name), sql.Identifier(column.name), sql.SQL(wanted)
                )
            )
            done.append(f"added the column {column.name} to {SCHEMA}.{table.name}, null in the rows so far")
        elif there[column.name] != wanted.split(" COLLATE")[0]:
            raise ServerError(
                f"{SCHEMA}.{table.name}.{column.name} is {there[column.name]}, "
                f"its description says {wanted}: {remedy}"
            )
    known = {column.name for column in table.columns}
    for name in sorted(there.keys() - known):
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(
                qualified(table.name), sql.Identifier(name)
            )
        )
        done.append(f"kept {SCHEMA}.{table.name}.{name}, which is no longer described, and let it be null")
    for comment in comments(table):
        connection.execute(comment)
    return done


def _texts(connection: Connection, query: LiteralString, *values: str) -> dict[str, str]:
    """The two text columns of a query, the first as keys."""
    return {row[0]: row[1] for row in connection.execute(query, values)}


def _remember(connection: Connection, table: ServedTable, form: str) -> None:
    connection.execute(
        "INSERT INTO market.served_table (name, form, fingerprint) VALUES (%s, %s, %s) "
        "ON CONFLICT (name) DO UPDATE SET form = excluded.form, fingerprint = excluded.fingerprint, "
        "changed_at = now()",
        [table.name, form, _fingerprint(table)],
    )


def _fingerprint(table: ServedTable) -> str:
    columns = [[c.name, column_type(c), c.nullable, c.description, c.unit] for c in table.columns]
    text = json.dumps([table.name, table.span, table.key, table.table.description, columns])
    return hashlib.sha256(text.encode()).hexdigest()
