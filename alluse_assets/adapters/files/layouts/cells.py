"""Reading a cell: the text of a vendor's column as a number, a day, an instant, a right.

Every reading answers null for text that it cannot read; the caller tells that from an empty cell. What a
vendor writes for "nothing" (blank, NaN, -, N/A) is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from polars.expr.struct import ExprStructNameSpace

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.quarantine import PLAUSIBLE_DAYS

Reading = Callable[[pl.Expr], pl.Expr]

_EMPTY = ("", "nan", "na", "n/a", "nat", "null", "none", "-", "--")
_THOUSANDS = r"^[-+]?\d{1,3}(,\d{3})+(\.\d*)?$"
_TIME_OF_DAY = r"[ T]\d{1,2}:\d{2}.*$"
_ZONED_TIME = (
    r"[ T](?<hour>\d{1,2}):(?<minute>\d{2})(?<second>(?::\d{2}(?:\.\d*)?)?)"
    r" ?(?:Z|UTC|GMT|(?<sign>[+-])(?<hours>\d{2})(?::?(?<minutes>\d{2}))?)$"
)
_MIDNIGHT = r"[ T]0?0:00(:00(\.0*)?)?[^\d.:]"
_MOST_OFFSET_MINUTES = 14 * 60
_WHOLE = r"^-?\d+$"
_LEAN_SCALE = 10_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a tidy column's value stands in a file.

    Attributes:
        names: names of the vendor's column, in lower case; the first that the file has counts.
        read: how its text is read.
        required: whether a file without the column is of another layout.
        zero_is_none: a vendor's 0 for "there was none", as for the price of the last trade.
    """

    names: tuple[str, ...]
    read: Reading
    required: bool = True
    zero_is_none: bool = False

    def found(self, columns: set[str]) -> str | None:
        """The name by which a file with ``columns`` has it."""
        return next((name for name in self.names if name in columns), None)


def stripped(text: pl.Expr) -> pl.Expr:
    """The text without blanks around it; null where the cell is empty."""
    bare = text.str.strip_chars()
    return pl.when(bare.str.to_lowercase().is_in(_EMPTY).not_()).then(bare)


def number(text: pl.Expr) -> pl.Expr:
    """A number, with or without a dollar sign and commas between thousands."""
    plain = text.str.strip_prefix("$")
    plain = pl.when(plain.str.contains(_THOUSANDS)).then(plain.str.replace_all(",", "")).otherwise(plain)
    return plain.cast(pl.Float64, strict=False)


def count(text: pl.Expr) -> pl.Expr:
    """A whole number; 12.0 is one, 12.5 is not read."""
    value = number(text)
    return pl.when(value == value.round()).then(value).cast(pl.Int64, strict=False)


def small_count(text: pl.Expr) -> pl.Expr:
    """A whole number of a column that holds 32 bits."""
    return count(text).cast(pl.Int32, strict=False)


def words(text: pl.Expr) -> pl.Expr:
    """The text itself."""
    return text


def ticker(text: pl.Expr) -> pl.Expr:
    """A ticker in capitals; the ^ or $ that some vendors put before an index is none of its letters."""
    return text.str.strip_chars_start("^$").str.to_uppercase().str.replace_all("/", ".", literal=True)


def right(text: pl.Expr) -> pl.Expr:
    """C or P, from the letter or the word."""
    lower = text.str.to_lowercase()
    return (
        pl.when(lower.is_in(("c", "call", "calls")))
        .then(pl.lit("C"))
        .when(lower.is_in(("p", "put", "puts")))
        .then(pl.lit("P"))
    )


def flag(text: pl.Expr) -> pl.Expr:
    """True or false, from words or 1 and 0."""
    lower = text.str.to_lowercase()
    return (
        pl.when(lower.is_in(("true", "t", "yes", "1")))
        .then(pl.lit(True))
        .when(lower.is_in(("false", "f", "no", "0")))
        .then(pl.lit(False))
    )


def iso_day(text: pl.Expr) -> pl.Expr:
    """A date as 2019-04-25 or 20190425; a time of day behind it is left away."""
    return _day(text, "%Y-%m-%d", "%Y%m%d")


def us_day(text: pl.Expr) -> pl.Expr:
    """A date as 04/25/2019, month first, or as ISO 8601 has it."""
    return _day(text, "%m/%d/%Y", "%Y-%m-%d", "%Y%m%d")


def day_taken(text: pl.Expr) -> pl.Expr:
    """When something was taken: a date as for ``us_day``, or of an instant with its offset, New York's date.

    Midnight with an offset is how tables write a date alone, and no evening in New York.
    """
    day, parts = us_day(text), text.str.extract_groups(_ZONED_TIME).struct
    is_instant = parts.field("hour").is_not_null() & text.str.contains(_MIDNIGHT).not_()
    return pl.when(is_instant).then(_new_york_day(day, parts)).otherwise(day)


def _day(text: pl.Expr, *formats: str) -> pl.Expr:
    bare = text.str.replace(_TIME_OF_DAY, "")
    found = pl.coalesce(bare.str.to_date(one, strict=False) for one in formats)
    return pl.when(found.is_between(*PLAUSIBLE_DAYS)).then(found)


def _new_york_day(day: pl.Expr, parts: ExprStructNameSpace) -> pl.Expr:
    """The date in New York of a minute of ``day`` elsewhere; null: no such minute or offset."""
    hour, minute, hours, minutes = (
        parts.field(name).cast(pl.Int32, strict=False) for name in ("hour", "minute", "hours", "minutes")
    )
    east = pl.when(parts.field("sign") == "-").then(-1).otherwise(1)
    offset = (hours.fill_null(0) * 60 + minutes.fill_null(0)) * east
    is_known = (hour < 24) & (minute < 60) & offset.abs().le(_MOST_OFFSET_MINUTES)
    utc = day.cast(pl.Datetime("us", "UTC")) + pl.duration(
        minutes=hour * 60 + minute - offset, time_unit="us"
    )
    return pl.when(is_known).then(utc.dt.convert_time_zone(NEW_YORK.key).dt.date())


def instant(text: pl.Expr) -> pl.Expr:
    """An instant with its offset from UTC, as ISO 8601 has it. Without an offset it is not read."""
    iso = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) +", "${1}T").str.replace(r" ?(Z|UTC)$", "+00:00")
    found = pl.coalesce(
        iso.str.to_datetime(one, time_unit="us", strict=False).dt.convert_time_zone("UTC")
        for one in ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")
    )
    return _plausible(found)


def new_york_minute(text: pl.Expr) -> pl.Expr:
    """An instant written as New York's clock shows it: 2019-04-25 16:00."""
    return _utc(text.str.head(16).str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False))


def lean_price(text: pl.Expr) -> pl.Expr:
    """A price that Lean stores times 10,000, as a whole number: prices with a point are not such ones."""
    whole = pl.when(text.str.contains(_WHOLE)).then(text).cast(pl.Float64, strict=False)
    # Polars multiplies by the reciprocal, which is a bit off; rounding gives the price as it is written.
    return (whole / _LEAN_SCALE).round(4)


def lean_start(text: pl.Expr) -> pl.Expr:
    """The beginning of a Lean minute bar, from "20140606 34200000": the day and milliseconds of New York."""
    day = text.str.head(8).str.to_datetime("%Y%m%d", time_unit="us", strict=False)
    milliseconds = count(text.str.slice(9))
    inside = milliseconds.is_between(0, 86_400_000 - 1)
    return _utc(day + pl.duration(milliseconds=pl.when(inside).then(milliseconds), time_unit="us"))


def lean_end(text: pl.Expr) -> pl.Expr:
    """The end of a Lean minute bar: when its close is known."""
    return lean_start(text) + pl.duration(milliseconds=_MINUTE_MS, time_unit="us")


def _utc(local: pl.Expr) -> pl.Expr:
    zoned = local.dt.replace_time_zone(NEW_YORK.key, ambiguous="null", non_existent="null")
    return _plausible(zoned.dt.convert_time_zone("UTC"))


def _plausible(found: pl.Expr) -> pl.Expr:
    return pl.when(found.dt.date().is_between(*PLAUSIBLE_DAYS)).then(found)
