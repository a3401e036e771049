"""Rows into PostgreSQL at the speed of the server: Arrow columns, encoded by pgpq, through psycopg's COPY.

The bytes never pass through Python objects. Which table and transaction they go into is the caller's.
"""

from __future__ import annotations

import polars as pl
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from alluse_assets.adapters.postgres.connect import Connection
from alluse_assets.adapters.timescale.statements import names

# Some ten megabytes at a time: neither the encoder nor the socket waits for the other for long.
_ROWS_AT_ONCE = 65_536


def copy_rows(connection: Connection, into: sql.Identifier, frame: pl.DataFrame) -> None:
    """COPY ``frame`` into the table ``into``, which has columns of its names and types."""
    rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    encoder = ArrowToPostgresBinaryEncoder(rows.schema)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(into, names(frame.columns))
    with connection.cursor().copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())
