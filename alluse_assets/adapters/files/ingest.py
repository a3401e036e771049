"""Taking a file in: read it to its end, then clean it day by day into the lake, refused rows with their rule.

A file is read twice: first its lines are read as its layout says and put aside by month on the disk, in
bounded memory; nothing is written to the lake before the last line has been read, so a file that is
refused leaves no trace. Then its days are cleaned and written, one group after the other. Doing it again
with the same file changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from alluse_assets.adapters.files.day_parts import DayParts, with_own_text
from alluse_assets.adapters.files.kinds import FileKind
from alluse_assets.adapters.files.layouts.layout import DAY, Terms, kind_of, read_rows
from alluse_assets.adapters.files.opening import Given, open_lines, terms_for
from alluse_assets.adapters.files.reading import Lines, refusing
from alluse_assets.adapters.files.refused_lines import broken_lines, clean_rows
from alluse_assets.adapters.files.spots import SpotBars, Spots
from alluse_assets.adapters.lake import Lake
from alluse_assets.adapters.own_folder import own_folder
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.errors import DataError
from alluse_assets.base.quarantine import PLAUSIBLE_DAYS, QUARANTINE, typed_columns
from alluse_assets.market_data.routing import symbol_column
from alluse_assets.market_data.source import DataKind

SOURCE = "files"
OnStep = Callable[[str, int, int], None]
"""Told of ``reading`` (in bytes, rows or entries) and ``writing`` (in rows): done, of how many."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a file's rows: read = written + unchanged + quarantined (rows by rule).

    A line with a call and a put is two rows. ``rows_replaced``: how many of those written corrected a row
    that an earlier file had brought. ``rows_left``: rows of symbols that were not asked for; not read.
    ``spot_bars``: the lake's bars that quotes without a price of the underlying took it from; None: all had
    one.
    """

    path: Path
    kind: DataKind
    layout: str
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_replaced: int
    rows_left: int
    quarantined: dict[str, int]
    first: date | None
    last: date | None
    spot_bars: SpotBars | None = None

    @property
    def rows_quarantined(self) -> int:
        """Rows that were refused, whatever the rule."""
        return sum(self.quarantined.values())


@dataclass(slots=True)
class _Counts:
    read: int = 0
    left: int = 0
    written: int = 0
    unchanged: int = 0
    replaced: int = 0
    lacks_spots: bool = False
    rules: Counter[str] = field(default_factory=Counter)
    first: date | None = None
    last: date | None = None


def ingest(
    path: Path,
    lake: Lake,
    calendar: TradingCalendar,
    scratch: Path,
    given: Given | None = None,
    on_step: OnStep = lambda stage, done, total: None,
) -> IngestReport:
    """Clean the rows of a file and write them into the lake under the source ``files``.

    Args:
        path: Parquet, CSV (also in .gz or .zip) or a zip of Lean's.
        lake: where good rows, and refused ones with their rule, are written.
        calendar: says which dates are sessions, and when they close.
        scratch: a folder for what is put aside meanwhile; made if it is not there.
        given: what the file does not say itself.
        on_step: for a progress bar.

    Raises:
        RefusedFileError: the file is unreadable, of no known layout, or lacks what its layout needs; the lake
            is as it was.
        DataError: the lake or the scratch folder cannot be written.
    """
    given = given or Given()
    with refusing(path):
        lines = open_lines(path, given)
        terms = terms_for(path, lines.layout, given, calendar)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with own_folder(scratch, "ingest.") as folder:
            return _taken_in(path, lines, terms, given, lake, folder, on_step)
    except OSError as error:
        raise DataError(f"cannot write {scratch}: {error}") from error


def _taken_in(
    path: Path, lines: Lines, terms: Terms, given: Given, lake: Lake, folder: Path, on_step: OnStep
) -> IngestReport:
    kind = kind_of(lines.layout)
    symbol = None if kind.name == "rates" else symbol_column(kind.name)
    parts = DayParts(folder, symbol)
    spots = Spots(lake, terms.calendar, SOURCE)
    counts = _Counts()
    with refusing(path):
        without_spot = _put_aside(path, lines, terms, given, parts, counts, on_step)
        first, last = _span(parts)
        if without_spot and first and last:
            spots.require(without_spot, first, last, f"layout {lines.layout.name}")
        # As they are before the first spot is read: a change meanwhile is then one to come.
        spot_bars = spots.bars(first, last) if counts.lacks_spots and first and last else None
    refused = broken_lines(lines.broken, kind.table, SOURCE)
    counts.read += refused.height
    counts.rules.update(refused["rule"])
    lake.write(QUARANTINE, SOURCE, refused)
    for rows in parts.groups():
        asks = kind.name == "option_quotes" and not lines.is_typed
        _write((spots.fill(part) if asks else part for part in rows), kind, lake, terms.calendar, counts)
        on_step("writing", counts.written + counts.unchanged + counts.rules.total(), counts.read)
    return IngestReport(
        path=path,
        kind=kind.name,
        layout=lines.layout.name,
        rows_read=counts.read,
        rows_written=counts.written,
        rows_unchanged=counts.unchanged,
        rows_replaced=counts.replaced,
        rows_left=counts.left,
        quarantined=dict(sorted(counts.rules.items(), key=lambda entry: (-entry[1], entry[0]))),
        first=counts.first,
        last=counts.last,
        spot_bars=spot_bars,
    )


def _put_aside(
    path: Path,
    lines: Lines,
    terms: Terms,
    given: Given,
    parts: DayParts,
    counts: _Counts,
    on_step: OnStep,
) -> frozenset[str]:
    """Read the whole file into ``parts``; the underlyings, if not a single quote has the price of one."""
    kind = kind_of(lines.layout)
    symbol = None if kind.name == "rates" else symbol_column(kind.name)
    without_spot: set[str] = set()
    asks = kind.name == "option_quotes" and not lines.is_typed
    has_spot = not asks
    expiries: set[date] = set()
    for batch in lines.batches:
        rows = batch.rows if lines.is_typed else read_rows(lines.layout, batch.rows, terms)
        if lines.is_typed:
            # Columns of another kind altogether are a matter of the file, not of its rows.
            typed_columns(rows.head(0), kind.table, tuple(kind.derived))
        if given.symbols and symbol:
            wanted = rows.filter(pl.col(symbol).is_in(sorted(given.symbols)))
            counts.left += rows.height - wanted.height
            rows = wanted
        if asks and not counts.lacks_spots:
            counts.lacks_spots = rows["underlying_price"].has_nulls()
        if not has_spot:
            has_spot = rows["underlying_price"].is_not_null().any()
            without_spot |= set(rows["underlying"].drop_nulls().unique())
        if DAY in lines.layout.lacks and given.day is None:
            expiries |= set(rows["expiry"].drop_nulls().unique())
        counts.read += rows.height
        parts.add(rows, _days(rows, kind))
        on_step("reading", batch.done, lines.size)
    if DAY in lines.layout.lacks and counts.read:
        _require_day(path, terms, expiries, parts)
    return frozenset() if has_spot else frozenset(without_spot)


def _require_day(path: Path, terms: Terms, expiries: set[date], parts: DayParts) -> None:
    """Refuse a dump of which nothing says when it was taken.

    Raises:
        DataError: no row has a day; or the day in the file's name may as well be the expiry's.
    """
    if set(parts.rows_by_day) == {None}:
        raise DataError(
            f"{path}: nothing says when these quotes were taken: add a column quote_date, put the day into "
            "the file's name (aapl_2024-01-19.csv), or give --date"
        )
    if terms.day is not None and expiries == {terms.day}:
        raise DataError(
            f"{path}: the day in its name is the expiry of all its contracts, so it may not be the day of "
            "the quotes: give that with --date"
        )


def _days(rows: pl.DataFrame, kind: FileKind) -> pl.Series:
    """Each row's date; null where there is none that a calendar could know."""
    if kind.instant:
        column = kind.table.column(kind.instant)
        day = (
            pl.col(kind.instant).cast(column.dtype, strict=False).dt.convert_time_zone(NEW_YORK.key).dt.date()
        )
    else:
        day = pl.col(kind.day).cast(pl.Date, strict=False)
    return rows.select(pl.when(day.is_between(*PLAUSIBLE_DAYS)).then(day)).to_series()


def _span(parts: DayParts) -> tuple[date | None, date | None]:
    days = [day for day in parts.rows_by_day if day is not None]
    return min(days, default=None), max(days, default=None)


def _write(
    parts: Iterable[pl.DataFrame], kind: FileKind, lake: Lake, calendar: TradingCalendar, counts: _Counts
) -> None:
    cleaned = [
        tuple(with_own_text(rows) for rows in clean_rows(part, kind, calendar, SOURCE)) for part in parts
    ]
    good, refused = (pl.concat(frames) for frames in zip(*cleaned, strict=True))
    # Refused rows first: a kill in between then never leaves good rows whose bad neighbours are unknown.
    lake.write(QUARANTINE, SOURCE, refused)
    writes = lake.write(kind.stored, SOURCE, good)
    counts.written += sum(write.rows_written for write in writes)
    counts.unchanged += sum(write.rows_unchanged for write in writes)
    counts.replaced += sum(write.rows_replaced for write in writes)
    counts.rules.update(dict(refused.group_by("rule").len().iter_rows()))
    first, last = good[kind.day].min(), good[kind.day].max()
    if isinstance(first, date) and isinstance(last, date):
        counts.first = min(first, counts.first or first)
        counts.last = max(last, counts.last or last)
