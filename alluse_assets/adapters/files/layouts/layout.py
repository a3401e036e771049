"""A layout: which columns a vendor's files have, and how a line of text becomes tidy rows. Pure.

A layout is data: for each tidy column the vendor's column and its reading (``Cell``). ``read_rows`` is the
one interpreter. What a layout does not know (a contract's symbol, the instant of an end-of-day quote) is
derived here where it can be, and is null where it cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time

import polars as pl

from alluse_assets.adapters.files.kinds import KINDS, FileKind
from alluse_assets.adapters.files.layouts.cells import Cell, stripped
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.instruments import root_in, root_of_each
from alluse_assets.market_data.source import DataKind

AS_READ = "as_read"
UNREADABLE = "unreadable"
DAY, UNDERLYING = "day", "underlying"

Side = Mapping[str, Cell]
"""Tidy column to cell, for one tidy row of a line."""

# A class of index options that trades under another root than the index itself.
INDEX_OF_ROOT: Mapping[str, str] = {"SPXW": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX"}
_OCC = r"\d{6}[CP]\d{8}$"


@dataclass(frozen=True, slots=True)
class Layout:
    """One vendor's columns.

    Attributes:
        name: for ``--layout``, and the ``source`` of its rows.
        kind: what its rows are.
        title: the vendor's name of it, for people.
        sides: what a line holds: one row, or call and put beside each other.
        minutes_before_close: when end-of-day quotes were taken that have a date only.
        lacks: what its files may not say, ``day`` or ``underlying``: then it is in the file's name or given.
        untold: what cannot be known of its rows, in a sentence.
        states_itself: a table's own columns: nothing is derived, and rows may name their source.
    """

    name: str
    kind: DataKind
    title: str
    sides: tuple[Side, ...]
    minutes_before_close: int = 0
    lacks: frozenset[str] = frozenset()
    untold: str = ""
    states_itself: bool = False

    @property
    def required(self) -> tuple[Cell, ...]:
        """The cells without whose columns a file is of another layout."""
        return tuple(cell for side in self.sides for cell in side.values() if cell.required)

    def missing(self, columns: set[str]) -> list[str]:
        """The columns that a file with ``columns`` lacks for this layout."""
        absent = [" or ".join(cell.names) for cell in self.required if cell.found(columns) is None]
        return list(dict.fromkeys(absent))


@dataclass(frozen=True, slots=True)
class Terms:
    """What whoever gives a file says of it, because its layout cannot.

    Attributes:
        calendar: says when sessions close.
        underlying: ticker of files that name none.
        day: session of files that name none.
        at: New York time of quotes that have a date only; None: as the layout says.
        root: root of contracts whose symbol is not in the file; None: the ticker's letters.
    """

    calendar: TradingCalendar
    underlying: str | None = None
    day: date | None = None
    at: time | None = None
    root: str | None = None


def read_rows(layout: Layout, text: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """The tidy rows of lines of text.

    Args:
        layout: says which column is what.
        text: the file's columns as text, names in lower case.
        terms: what the file does not say.

    Returns:
        The columns of the layout's table as far as they are known, and ``as_read`` (the line as it came)
        and ``unreadable`` (the first column whose text could not be read; null if none).
    """
    columns = set(text.columns)
    found = (cell.found(columns) for side in layout.sides for cell in side.values())
    used = sorted({name for name in found if name is not None})
    prepared = text.select(
        pl.struct(pl.all()).alias(AS_READ),
        *(stripped(pl.col(name)).alias(name) for name in used),
    )
    return pl.concat([_read_side(layout, side, prepared, terms) for side in layout.sides])


def _read_side(layout: Layout, side: Side, text: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    columns = set(text.columns) - {AS_READ}
    found = {name: cell.found(columns) for name, cell in side.items()}
    empty = pl.lit(None, pl.String)
    # In steps, as Polars computes an expression as often as it is named.
    values = text.select(
        AS_READ,
        *(side[name].read(pl.col(column) if column else empty).alias(name) for name, column in found.items()),
    )
    unread = [
        pl.when(text[column].is_not_null() & pl.col(name).is_null()).then(pl.lit(name))
        for name, column in found.items()
        if column
    ]
    rows = values.with_columns(
        pl.coalesce([*unread, empty]).alias(UNREADABLE),
        *(
            pl.when(pl.col(name) != 0).then(pl.col(name)).alias(name)
            for name, cell in side.items()
            if cell.zero_is_none
        ),
    )
    kind = KINDS[layout.kind]
    if not layout.states_itself:
        rows = rows.with_columns(source=pl.lit(layout.name))
    if "underlying_bid" in side:
        rows = _with_middle(rows)
    if layout.kind == "option_quotes" and DAY in layout.lacks:
        rows = rows.with_columns(pl.col("session").fill_null(pl.lit(terms.day, pl.Date)))
    if "contract_symbol" in kind.table.names and not layout.states_itself:
        rows = _with_contract(rows, terms)
    if layout.kind == "option_quotes" and "quote_ts" not in side:
        rows = rows.with_columns(quote_ts=_nominal_instant(layout, rows["session"], terms))
    wanted = [name for name in kind.table.names if name in rows.columns]
    extra = ["is_session"] if "is_session" in rows.columns else []
    absent = [
        pl.lit(None, column.dtype).alias(column.name)
        for column in kind.table.columns
        if column.name not in rows.columns and column.name not in kind.derived
    ]
    return rows.select(*wanted, *extra, *absent, AS_READ, UNREADABLE)


def _with_middle(rows: pl.DataFrame) -> pl.DataFrame:
    """The underlying's price, where it is not stated: between its bid and its ask."""
    stated = pl.col("underlying_price") if "underlying_price" in rows.columns else pl.lit(None, pl.Float64)
    middle = (pl.col("underlying_bid") + pl.col("underlying_ask")) / 2
    return rows.with_columns(underlying_price=pl.coalesce(stated, middle))


def _with_contract(rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Underlying and symbol, each from what there is of the other."""
    stated = pl.col("contract_symbol") if "contract_symbol" in rows.columns else pl.lit(None, pl.String)
    stated = stated.str.to_uppercase().str.replace_all(" ", "", literal=True)
    is_symbol = stated.str.contains(_OCC)
    # A digit at a root's end is the mark of an adjusted contract, and no part of the ticker.
    root = pl.when(is_symbol).then(root_in(stated)).str.strip_chars_end("0123456789")
    named = pl.col("underlying") if "underlying" in rows.columns else pl.lit(None, pl.String)
    given = pl.lit(terms.underlying, pl.String).str.to_uppercase()
    known = pl.coalesce(named, given, root)
    letters = root_of_each(known)
    own_root = pl.coalesce(stated, pl.lit(terms.root, pl.String).str.to_uppercase(), letters)
    rows = rows.with_columns(underlying=known.replace(dict(INDEX_OF_ROOT)), root=own_root)
    of_symbol = pl.when(is_symbol).then(stated)
    if "expiry" not in rows.columns:
        written = pl.lit("20") + of_symbol.str.slice(-15, 6)
        rows = rows.with_columns(expiry=written.str.to_date("%Y%m%d", strict=False))
    if "right" in rows.columns:
        rows = rows.with_columns(pl.col("right").fill_null(of_symbol.str.slice(-9, 1)))
    strike = (pl.col("strike") * 1000).round()
    series = pl.concat_str(
        pl.col("root"),
        pl.col("expiry").dt.strftime("%y%m%d"),
        pl.col("right"),
        pl.when(strike.is_finite()).then(strike).cast(pl.Int64, strict=False).cast(pl.String).str.zfill(8),
    )
    return rows.with_columns(contract_symbol=pl.when(is_symbol).then(stated).otherwise(series))


def _nominal_instant(layout: Layout, session: pl.Series, terms: Terms) -> pl.Series:
    """When a quote of an end of day was taken: at the session's close, or so long before it."""
    days = session.unique().drop_nulls().to_list()
    calendar = terms.calendar
    known = [
        day for day in days if calendar.first_day <= day <= calendar.horizon and calendar.is_session(day)
    ]
    closes = pl.DataFrame(
        {"session": known, "close": [calendar.close_time(day) for day in known]},
        schema={"session": pl.Date, "close": pl.Datetime("us", "UTC")},
    )
    # A day that is no session has no close; cleaning says so, by the date.
    noon = (
        pl.col("session").dt.combine(time(12)).dt.replace_time_zone(NEW_YORK.key).dt.convert_time_zone("UTC")
    )
    close = pl.col("close") - pl.duration(minutes=layout.minutes_before_close, time_unit="us")
    if terms.at is not None:
        stated = pl.col("session").dt.combine(terms.at)
        close = stated.dt.replace_time_zone(NEW_YORK.key, ambiguous="null", non_existent="null")
        close = close.dt.convert_time_zone("UTC")
    joined = pl.DataFrame({"session": session}).join(closes, on="session", how="left", maintain_order="left")
    return joined.select(
        pl.coalesce(close, noon).cast(pl.Datetime("us", "UTC")).alias("quote_ts")
    ).to_series()


def close_matches(layouts: Sequence[Layout], columns: set[str]) -> list[tuple[Layout, list[str]]]:
    """Layouts with the columns that a file lacks for each, the closest first."""

    def distance(entry: tuple[Layout, list[str]]) -> float:
        return len(entry[1]) / max(1, len(entry[0].missing(set())))

    return sorted(((layout, layout.missing(columns)) for layout in layouts), key=distance)


def kind_of(layout: Layout) -> FileKind:
    """The kind of the layout's rows."""
    return KINDS[layout.kind]
