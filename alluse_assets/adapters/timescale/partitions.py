"""The native partitions of a server without TimescaleDB: made when rows come for them, dropped whole.

Which rows lie where is PostgreSQL's business.
"""

from __future__ import annotations

from datetime import date

from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection
from alluse_assets.adapters.timescale.served_tables import SCHEMA, ServedTable
from alluse_assets.adapters.timescale.statements import bound, next_span, partition_name, qualified

_PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass ORDER BY c.relname
"""


def make_partitions(connection: Connection, table: ServedTable, firsts: list[date]) -> None:
    """Make the native partitions that begin at ``firsts`` and are not there.

    Attached, not created in place, so that readers of the table do not wait. An empty one that is left by
    a kill is what the next write makes use of.
    """
    there = {row[0] for row in connection.execute(_PARTITIONS, [f"{SCHEMA}.{table.name}"]).fetchall()}
    for first in firsts:
        name = partition_name(table, first)
        if name in there:
            continue
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(
                qualified(name), qualified(table.name)
            )
        )
        connection.execute(
            sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                qualified(table.name),
                qualified(name),
                bound(table, first),
                bound(table, next_span(table.span, first)),
            )
        )


def drop_partitions(connection: Connection, table: ServedTable, day: date) -> list[str]:
    """Drop the partitions that end at ``day`` or before; answers their names."""
    dropped = []
    for (name,) in connection.execute(_PARTITIONS, [f"{SCHEMA}.{table.name}"]).fetchall():
        digits = name.removeprefix(f"{table.name}_").split("_")
        first = date(int(digits[0]), int(digits[1]) if len(digits) > 1 else 1, 1)
        if next_span(table.span, first) <= day:
            connection.execute(sql.SQL("DROP TABLE {}").format(qualified(name)))
            dropped.append(f"{SCHEMA}.{name}")
    return dropped
