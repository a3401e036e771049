"""Summaries of live tables that outlive them: premiums by half hour, bars by day.

Continuous aggregates where the edition has them; elsewhere tables with the same columns, which the same
``refresh`` fills with the same rows. Both show what was refreshed, never more, and keep it when the rows
they were made from are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl
from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection
from alluse_assets.adapters.timescale.locks import lock_table
from alluse_assets.adapters.timescale.partitions import make_partitions
from alluse_assets.adapters.timescale.served_tables import SCHEMA, SERVED, ServedTable
from alluse_assets.adapters.timescale.statements import names, next_span, qualified, span_start
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.market_data.tables import INTRADAY_BARS
from alluse_assets.option_chains.tables import OPTION_TICKS

_UTC = pl.Datetime("us", "UTC")
_USD = "USD per share"


def _price(name: str, description: str) -> Column:
    return Column(name, pl.Float64, description, _USD, low=0)


PREMIUM_30M = Table(
    name="premium_30m",
    description="Option premiums of half hours, from the live quotes.",
    grain="one contract in one half hour",
    layer="out",
    key=("bucket", "contract_symbol"),
    columns=(
        Column("bucket", _UTC, "Instant at which the half hour begins.", "UTC"),
        Column("session", pl.Date, "Trading session: the New York date.", "date"),
        Column("underlying", pl.String, "Ticker of the share or index the option is on."),
        Column("contract_symbol", pl.String, "Compact OCC symbol of the contract."),
        *(
            _price(f"{which}_{what}", f"The {which} {text} of the half hour.")
            for what, text in (("bid", "bid"), ("ask", "ask"), ("mid", "half of bid plus ask"))
            for which in ("first", "last")
        ),
        _price("mean_mid", "Mean over its quotes of half of bid plus ask."),
        _price("mean_spread", "Mean over its quotes of ask less bid."),
        Column("quotes", pl.Int64, "Quotes in the half hour.", "quotes", low=1),
    ),
)

BARS_DAILY = Table(
    name="bars_daily",
    description="Daily bars put together from bars of minutes.",
    grain="one symbol on one session, from bars of one length",
    layer="out",
    key=("bucket", "symbol", "minutes"),
    columns=(
        Column("bucket", _UTC, "Midnight in New York at which the session's day begins.", "UTC"),
        Column("session", pl.Date, "Trading session: the New York date.", "date"),
        Column("symbol", pl.String, "Ticker of the share or index."),
        Column("minutes", pl.Int32, "Length of the bars it was made from.", "minutes", low=1),
        _price("open", "First price."),
        _price("high", "Highest price."),
        _price("low", "Lowest price."),
        _price("close", "Last price."),
        Column("volume", pl.Int64, "Shares traded; null where no bar has it.", "shares", True, low=0),
        Column("bars", pl.Int64, "Bars it was made from.", "bars", low=1),
    ),
)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A summary: the table it is in, the table it is made from, and the expressions of its columns.

    ``bucket`` and ``grouped`` make the groups. The expressions use ``first`` and ``last`` of Timescale;
    ``native`` says the same to a server without it.
    """

    served: ServedTable
    source: ServedTable
    bucket: str
    native_bucket: str
    grouped: tuple[str, ...]
    values: tuple[str, ...]
    native_values: tuple[str, ...]


def _served(table: Table) -> ServedTable:
    return next(one for one in SERVED if one.name == table.name)


def _ends(expression: str, ts: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """First and last in time: Timescale's words, and PostgreSQL's own."""
    return (
        (f"first({expression}, {ts})", f"last({expression}, {ts})"),
        (
            f"(array_agg({expression} ORDER BY {ts}))[1]",
            f"(array_agg({expression} ORDER BY {ts} DESC))[1]",
        ),
    )


_MID = "(bid + ask) / 2"
_PREMIUM_ENDS = [_ends(what, "quote_ts") for what in ("bid", "ask", _MID)]
_PREMIUM_MEANS = (f"avg({_MID})", "avg(ask - bid)", "count(*)")
_OPEN, _CLOSE = _ends("open", "bar_ts"), _ends("close", "bar_ts")

AGGREGATES = (
    Aggregate(
        served=ServedTable(PREMIUM_30M),
        source=_served(OPTION_TICKS),
        bucket="time_bucket('30 minutes', quote_ts)",
        native_bucket="date_bin('30 minutes', quote_ts, '2000-01-03T00:00:00Z')",
        grouped=("session", "underlying", "contract_symbol"),
        values=(*(one for ends in _PREMIUM_ENDS for one in ends[0]), *_PREMIUM_MEANS),
        native_values=(*(one for ends in _PREMIUM_ENDS for one in ends[1]), *_PREMIUM_MEANS),
    ),
    Aggregate(
        served=ServedTable(BARS_DAILY, span="year"),
        source=_served(INTRADAY_BARS),
        bucket="time_bucket('1 day', bar_ts, 'America/New_York')",
        native_bucket="date_trunc('day', bar_ts, 'America/New_York')",
        grouped=("session", "symbol", "minutes"),
        values=(_OPEN[0][0], "max(high)", "min(low)", _CLOSE[0][1], "sum(volume)::bigint", "count(*)"),
        native_values=(_OPEN[1][0], "max(high)", "min(low)", _CLOSE[1][1], "sum(volume)::bigint", "count(*)"),
    ),
)


def create_continuous_aggregate(connection: Connection, aggregate: Aggregate) -> None:
    """Make it, empty, on the edition that has continuous aggregates."""
    connection.execute(
        sql.SQL(
            "CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous, timescaledb.materialized_only = true) "
            "AS {} WITH NO DATA"
        ).format(qualified(aggregate.served.name), _select(aggregate, native=False))
    )


def refresh(connection: Connection, aggregate: Aggregate, start: date, end: date, form: str) -> None:
    """Make the summary of the sessions ``start`` to ``end`` anew; a connection without a transaction.

    Sessions that were pruned keep the summary they had: what is left of them, or comes late, is not all.
    """
    source, ts = aggregate.source, sql.Identifier(aggregate.source.time)
    row = connection.execute(
        "SELECT pruned_before FROM market.served_table WHERE name = %s", [source.name]
    ).fetchone()
    start = max(start, row[0]) if row and row[0] else start
    if start > end:
        return
    low = datetime.combine(start, time.min, NEW_YORK)
    high = datetime.combine(end + timedelta(days=1), time.min, NEW_YORK)
    there = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {0} WHERE {1} >= %s AND {1} < %s)").format(
            qualified(source.name), ts
        ),
        [low, high],
    ).fetchone()
    assert there
    if form == "continuous aggregate":
        connection.execute(
            sql.SQL("CALL refresh_continuous_aggregate({}, {}, {})").format(
                sql.Literal(f"{SCHEMA}.{aggregate.served.name}"), sql.Literal(low), sql.Literal(high)
            )
        )
        return
    with connection.transaction():
        lock_table(connection, aggregate.served.name)
        if form == "partitioned" and there[0]:
            make_partitions(connection, aggregate.served, _spans(aggregate.served, start, end))
        _refresh_table(connection, aggregate, low, high)


def _refresh_table(connection: Connection, aggregate: Aggregate, low: datetime, high: datetime) -> None:
    table, source = aggregate.served, aggregate.source
    connection.execute(
        sql.SQL("DELETE FROM {} WHERE bucket >= %s AND bucket < %s").format(qualified(table.name)),
        [low, high],
    )
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) {}").format(
            qualified(table.name),
            names(["market", *table.table.names]),
            _select(
                aggregate,
                native=True,
                where=sql.SQL("WHERE {0} >= {1} AND {0} < {2}").format(
                    sql.Identifier(source.time), sql.Literal(low), sql.Literal(high)
                ),
            ),
        )
    )


def _spans(table: ServedTable, first: date, last: date) -> list[date]:
    found = [span_start(table.span, first)]
    while next_span(table.span, found[-1]) <= last + timedelta(days=1):
        found.append(next_span(table.span, found[-1]))
    return found


def _select(aggregate: Aggregate, *, native: bool, where: sql.Composable | None = None) -> sql.Composed:
    bucket = aggregate.native_bucket if native else aggregate.bucket
    values = aggregate.native_values if native else aggregate.values
    columns = ["market", *aggregate.served.table.names]
    expressions = ["market", bucket, *aggregate.grouped, *values]
    picked = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(sql.SQL(expression), sql.Identifier(column))
        for expression, column in zip(expressions, columns, strict=True)
    )
    groups = sql.SQL(", ").join(sql.SQL(part) for part in ("market", bucket, *aggregate.grouped))
    return sql.SQL("SELECT {} FROM {} {} GROUP BY {}").format(
        picked, qualified(aggregate.source.name), where or sql.SQL(""), groups
    )
