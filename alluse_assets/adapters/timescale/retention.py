"""Compressing and dropping what is old: policies where the licence allows, else the same by hand.

What is dropped here is never the only copy.
"""

from __future__ import annotations

from datetime import date, timedelta

from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection
from alluse_assets.adapters.timescale.partitions import drop_partitions
from alluse_assets.adapters.timescale.served_tables import SCHEMA, ServedTable
from alluse_assets.adapters.timescale.statements import bound, qualified

# A chunk is corrected for some weeks (late files, compaction into the lake), then only read.
COLUMNSTORE_AFTER_DAYS = 45


def set_columnstore(connection: Connection, table: ServedTable) -> str:
    """Compress old chunks of a hypertable, on the edition that can; answers what was done."""
    order = [part for part in table.key if part not in ("market", table.symbol)]
    connection.execute(
        sql.SQL(
            "ALTER TABLE {} SET (timescaledb.enable_columnstore, timescaledb.segmentby = {}, "
            "timescaledb.orderby = {})"
        ).format(
            qualified(table.name),
            sql.Literal(f"market, {table.symbol}"),
            # Lower-case words of ours; Timescale reads the list as text.
            sql.Literal(", ".join(order)),
        )
    )
    connection.execute(
        sql.SQL("CALL add_columnstore_policy({}, after => {}, if_not_exists => true)").format(
            _name(table), sql.Literal(timedelta(days=COLUMNSTORE_AFTER_DAYS))
        )
    )
    return f"columnstore for {SCHEMA}.{table.name} after {COLUMNSTORE_AFTER_DAYS} days"


def set_retention(connection: Connection, table: ServedTable, days: int) -> None:
    """Let the edition that can drop rows older than ``days`` by itself; an earlier policy is replaced."""
    with connection.transaction():
        connection.execute(
            sql.SQL("SELECT remove_retention_policy({}, if_exists => true)").format(_name(table))
        )
        connection.execute(
            sql.SQL("SELECT add_retention_policy({}, drop_after => {})").format(
                _name(table), sql.Literal(timedelta(days=days))
            )
        )


def drop_before(connection: Connection, table: ServedTable, day: date, form: str) -> list[str]:
    """Drop all rows of sessions before ``day``, whole chunks or partitions at once, and remember the day.

    Returns:
        What was dropped: names of chunks or partitions, and how many rows beside.
    """
    with connection.transaction():
        # Midnight in UTC is in the evening of New York: nothing of ``day`` itself is as old.
        if form == "partitioned":
            dropped = drop_partitions(connection, table, day)
        else:
            # The cast is for Timescale, which takes any type here.
            cast = sql.SQL("::date" if table.is_by_date else "::timestamptz")
            rows = connection.execute(
                sql.SQL("SELECT drop_chunks({}, older_than => {}{})").format(
                    _name(table), bound(table, day), cast
                )
            ).fetchall()
            dropped = [row[0] for row in rows]
        deleted = connection.execute(
            sql.SQL("DELETE FROM {} WHERE {} < {} AND {} < {}").format(
                qualified(table.name),
                sql.Identifier(table.session),
                sql.Literal(day),
                sql.Identifier(table.time),
                bound(table, day + timedelta(days=2)),
            )
        ).rowcount
        connection.execute(
            "UPDATE market.served_table SET pruned_before = greatest(pruned_before, %s) WHERE name = %s",
            [day, table.name],
        )
    return [*dropped, *([f"{deleted} rows of the next one"] if deleted else [])]


def _name(table: ServedTable) -> sql.Literal:
    return sql.Literal(f"{SCHEMA}.{table.name}")
