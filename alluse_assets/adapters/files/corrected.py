"""Which refused rows have been corrected since: a good row of the same key is in the lake by now.

The verdict on a file's row stays in quarantine when a later file brings the row as it should have been, but
it no longer tells of the data as they are. Other sources' verdicts are made anew with their rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.quarantine import DUPLICATE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.routing import day_column

IS_CORRECTED = "is_corrected"
_KEY = ["table", "row_key"]
# A duplicate was refused because a good row of its key was there: that corrects nothing.
_MAY_BE_CORRECTED = pl.col("rule") != DUPLICATE[0]


def with_corrected(lake: Lake, source: str, refused: pl.DataFrame, tables: Iterable[Table]) -> pl.DataFrame:
    """``refused``, rows of quarantine in their order, with the column ``is_corrected``.

    Only good rows of the sessions and symbols that were refused are read. Rows of other tables than
    ``tables``, and those without a date, count as not corrected.

    Raises:
        DataError: a file of the lake is damaged.
    """
    may_be = refused.filter(_MAY_BE_CORRECTED, pl.col("session").is_not_null())
    found = [_good_keys(lake, source, may_be.filter(table=table.name), table) for table in tables]
    keys = pl.concat([refused.select(_KEY).clear(), *found]).with_columns(pl.lit(True).alias(IS_CORRECTED))
    joined = refused.join(keys, on=_KEY, how="left", maintain_order="left")
    return joined.with_columns(pl.col(IS_CORRECTED).fill_null(False) & _MAY_BE_CORRECTED)


def _good_keys(lake: Lake, source: str, refused: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The keys among those of ``refused`` that have a good row, once each, as quarantine writes them."""
    if refused.is_empty():
        return refused.select(_KEY)
    day = day_column(table)
    parts = pl.col("row_key").str.split("|").list
    texts = [(place, name) for place, name in enumerate(table.key) if table.column(name).dtype == pl.String]
    asked = refused.select(
        pl.col("session").alias(day),
        *(parts.get(place, null_on_oob=True).alias(name) for place, name in texts),
    )
    first, last = asked[day].min(), asked[day].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    good = lake.read(
        table,
        source,
        first,
        last,
        columns=list(dict.fromkeys([day, *table.key])),
        where=pl.all_horizontal(pl.col(name).is_in(asked[name].unique().implode()) for name in asked.columns),
    )
    key = pl.concat_str((pl.col(name).cast(pl.String) for name in table.key), separator="|")
    keys = good.select(pl.lit(table.name).alias("table"), key.alias("row_key"))
    return keys.join(refused, on="row_key", how="semi")
