"""The hot store's SQL that follows from a table's description: types, tables, partitions.

Names and values are composed by psycopg, never formatted in. Nothing here is executed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from psycopg import sql

from alluse_assets.adapters.timescale.served_tables import SCHEMA, ServedTable, Span
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Column

# Ordering by bytes is the lake's order as well, and three times as fast as a language's.
_TEXT = 'text COLLATE "C"'
_CHUNK_DAYS = {"month": 30, "year": 365}


def qualified(name: str) -> sql.Identifier:
    """``name`` in the hot store's schema."""
    return sql.Identifier(SCHEMA, name)


def names(columns: tuple[str, ...] | list[str], prefix: str | None = None) -> sql.Composed:
    """A list of columns, each of ``prefix`` if there is one."""
    parts = [sql.Identifier(prefix, name) if prefix else sql.Identifier(name) for name in columns]
    return sql.SQL(", ").join(parts)


def column_type(column: Column) -> str:
    """PostgreSQL's type for a column of the catalogue.

    Raises:
        DataError: there is none.
    """
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone == "UTC":
        return "timestamp with time zone"
    for ours, theirs in (
        (pl.String, _TEXT),
        (pl.Float64, "double precision"),
        (pl.Int64, "bigint"),
        (pl.Int32, "integer"),
        (pl.Date, "date"),
        (pl.Boolean, "boolean"),
    ):
        if dtype == ours:
            return theirs
    raise DataError(f"column {column.name}: the hot store has no type for {dtype}")


def create_table(table: ServedTable, *, partitioned: bool) -> sql.Composed:
    """The table itself; with ``partitioned`` by range of its time column, without a partition."""
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column_type(column)),
            sql.SQL("" if column.nullable and column.name not in table.key else " NOT NULL"),
        )
        for column in table.columns
    ]
    text = sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
        qualified(table.name), sql.SQL(", ").join(columns), names(table.key)
    )
    if partitioned:
        text += sql.SQL(" PARTITION BY RANGE ({})").format(sql.Identifier(table.time))
    return text


def create_hypertable(table: ServedTable) -> sql.Composed:
    """Make a table that was just created a hypertable."""
    return sql.SQL("SELECT create_hypertable({}, by_range({}, {}), create_default_indexes => false)").format(
        sql.Literal(f"{SCHEMA}.{table.name}"),
        sql.Literal(table.time),
        sql.Literal(timedelta(days=_CHUNK_DAYS[table.span])),
    )


def comments(table: ServedTable) -> list[sql.Composed]:
    """The descriptions, where every database tool shows them."""
    found = [
        sql.SQL("COMMENT ON TABLE {} IS {}").format(
            qualified(table.name), sql.Literal(f"{table.table.description} One row is {table.table.grain}.")
        )
    ]
    for column in table.columns:
        unit = f" [{column.unit}]" if column.unit else ""
        found.append(
            sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                sql.Identifier(SCHEMA, table.name, column.name), sql.Literal(column.description + unit)
            )
        )
    return found


def partition_name(table: ServedTable, first: date) -> str:
    """The native partition that begins at ``first``."""
    return f"{table.name}_{first:%Y_%m}" if table.span == "month" else f"{table.name}_{first:%Y}"


def span_start(span: Span, day: date) -> date:
    """The first day of the month or year of ``day``."""
    return day.replace(day=1) if span == "month" else day.replace(month=1, day=1)


def next_span(span: Span, first: date) -> date:
    """The first day of the month or year after the one that begins at ``first``."""
    if span == "year" or first.month == 12:
        return date(first.year + 1, 1, 1)
    return first.replace(month=first.month + 1)


def bound(table: ServedTable, day: date) -> sql.Literal:
    """``day`` as a limit of the table's time column; of an instant it is midnight in UTC."""
    return sql.Literal(day if table.is_by_date else datetime.combine(day, time.min, UTC))
