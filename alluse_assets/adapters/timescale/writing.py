"""Writing rows: an upsert, or new rows for whole sessions. Each is one transaction: old or new, never half.

One writer a table and market at a time; readers see what was before until the end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection
from alluse_assets.adapters.timescale.binary_copy import copy_rows
from alluse_assets.adapters.timescale.locks import lock_table
from alluse_assets.adapters.timescale.partitions import make_partitions
from alluse_assets.adapters.timescale.served_tables import MARKET, ServedTable
from alluse_assets.adapters.timescale.statements import bound, names, qualified
from alluse_assets.base.errors import DataError

_STAGING = sql.Identifier("alluse_staging")
# A session's instants lie within its New York date, which no time zone moves by two days.
_SLACK = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many rows were new, changed, and there already with the same values."""

    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """How many rows went and how many came."""

    removed: int
    inserted: int


def upsert(
    connection: Connection, table: ServedTable, market: str, frame: pl.DataFrame, *, partitioned: bool
) -> Upserted:
    """Insert what is new, change what differs, leave the rest alone.

    Raises:
        DataError: ``frame`` does not fit the table's description, or has a key twice.
    """
    rows = _prepared(table, market, frame)
    if rows.is_empty():
        return Upserted(0, 0, 0)
    if partitioned:
        _make_room(connection, table, rows)
    with connection.transaction():
        lock_table(connection, table.name, market)
        low, high = rows[table.time].min(), rows[table.time].max()
        target, time = qualified(table.name), sql.Identifier(table.time)
        within = sql.SQL("t.market = {} AND t.{} BETWEEN {} AND {}").format(
            sql.Literal(market), time, sql.Literal(low), sql.Literal(high)
        )
        there = connection.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {} t WHERE {})").format(target, within)
        ).fetchone()
        if there and not there[0]:
            copy_rows(connection, target, rows)
            return Upserted(rows.height, 0, 0)
        _stage(connection, target, rows)
        updated = _update(connection, table, within)
        inserted = connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} s ON CONFLICT ({}) DO NOTHING").format(
                target, names(rows.columns), names(rows.columns, "s"), _STAGING, names(table.key)
            )
        ).rowcount
        connection.execute(sql.SQL("DROP TABLE {}").format(_STAGING))
    return Upserted(inserted, updated, rows.height - inserted - updated)


def replace_sessions(
    connection: Connection,
    table: ServedTable,
    market: str,
    days: Collection[date],
    frame: pl.DataFrame,
    *,
    symbols: Collection[str] | None = None,
    partitioned: bool,
) -> Replaced:
    """Remove all rows of the sessions ``days`` (of ``symbols`` only, if given) and insert ``frame``.

    Raises:
        DataError: ``frame`` does not fit the description, has a key twice, or rows of other sessions or
            symbols.
    """
    rows = _prepared(table, market, frame)
    strays = rows.filter(~pl.col(table.session).is_in(list(days)))
    if symbols is not None:
        strays = strays.vstack(rows.filter(~pl.col(table.symbol).is_in(list(symbols))))
    if not strays.is_empty():
        session, symbol = strays.select(table.session, table.symbol).row(0)
        raise DataError(
            f"table {table.name}: {strays.height} rows are not of the sessions or symbols to be replaced, "
            f"the first of {symbol} on {session}; nothing was changed"
        )
    if not days:
        return Replaced(0, 0)
    if partitioned:
        _make_room(connection, table, rows)
    with connection.transaction():
        lock_table(connection, table.name, market)
        condition = sql.SQL("market = %s AND {} = ANY(%s) AND {} >= {} AND {} < {}").format(
            sql.Identifier(table.session),
            sql.Identifier(table.time),
            bound(table, min(days) - _SLACK),
            sql.Identifier(table.time),
            bound(table, max(days) + _SLACK),
        )
        values: list[Any] = [market, sorted(days)]
        if symbols is not None:
            condition += sql.SQL(" AND {} = ANY(%s)").format(sql.Identifier(table.symbol))
            values.append(sorted(symbols))
        removed = connection.execute(
            sql.SQL("DELETE FROM {} WHERE {}").format(qualified(table.name), condition), values
        ).rowcount
        copy_rows(connection, qualified(table.name), rows)
    return Replaced(removed, rows.height)


def _prepared(table: ServedTable, market: str, frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` in the table's form, in the order of its key, which indexes like best."""
    rows = table.table.conform(frame).sort(table.table.key)
    for column in table.table.columns:
        if (not column.nullable or column.name in table.key) and rows[column.name].null_count():
            raise DataError(
                f"table {table.name}: {rows[column.name].null_count()} rows have no {column.name}, "
                "which every row must have; nothing was written"
            )
    if rows.height > 1:
        keys = rows.select(table.table.key)
        again = pl.all_horizontal(pl.col(name).eq(pl.col(name).shift(1)) for name in keys.columns)
        twice = keys.filter(again)
        if not twice.is_empty():
            raise DataError(
                f"table {table.name}: {twice.height} keys are there twice, the first is "
                f"{', '.join(str(value) for value in twice.row(0))}; nothing was written"
            )
    return rows.select(pl.lit(market).alias(MARKET.name), pl.all())


def _make_room(connection: Connection, table: ServedTable, rows: pl.DataFrame) -> None:
    every = "1mo" if table.span == "month" else "1y"
    days = rows[table.time] if table.is_by_date else rows[table.time].dt.date()
    firsts = days.dt.truncate(every).unique().sort().to_list()
    with connection.transaction():
        lock_table(connection, table.name)
        make_partitions(connection, table, firsts)


def _stage(connection: Connection, target: sql.Identifier, rows: pl.DataFrame) -> None:
    connection.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(_STAGING, target))
    copy_rows(connection, _STAGING, rows)
    # Without it the server takes the table for a small one, and joins row by row.
    connection.execute(sql.SQL("ANALYZE {}").format(_STAGING))


def _update(connection: Connection, table: ServedTable, within: sql.Composed) -> int:
    values = [column.name for column in table.columns if column.name not in table.key]
    same_key = sql.SQL(" AND ").join(
        sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in table.key
    )
    settings = sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in values)
    return connection.execute(
        sql.SQL("UPDATE {} t SET {} FROM {} s WHERE {} AND {} AND ROW({}) IS DISTINCT FROM ROW({})").format(
            qualified(table.name),
            settings,
            _STAGING,
            same_key,
            within,
            names(values, "t"),
            names(values, "s"),
        )
    ).rowcount
