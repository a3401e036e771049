"""Alpaca's lists of small objects as typed columns, or a SourceError that says what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from alluse_assets.base.errors import SourceError

UTC_MICROSECONDS = pl.Datetime("us", "UTC")
NEW_YORK = "America/New_York"


def frame_of(
    what: str,
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, tuple[str, pl.DataType | type[pl.DataType]]],
) -> pl.DataFrame:
    """One column for each of ``columns``: its name to Alpaca's field and our type.

    A Datetime is read from RFC 3339 text; nanoseconds are cut off to microseconds. Int64 is read from any
    number that is whole.

    Raises:
        SourceError: a field is absent or of another type.
    """
    taken = list(rows)
    built: dict[str, pl.Series] = {}
    for name, (field, dtype) in columns.items():
        try:
            values = [row[field] for row in taken]
            if isinstance(dtype, pl.Datetime):
                texts = pl.Series(name, values, dtype=pl.String, strict=True)
                built[name] = texts.str.to_datetime("%+", time_unit="us", time_zone="UTC")
            elif dtype == pl.Date:
                built[name] = pl.Series(name, values, dtype=pl.String, strict=True).str.to_date("%Y-%m-%d")
            elif dtype == pl.Int64:
                numbers = pl.Series(name, values, dtype=pl.Float64, strict=True)
                built[name] = numbers.round().cast(pl.Int64)
            else:
                built[name] = pl.Series(name, values, dtype=dtype, strict=True)
        except (KeyError, TypeError, pl.exceptions.PolarsError) as error:
            told = str(error).splitlines()[0]
            raise SourceError(
                f"Alpaca: {what}: field {field!r} is not of the published form: {told}"
            ) from error
    return pl.DataFrame(built, schema={name: dtype for name, (_, dtype) in columns.items()})


def new_york_date(instant: str) -> pl.Expr:
    """The New York date of a column of UTC instants."""
    return pl.col(instant).dt.convert_time_zone(NEW_YORK).dt.date()
