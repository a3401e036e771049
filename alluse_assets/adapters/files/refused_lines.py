"""Rows of a file on their way through cleaning, and what is refused before it: cells and lines of no sense.

What a text cell says that cannot be read is refused here, by the rule ``unreadable.COLUMN``, because a
cleaner sees values only, and null is not the same as "abc".
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from alluse_assets.adapters.files.kinds import FileKind
from alluse_assets.adapters.files.layouts.layout import UNREADABLE
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.quarantine import QUARANTINE, Rule, screen, typed_columns
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.cleaning import source_column

_BROKEN = (
    "broken_line",
    "the line has the header's number of cells and ends; a last line without an end may be cut off",
)


def clean_rows(
    rows: pl.DataFrame, kind: FileKind, calendar: TradingCalendar, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``rows`` into good ones (of the kind's table) and refused ones (of QUARANTINE)."""
    if UNREADABLE not in rows.columns:
        return kind.clean(rows, calendar, source)
    readable = pl.col(UNREADABLE).is_null()
    if not rows[UNREADABLE].count():
        return kind.clean(rows, calendar, source)
    good, refused = kind.clean(rows.filter(readable), calendar, source)
    return good, pl.concat([refused, _unreadable(rows.filter(~readable), kind, source)])


def _unreadable(rows: pl.DataFrame, kind: FileKind, source: str) -> pl.DataFrame:
    names = rows[UNREADABLE].unique().sort().to_list()
    rules = [
        Rule(f"unreadable.{name}", f"the text of {name} can be read", pl.col(UNREADABLE) == name)
        for name in names
    ]
    prepared = typed_columns(rows, kind.table, tuple(kind.derived)).with_columns(source_column(rows, source))
    if kind.instant:
        day = pl.col(kind.instant).dt.convert_time_zone(NEW_YORK.key).dt.date()
        prepared = prepared.with_columns(day.alias(kind.day))
    return screen(rows, prepared, kind.table, rules, source)[1]


def broken_lines(lines: Sequence[str], table: Table, source: str) -> pl.DataFrame:
    """Lines that are none of the table, as rows of QUARANTINE."""
    frame = pl.DataFrame({"line": lines}, schema={"line": pl.String})
    return QUARANTINE.conform(
        frame.select(
            table=pl.lit(table.name),
            rule=pl.lit(_BROKEN[0]),
            rule_text=pl.lit(_BROKEN[1]),
            row_key=pl.lit("?"),
            row_json=pl.struct("line").struct.json_encode(),
            occurrence=pl.int_range(1, pl.len() + 1).over("line"),
            source=pl.lit(source),
        )
    )
