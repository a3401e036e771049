"""Reading and writing the lake: ``<root>/<table>/source=<source>/month=YYYY-MM/``.

A partition is its data files, named by their content, and the manifest that names them. Rows of a table
without a date column go to ``month=all``, rows whose date is null to ``month=unknown``. What holds of a
write (see ``partition``) holds for each month: a write over several months that is killed leaves some of
them new.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.lake.history import StaleMonth, pruned, stale_months, version_of
from alluse_assets.adapters.lake.manifest import (
    DataFile,
    Input,
    Manifest,
    Version,
    content_id,
    parse_manifest,
    partition_column,
)
from alluse_assets.adapters.lake.partition import (
    Given,
    PartitionWrite,
    Place,
    gone,
    is_in_order,
    read_files,
    require_unique,
    write_partition,
)
from alluse_assets.adapters.lake.storage import Storage, open_storage
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")
# A session more rewrites one file: half a second at most, and some ten files for five million rows.
_MOST_ROWS_OF_A_FILE = 524_288
_READ_ATTEMPTS = 5
# Checking a file is waiting, for a disk or for a server.
_CHECKS_AT_ONCE = 8


class Lake:
    """The tables in one place, which a folder is made for on the first write; a bucket must be there.

    Args:
        root: a folder, or ``s3://bucket/prefix``.
        storage_options: endpoint and keys of a bucket; what is left out comes from the environment.
        clock: notes when a version was superseded; without one that is not noted.
        most_rows_of_a_file: how finely a big month is cut; all writers of a lake use the same.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        storage_options: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] | None = None,
        most_rows_of_a_file: int = _MOST_ROWS_OF_A_FILE,
    ) -> None:
        self.root = root
        self._storage: Storage = open_storage(root, storage_options)
        self._clock = clock
        self._most_rows = most_rows_of_a_file

    @property
    def url(self) -> str:
        """Where it is, for people."""
        return self._storage.url

    def write(
        self,
        table: Table,
        source: str,
        frame: pl.DataFrame,
        *,
        replacing: Collection[date] | None = None,
        only: pl.Expr | None = None,
        inputs: Sequence[Input] | None = None,
        even_empty: bool = False,
        on_month: Callable[[PartitionWrite], None] | None = None,
    ) -> list[PartitionWrite]:
        """Put ``frame`` into the lake, month by month; months whose content stays equal are not touched.

        Args:
            table: its key decides the order of rows; ``frame`` is brought to its columns and types.
            source: letters, digits and ``. _ = -``, for example ``sample`` or ``book=paper``.
            frame: rows with unique keys.
            replacing: None: a row replaces the stored row with its key, others stay. Dates: all stored rows
                of these dates go and the frame's, which must be of these dates, take their place.
            only: of the dates ``replacing``, which stored rows go; None: all.
            inputs: what the rows were made from, as ``inputs`` answered before it was read; ``stale`` asks
                for it.
            even_empty: a month of ``replacing`` that nothing is left of is there all the same, with its
                ``inputs``: whoever asks what has been made so far does not make it again.
            on_month: called after each month, for a progress bar.

        Raises:
            DataError: a column is missing or of the wrong type, keys are not unique, a row's date is not
                among ``replacing``, a stored file is damaged, or the storage refuses.
        """
        rows = table.conform(frame)
        column = partition_column(table)
        everything = self._place(table, source, "all")
        in_order = is_in_order(rows, everything.order)
        if not (in_order and everything.key_names_the_day):
            require_unique(table, rows)
        replaced = _replaced_dates(table, column, rows, replacing)
        parts = _by_month(rows, column)
        for day in replaced or ():
            parts.setdefault(f"{day:%Y-%m}", rows.clear())
        known = None if inputs is None else tuple(sorted(set(inputs)))
        written = []
        for month in sorted(parts):
            given = Given(
                parts[month],
                replaced,
                known,
                self._most_rows,
                in_order,
                clock=self._clock,
                only=only,
                even_empty=even_empty,
            )
            outcome = write_partition(self._storage, self._place(table, source, month), given)
            if outcome is None:
                continue
            written.append(outcome)
            if on_month:
                on_month(outcome)
        return written

    def compact(self, table: Table, source: str, month: str | None = None) -> list[str]:
        """Write files anew that lie otherwise than a write would lay them now; the months it changed.

        Writes keep months compact themselves: there is something to do after a release that writes
        otherwise, or for another size of files.

        Raises:
            DataError: a stored file is damaged, or the storage refuses.
        """
        changed = []
        for one in self.months(table, source) if month is None else [month]:
            place = self._place(table, source, one)
            before = self._manifest(place)
            given = Given(table.empty(), None, None, self._most_rows, rewrite=True, clock=self._clock)
            outcome = write_partition(self._storage, place, given)
            if outcome and outcome.manifest != before:
                changed.append(one)
        return changed

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
        """The rows from ``start`` to ``end``, both included, by date and then by key; empty when none.

        Only the months, files and columns that are needed are opened. A file that a writer replaces
        meanwhile is read again in its new version.

        Raises:
            DataError: a file is damaged; it is named, with what to do.
        """
        for _ in range(_READ_ATTEMPTS):
            try:
                return self.scan(table, source, start, end, columns=columns, where=where).collect()
            except FileNotFoundError:
                continue
            except pl.exceptions.PolarsError as error:
                raise DataError(f"{self.url}/{table.name}, source {source}: {error}") from error
        raise DataError(
            f"{self.url}/{table.name}, source {source}: replaced again at each reading; try later"
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
            pl.scan_parquet(
                files,
                schema=table.schema,
                missing_columns="insert",
                extra_columns="ignore",
                glob=False,
                storage_options=self._storage.scan_options,
            )
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
    ) -> list[str]:
        """Paths or URLs of the data files that can hold rows from ``start`` to ``end``, checked."""
        months = [self._place(table, source, month) for month in self.months(table, source, start, end)]
        if len(months) < 2:
            return [one for place in months for one in self._intact(place, start, end)]
        with ThreadPoolExecutor(_CHECKS_AT_ONCE) as pool:
            found = pool.map(lambda place: self._intact(place, start, end), months)
            return [one for files in found for one in files]

    def months(
        self, table: Table, source: str, start: date | None = None, end: date | None = None
    ) -> list[str]:
        """The months that have a manifest, in order; those that can hold rows from ``start`` to ``end``."""
        there = self.months_of(table.name, source)
        if partition_column(table) is None or not (start or end):
            return there
        low = f"{start:%Y-%m}" if start else ""
        high = f"{end:%Y-%m}" if end else "~"
        return [month for month in there if month[0].isdigit() and low <= month <= high]

    def months_of(self, name: str, source: str) -> list[str]:
        """As ``months``, by a table's name."""
        return self._storage.months(self._folder(name, source))

    def has(self, table: Table, source: str) -> bool:
        """Whether there is a single month of it."""
        return bool(self.months(table, source))

    def sources(self, table: Table) -> list[str]:
        """The sources that a table has rows of, in order."""
        return [name for name in self._storage.sources(table.name) if self.months(table, name)]

    def manifests(
        self, table: Table, source: str, start: date | None = None, end: date | None = None
    ) -> list[Manifest]:
        """The manifests of a table, in order of months."""
        places = [self._place(table, source, month) for month in self.months(table, source, start, end)]
        return [manifest for place in places if (manifest := self._manifest(place))]

    def content_id(
        self, table: Table, source: str, start: date | None = None, end: date | None = None
    ) -> str:
        """Stands for all rows of the months from ``start`` to ``end``: equal for equal content; cheap."""
        found = self.manifests(table, source, start, end)
        return content_id([part for one in found for part in (one.month, one.content_id)])

    def inputs(
        self, table: Table, source: str, start: date | None = None, end: date | None = None
    ) -> list[Input]:
        """What a reader of these months reads now, for ``write(inputs=...)``; ask before reading.

        Months of the range that are not there are named, too: they may come.
        """
        found = {one.month: one.content_id for one in self.manifests(table, source, start, end)}
        if start and end and partition_column(table):
            for number in range(start.year * 12 + start.month - 1, end.year * 12 + end.month):
                found.setdefault(f"{number // 12}-{number % 12 + 1:02}", "")
        return [Input(table.name, source, month, found[month]) for month in sorted(found)]

    def stale(self, table: Table, source: str) -> list[StaleMonth]:
        """The months that were made from something else than is there now. Only manifests are read."""
        return stale_months(self.manifests(table, source), self._content_of)

    def versions(self, table: Table, source: str, month: str) -> list[Version]:
        """The versions of a month that are kept, the current one last; empty when there is no such month."""
        manifest = self._manifest(self._place(table, source, month))
        return [*manifest.earlier, manifest.current] if manifest else []

    def read_version(self, table: Table, source: str, month: str, number: int) -> pl.DataFrame:
        """The rows of a month as a version had them, by date and then by key.

        Raises:
            DataError: there is no such version (any more), or one of its files is damaged.
        """
        place = self._place(table, source, month)
        where = self._storage.location(place.folder)
        version = version_of(self._manifest(place), number, where)
        try:
            return read_files(self._storage, place, version.files)
        except FileNotFoundError as error:
            raise DataError(gone(where)) from error

    def prune_versions(self, table: Table, source: str, *, keep: int, month: str | None = None) -> int:
        """Forget all but the last ``keep`` superseded versions of each month; how many were forgotten.

        Raises:
            DataError: the storage refuses.
        """
        months = self.months(table, source) if month is None else [month]
        return sum(pruned(self._storage, self._place(table, source, one), keep) for one in months)

    def remove_months(self, table: Table, source: str, months: Collection[str]) -> None:
        """Take whole months away with all their versions, as if they had never been written.

        Raises:
            DataError: the storage refuses.
        """
        for month in months:
            self._storage.remove(self._place(table, source, month).folder)

    def _intact(self, place: Place, start: date | None, end: date | None) -> list[str]:
        """A partition's data files; the manifest is read again when a writer has just replaced it."""
        for _ in range(_READ_ATTEMPTS):
            manifest = self._manifest(place)
            if manifest is None:
                return []
            files: list[DataFile] = [file for file in manifest.files if file.may_hold(start, end)]
            try:
                for file in files:
                    self._storage.require_intact(place.folder, file)
            except FileNotFoundError:
                continue
            return [self._storage.location(place.folder, file.name) for file in files]
        raise DataError(gone(self._storage.location(place.folder)))

    def _manifest(self, place: Place) -> Manifest | None:
        stored = self._storage.manifest(place.folder)
        return parse_manifest(stored.content, self._storage.location(place.folder)) if stored else None

    def _content_of(self, one: Input) -> str:
        stored = self._storage.manifest(f"{one.table}/source={one.source}/month={one.month}")
        where = f"{self.url}/{one.table}/source={one.source}/month={one.month}"
        return parse_manifest(stored.content, where).content_id if stored else ""

    def _place(self, table: Table, source: str, month: str) -> Place:
        self._folder(table.name, source)
        return Place(table, source, month)

    def _folder(self, name: str, source: str) -> str:
        if not _SOURCE.fullmatch(source):
            raise DataError(f"{source!r} cannot name a source: letters, digits and . _ = - only")
        return f"{name}/source={source}"


def _by_month(rows: pl.DataFrame, column: str | None) -> dict[str, pl.DataFrame]:
    if column is None:
        return {"all": rows}
    runs = rows[column].rle().struct.unnest()
    if runs["value"].is_sorted() and not runs["value"].null_count():
        # Slices of what is there: nothing is copied.
        months = runs.group_by(pl.col("value").dt.strftime("%Y-%m"), maintain_order=True).agg(pl.sum("len"))
        starts = itertools.accumulate(months["len"], initial=0)
        return {
            month: rows.slice(start, length)
            for (month, length), start in zip(months.iter_rows(), starts, strict=False)
        }
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
