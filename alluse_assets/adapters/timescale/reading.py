"""Reading rows into columns, as of an instant, through Arrow's PostgreSQL driver: Polars takes its results as
they are.

Which rows are known at an instant is decided here, for every table in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta

import adbc_driver_postgresql.dbapi as adbc
import polars as pl
from psycopg import sql

from alluse_assets.adapters.timescale.aggregates import BARS_DAILY, PREMIUM_30M
from alluse_assets.adapters.timescale.served_tables import ServedTable
from alluse_assets.adapters.timescale.statements import bound, names, qualified
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.errors import DataError, ServerError

# A session's instants lie within its New York date, which no time zone moves by two days.
_SLACK = timedelta(days=2)
_CLOSE = time(16)


def select_rows(
    table: ServedTable,
    market: str,
    start: date | None,
    end: date | None,
    *,
    columns: Sequence[str] | None = None,
    symbols: Collection[str] | None = None,
    as_of: datetime | None = None,
) -> sql.Composed:
    """The query for the rows of ``market`` on the sessions ``start`` to ``end``, known at ``as_of``."""
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(
        names(columns_of(table, columns)),
        qualified(table.name),
        _conditions(table, market, start, end, symbols, as_of),
    )


def select_markets(table: ServedTable) -> sql.Composed:
    """The query for the names of the markets."""
    return sql.SQL("SELECT DISTINCT market FROM {} ORDER BY market").format(qualified(table.name))


def select_sessions(table: ServedTable, market: str) -> sql.Composed:
    """The query for the first and the last session of ``market``."""
    return sql.SQL("SELECT min({0}), max({0}) FROM {1} WHERE market = {2}").format(
        sql.Identifier(table.session), qualified(table.name), sql.Literal(market)
    )


def columns_of(table: ServedTable, asked: Sequence[str] | None) -> list[str]:
    """The columns to read: those asked for, else the description's.

    Raises:
        DataError: one of them is not in the table.
    """
    if asked is None:
        return table.table.names
    for name in asked:
        table.table.column(name)
    return list(asked)


def fetch(conninfo: str, query: sql.Composed, schema: pl.Schema) -> pl.DataFrame:
    """Run ``query`` on a connection of its own.

    Values are composed into it, quoted by psycopg: results of a query with parameters would come row by row.

    Raises:
        ServerError: the server cannot be reached, or refuses.
    """
    try:
        with adbc.connect(conninfo) as connection, connection.cursor() as cursor:
            cursor.execute(query.as_string(None))
            found = pl.from_arrow(cursor.fetch_arrow_table())
    except adbc.Error as error:
        raise ServerError(f"the hot store cannot be read: {str(error).strip()}") from error
    assert isinstance(found, pl.DataFrame)
    return found.cast(dict(schema))  # type: ignore[arg-type]


def _conditions(
    table: ServedTable,
    market: str,
    start: date | None,
    end: date | None,
    symbols: Collection[str] | None,
    as_of: datetime | None,
) -> sql.Composed:
    session, ts = sql.Identifier(table.session), sql.Identifier(table.time)
    parts = [sql.SQL("market = {}").format(sql.Literal(market))]
    # The condition on the time lets the server skip chunks, the one on the session is what was asked.
    if start is not None:
        parts.append(sql.SQL("{} >= {}").format(session, sql.Literal(start)))
        if not table.is_by_date:
            parts.append(sql.SQL("{} >= {}").format(ts, bound(table, start - _SLACK)))
    if end is not None:
        parts.append(sql.SQL("{} <= {}").format(session, sql.Literal(end)))
        if not table.is_by_date:
            parts.append(sql.SQL("{} < {}").format(ts, bound(table, end + _SLACK)))
    if symbols is not None:
        parts.append(
            sql.SQL("{} = ANY({})").format(sql.Identifier(table.symbol), sql.Literal(sorted(symbols)))
        )
    if as_of is not None:
        parts += _known(table, as_of)
    return sql.SQL(" AND ").join(parts)


def _known(table: ServedTable, as_of: datetime) -> list[sql.Composed]:
    """What holds of rows that could be known at ``as_of``.

    A quote is known at its instant, a bar or a summary at its end. A row of a session is known at 16:00 New
    York, the regular close; on a day that ends earlier that is late, never early.
    """
    if as_of.tzinfo is None:
        raise DataError(f"as_of {as_of} has no time zone: say in which it is, for example UTC")
    ts = sql.Identifier(table.time)
    if table.is_by_date or table.name == BARS_DAILY.name:
        local = as_of.astimezone(NEW_YORK)
        last = local.date() if local.time() >= _CLOSE else local.date() - timedelta(days=1)
        closed = sql.SQL("{} <= {}").format(sql.Identifier(table.session), sql.Literal(last))
        return [closed] if table.is_by_date else [closed, _at_most(ts, as_of)]
    if table.name == PREMIUM_30M.name:
        return [_at_most(ts, as_of - timedelta(minutes=30))]
    if "minutes" in table.table.names:
        ended = sql.SQL("{} + minutes * interval '1 minute' <= {}").format(ts, sql.Literal(as_of))
        return [_at_most(ts, as_of), ended]
    return [_at_most(ts, as_of)]


def _at_most(ts: sql.Identifier, instant: datetime) -> sql.Composed:
    return sql.SQL("{} <= {}").format(ts, sql.Literal(instant))
