"""How a table is described, once: columns, types, units, bounds, key.

Dagster's column schemas, Great Expectations suites, quarantine rules, the export's comments and the
data dictionary are all made from these descriptions. The tables themselves are declared in the
``tables.py`` of the domain they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from alluse_assets.base.errors import DataError

Layer = Literal["raw", "core", "out"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``low`` and ``high`` are inclusive bounds; ``unit`` is plain words ("USD per share")."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    description: str
    unit: str = ""
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its ``key`` is unique, ``grain`` says in words what one row is.

    ``keeps_versions``: rows come from outside and are corrected there, so what a correction replaces is
    kept. Other tables can be made again from their inputs.

    ``fresh_hours``: a live market has a session's rows at the latest so many hours after its close; None:
    it may have none.
    """

    name: str
    description: str
    grain: str
    layer: Layer
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    keeps_versions: bool = False
    fresh_hours: int | None = None

    @property
    def schema(self) -> pl.Schema:
        """The Polars schema, in column order."""
        return pl.Schema({c.name: c.dtype for c in self.columns})

    @property
    def names(self) -> list[str]:
        """Column names, in order."""
        return [c.name for c in self.columns]

    def column(self, name: str) -> Column:
        """The column called ``name``.

        Raises:
            DataError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(f"table {self.name} has no column {name!r}; it has {', '.join(self.names)}")

    def empty(self) -> pl.DataFrame:
        """A frame with this table's schema and no rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with exactly this table's columns, in order and type.

        A nullable column that is absent is filled with nulls; other columns are dropped.

        Raises:
            DataError: a required column is absent, or a value cannot be cast to its column's type.
        """
        missing = [c.name for c in self.columns if not c.nullable and c.name not in frame.columns]
        if missing:
            raise DataError(
                f"table {self.name}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                f"found {', '.join(frame.columns)}"
            )
        picked = [
            (pl.col(c.name) if c.name in frame.columns else pl.lit(None).alias(c.name)).cast(c.dtype)
            for c in self.columns
        ]
        try:
            return frame.select(picked)
        except pl.exceptions.PolarsError as error:
            raise DataError(f"table {self.name}: a value does not fit its column's type: {error}") from error
