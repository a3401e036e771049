"""Five million rows of 15 columns into PostgreSQL, beside the public loaders; the hypertable's rate, too.

Everything goes into the same server in turns: tables without keys for the comparison, the hot store's own
table, with its key and its index, afterwards.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import polars as pl
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection, connect_owner
from alluse_assets.adapters.postgres.migrate import migrate
from alluse_assets.adapters.postgres.server import database
from alluse_assets.adapters.timescale import open_hot_store
from alluse_assets.adapters.timescale.binary_copy import copy_rows
from alluse_assets.market_data.tables import INTRADAY_BARS
from tests.adapters.timescale.rows import OPEN

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

_ROWS = 5_000_000
_ROUNDS = 3
_TABLE = sql.Identifier("copied")


def bench_copying(bench: Bench) -> None:
    """Ours, the driver of ADBC, and pgpq as its documentation shows it, in turns."""
    rows = _wide(_ROWS)
    label = f"COPY of {_ROWS / 1e6:.0f} M rows × {rows.width}"
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder, database(Path(folder), {}) as running:
        with connect_owner(running.url) as connection:
            connection.autocommit = True
            loaders = {
                "ours": lambda: _ours(connection, rows),
                "adbc_driver_postgresql": lambda: _adbc(running.url, rows),
                "pgpq": lambda: _pgpq(connection, rows),
            }
            rounds = [
                {n: _once(connection, rows, load) for n, load in loaders.items()} for _ in range(_ROUNDS)
            ]
            seconds = {name: statistics.median(one[name] for one in rounds) for name in loaders}
        for name in ("adbc_driver_postgresql", "pgpq"):
            bench.row(label, seconds["ours"], name, seconds[name], "< 1.25")
        bars = _bars(_ROWS // 2)
        stores = {"partitions": running.url}
        if server := os.environ.get("ALLUSE_TEST_TIMESCALE_URL"):
            stores["hypertable"] = server
        for name, url in stores.items():
            migrate(url)
            hot = open_hot_store(url)
            began = time.perf_counter()
            hot.upsert(INTRADAY_BARS, f"bench-{time.time_ns()}", bars)
            took = time.perf_counter() - began
            bench.row(
                f"hot store, {bars.height / 1e6:.1f} M bars into {name} with key and index",
                took,
                "COPY without, for as many",
                seconds["ours"] * bars.height / _ROWS,
            )


def _once(connection: Connection, rows: pl.DataFrame, load: Callable[[], None]) -> float:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_type(dtype)))
        for name, dtype in rows.schema.items()
    )
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_TABLE))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(_TABLE, columns))
    connection.execute("CHECKPOINT")
    began = time.perf_counter()
    load()
    took = time.perf_counter() - began
    count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_TABLE)).fetchone()
    assert count == (rows.height,)
    return took


def _ours(connection: Connection, rows: pl.DataFrame) -> None:
    with connection.transaction():
        copy_rows(connection, _TABLE, rows)


def _adbc(url: str, rows: pl.DataFrame) -> None:
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("copied", rows.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append")
        connection.commit()


def _pgpq(connection: Connection, rows: pl.DataFrame) -> None:
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    statement = sql.SQL("COPY {} FROM STDIN WITH (FORMAT BINARY)").format(_TABLE)
    with connection.transaction(), connection.cursor().copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in table.to_batches():
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())


def _wide(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "at": pl.Series(np.arange(rows) * 1_000_000, dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "symbol": np.tile(np.array([f"SYM{n:03}" for n in range(50)]), rows // 50),
            "session": pl.Series(np.arange(rows) // 20_000, dtype=pl.Int32).cast(pl.Date),
            **{f"price_{n}": np.round(rng.normal(100, 10, rows), 2) for n in range(8)},
            **{f"count_{n}": rng.integers(0, 100_000, rows) for n in range(4)},
        }
    )


def _bars(rows: int) -> pl.DataFrame:
    symbols, minutes = 50, 390
    days = rows // symbols // minutes + 1
    instants = [OPEN + timedelta(days=day, minutes=n) for day in range(days) for n in range(minutes)]
    frame = pl.DataFrame({"bar_ts": instants}).join(
        pl.DataFrame({"symbol": [f"SYM{n:03}" for n in range(symbols)]}), how="cross"
    )
    price = pl.int_range(pl.len()) % 997 / 10 + 50
    return INTRADAY_BARS.conform(
        frame.head(rows).with_columns(
            session=pl.col("bar_ts").dt.date(),
            minutes=pl.lit(1),
            open=price,
            high=price + 0.3,
            low=price - 0.2,
            close=price + 0.1,
            volume=pl.int_range(pl.len()),
            source=pl.lit("bench"),
        )
    )


def _type(dtype: pl.DataType) -> str:
    names = {pl.Float64: "double precision", pl.Int64: "bigint", pl.String: "text", pl.Date: "date"}
    return next((name for kind, name in names.items() if dtype == kind), "timestamptz")
