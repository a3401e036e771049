"""Reading and writing the lake: ``<root>/<table>/source=<source>/month=YYYY-MM/``.

A partition is one data file, named by its content, and the manifest that names it. A writer puts the
new data file in place, then swaps the manifest, then removes the old file, so that a reader finds the
old version or the new one whichever moment the writer is killed at. That holds for each month; a write
over several months that is killed leaves some of them new.

Rows of a table without a date column go to ``month=all``, rows whose date is null to ``month=unknown``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl

from alluse_assets.adapters.lake.atomic_files import partition_lock, remove_leftovers, write_durably
from alluse_assets.adapters.lake.manifest import (
    FILE_NAME,
    REMEDY,
    Manifest,
    describe,
    partition_column,
    read_manifest,
    schema_version,
)
from alluse_assets.adapters.lake.verified import require_intact
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Table

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")
# Small enough that statistics let a reader of one session skip most of a month of option quotes.
_ROW_GROUP_ROWS = 32_768
_READ_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class PartitionWrite:
    """What writing did to one month: rows given that were new or different, and that were there already.

    ``rows_replaced``: how many of those written took the place of another row with their key.
    """

    manifest: Manifest
    changed: bool
    rows_written: int
    rows_unchanged: int
    rows_replaced: int = 0


class Lake:
    """The tables under one folder, which is made on the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(
        self,
        table: Table,
        source: str,
        frame: pl.DataFrame,
        *,
        replacing: Collection[date] | None = None,
        on_month: Callable[[PartitionWrite], None] | None = None,
    ) -> list[PartitionWrite]:
        """Put ``frame`` into the lake, month by month; months whose content stays equal are not touched.

        Args:
            table: its key decides the order of rows; ``frame`` is brought to its columns and types.
            source: letters, digits and ``. _ = -``, for example ``sample`` or ``book=paper``.
            frame: rows with unique keys.
            replacing: None: a row replaces the stored row with its key, others stay. Dates: all stored rows
                of these dates go and the frame's, which must be of these dates, take their place.
            on_month: called after each month, for a progress bar.

        Raises:
            DataError: a column is missing or of the wrong type, keys are not unique, a row's date is not
                among ``replacing``, a stored file is damaged, or the disk refuses.
        """
        rows = table.conform(frame)
        column = partition_column(table)
        _require_unique(table, rows)
        replaced = _replaced_dates(table, column, rows, replacing)
        parts = _by_month(rows, column)
        for day in replaced or ():
            parts.setdefault(f"{day:%Y-%m}", rows.clear())
        written = []
        for month in sorted(parts):
            folder = self._folder(table, source, month)
            if parts[month].is_empty() and not folder.exists():
                continue
            outcome = _write_month(table, source, month, folder, parts[month], column, replaced)
            written.append(outcome)
            if on_month:
                on_month(outcome)
        return written

    def read(
        self,
        table: Table,
        source: str,
        start: date | None = None,
        end: date | None = None,
        *,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """The rows from ``start`` to ``end``, both included, by month and then by key; empty when none.

        Only the months and columns that are needed are opened. A file that a writer replaces meanwhile is
        read again in its new version.

        Raises:
            DataError: a file is damaged; it is named, with what to do.
        """
        for _ in range(_READ_ATTEMPTS):
            try:
                return self.scan(table, source, start, end, columns=columns, where=where).collect()
            except FileNotFoundError:
                continue
            except pl.exceptions.PolarsError as error:
                raise DataError(f"{self.root}/{table.name}, source {source}: {error}") from error
        raise DataError(
            f"{self.root}/{table.name}, source {source}: replaced again at each reading; try later"
        )

    def scan(
        self,
        table: Table,
        source: str,
        start: date | None = None,
        end: date | None = None,
        *,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
    ) -> pl.LazyFrame:
        """As ``read``, but lazy: files are checked now and read when the frame is collected.

        Collect it soon: a file that is replaced in between is gone (FileNotFoundError); ``read`` handles
        that itself.
        """
        files = self.files(table, source, start, end)
        frame = (
            pl.scan_parquet(files, schema=table.schema, missing_columns="insert", extra_columns="ignore")
            if files
            else table.empty().lazy()
        )
        column = partition_column(table)
        if column and start:
            frame = frame.filter(pl.col(column) >= start)
        if column and end:
            frame = frame.filter(pl.col(column) <= end)
        if where is not None:
            frame = frame.filter(where)
        return frame.select(columns) if columns else frame

    def files(
        self, table: Table, source: str, start: date | None = None, end: date | None = None
    ) -> list[Path]:
        """The data files that can hold rows from ``start`` to ``end``, checked against their manifests."""
        low = f"{start:%Y-%m}" if start else ""
        high = f"{end:%Y-%m}" if end else "~"
        bounded = partition_column(table) is not None and (start or end)
        found = []
        for month in self.months(table, source):
            if bounded and not (month[0].isdigit() and low <= month <= high):
                continue
            found.append(_intact_file(self._folder(table, source, month)))
        return [path for path in found if path]

    def remove_months(self, table: Table, source: str, months: Collection[str]) -> None:
        """Take whole months away, as if they had never been written.

        Raises:
            DataError: the disk refuses.
        """
        for month in months:
            folder = self._folder(table, source, month)
            if not folder.exists():
                continue
            try:
                with partition_lock(folder):
                    # The manifest first: without it the rest is nobody's.
                    (folder / FILE_NAME).unlink(missing_ok=True)
                    remove_leftovers(folder, keep=())
            except OSError as error:
                raise DataError(f"cannot empty {folder}: {error}") from error

    def months(self, table: Table, source: str) -> list[str]:
        """The months that have a manifest, in order."""
        folder = self._folder(table, source)
        return sorted(path.parent.name.removeprefix("month=") for path in folder.glob(f"month=*/{FILE_NAME}"))

    def manifests(self, table: Table, source: str) -> list[Manifest]:
        """The manifests of a table, in order of months."""
        found = (read_manifest(self._folder(table, source, month)) for month in self.months(table, source))
        return [manifest for manifest in found if manifest]

    def sources(self, table: Table) -> list[str]:
        """The sources that a table has rows of, in order."""
        folders = (self.root / table.name).glob("source=*")
        names = (folder.name.removeprefix("source=") for folder in folders)
        return sorted(name for name in names if self.months(table, name))

    def _folder(self, table: Table, source: str, month: str | None = None) -> Path:
        if not _SOURCE.fullmatch(source):
            raise DataError(f"{source!r} cannot name a source: letters, digits and . _ = - only")
        folder = self.root / table.name / f"source={source}"
        return folder / f"month={month}" if month else folder


def _write_month(
    table: Table,
    source: str,
    month: str,
    folder: Path,
    rows: pl.DataFrame,
    column: str | None,
    replaced: frozenset[date] | None,
) -> PartitionWrite:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partition_lock(folder):
            manifest = read_manifest(folder)
            remove_leftovers(folder, keep={FILE_NAME, manifest.data_file if manifest else ""})
            stored = _stored(table, folder) if manifest else table.empty()
            if replaced is not None and column:
                kept = stored.filter(pl.col(column).is_in(list(replaced)).not_().fill_null(True))
            else:
                kept = stored.join(rows, on=list(table.key), how="anti", nulls_equal=True)
            merged = pl.concat([kept, rows]).sort(table.key, nulls_last=True)
            _require_unique(table, merged)
            unchanged = rows.join(stored, on=table.names, how="semi", nulls_equal=True).height
            if manifest and manifest.schema_version == schema_version(table) and merged.equals(stored):
                return PartitionWrite(manifest, False, 0, rows.height)
            data = _parquet(merged)
            fresh = describe(table, source, month, merged, data)
            write_durably(folder / fresh.data_file, data)
            write_durably(folder / FILE_NAME, fresh.to_bytes())
            if manifest and manifest.data_file != fresh.data_file:
                (folder / manifest.data_file).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error}") from error
    known = rows.join(stored, on=list(table.key), how="semi", nulls_equal=True).height
    return PartitionWrite(fresh, True, rows.height - unchanged, unchanged, known - unchanged)


def _stored(table: Table, folder: Path) -> pl.DataFrame:
    path = _intact_file(folder)
    if path is None:
        return table.empty()
    try:
        return table.conform(pl.read_parquet(path))
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: {error}; {REMEDY.format(folder=folder)}") from error


def _intact_file(folder: Path) -> Path | None:
    """The partition's data file; the manifest is read again when a writer has just replaced it."""
    for _ in range(_READ_ATTEMPTS):
        manifest = read_manifest(folder)
        if manifest is None:
            return None
        path = folder / manifest.data_file
        try:
            require_intact(path, manifest)
        except FileNotFoundError:
            continue
        return path
    raise DataError(
        f"{folder}: the data file that its manifest names is gone; {REMEDY.format(folder=folder)}"
    )


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=_ROW_GROUP_ROWS)
    return buffer.getvalue()


def _by_month(rows: pl.DataFrame, column: str | None) -> dict[str, pl.DataFrame]:
    if column is None:
        return {"all": rows}
    label = pl.col(column).dt.strftime("%Y-%m").fill_null("unknown")
    marked = rows.with_columns(label.alias("__month__"))
    return {
        f"{month!s}": part
        for (month,), part in marked.partition_by("__month__", as_dict=True, include_key=False).items()
    }


def _replaced_dates(
    table: Table, column: str | None, rows: pl.DataFrame, replacing: Collection[date] | None
) -> frozenset[date] | None:
    if replacing is None:
        return None
    if column is None:
        raise DataError(f"table {table.name} has no date column: its rows are replaced by key only")
    outside = rows.filter(pl.col(column).is_in(list(replacing)).not_().fill_null(True))
    if not outside.is_empty():
        raise DataError(
            f"table {table.name}: {outside.height} rows not of the dates being replaced, such as "
            f"{outside.row(0, named=True)}; leave them out or name their dates"
        )
    return frozenset(replacing)


def _require_unique(table: Table, rows: pl.DataFrame) -> None:
    repeated = rows.select(table.key).is_duplicated()
    if repeated.any():
        example = rows.select(table.key).filter(repeated).row(0, named=True)
        raise DataError(f"table {table.name}: {repeated.sum()} rows share a key, for example {example}")
