"""The tidy layouts: a file's columns are a table's own. Made from the tables' descriptions."""

from __future__ import annotations

import polars as pl

from alluse_assets.adapters.files.kinds import KINDS, FileKind
from alluse_assets.adapters.files.layouts.cells import (
    Cell,
    Reading,
    count,
    flag,
    instant,
    iso_day,
    number,
    small_count,
    words,
)
from alluse_assets.adapters.files.layouts.layout import Layout
from alluse_assets.base.table_catalog import Column


def _reading(column: Column) -> Reading:
    dtype = column.dtype
    if dtype == pl.Float64:
        return number
    if dtype == pl.Int64:
        return count
    if dtype == pl.Int32:
        return small_count
    if dtype == pl.Date:
        return iso_day
    if dtype == pl.Boolean:
        return flag
    return instant if isinstance(dtype, pl.Datetime) else words


def _tidy(kind: FileKind) -> Layout:
    cells = {
        column.name: Cell(
            (column.name,), _reading(column), required=not column.nullable and column.name not in kind.derived
        )
        for column in kind.table.columns
    }
    if kind.name == "option_quotes":
        cells["is_session"] = Cell(("is_session",), flag, required=False)
    return Layout(
        name=f"tidy_{kind.name}",
        kind=kind.name,
        title=f"the columns of table {kind.table.name}",
        sides=(cells,),
        states_itself=True,
    )


TIDY: tuple[Layout, ...] = tuple(_tidy(kind) for kind in KINDS.values())
