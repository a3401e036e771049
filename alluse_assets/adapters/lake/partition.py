"""Writing one partition: merge with what is stored, cut into files, swap the manifest.

A write touches the data files that its dates fall into and no others. New files are in place before the
manifest that names them, and what no version needs any more goes after it, so that a reader finds the state
before or the state after whichever moment the writer is killed at.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from alluse_assets.adapters.lake.layout import cut
from alluse_assets.adapters.lake.manifest import (
    REMEDY,
    WRITER,
    Change,
    DataFile,
    Input,
    Manifest,
    describe,
    parse_manifest,
    partition_column,
    schema_version,
)
from alluse_assets.adapters.lake.storage import Storage, Written
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Table

# Encoded files that wait for their digest and the disk or the network.
_FILES_AT_ONCE = 4
_ATTEMPTS = 60
_LONGEST_PAUSE_SECONDS = 0.5
_Part = tuple[dict[str, int], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Place:
    """One partition. ``month`` is YYYY-MM; ``all`` without a date column; ``unknown`` for null dates."""

    table: Table
    source: str
    month: str

    @property
    def folder(self) -> str:
        """Below the lake's root."""
        return f"{self.table.name}/source={self.source}/month={self.month}"

    @property
    def day_column(self) -> str | None:
        """The column that rows are cut by; None where they have no date."""
        return partition_column(self.table) if self.month[0].isdigit() else None

    @property
    def key_names_the_day(self) -> bool:
        """Whether rows of different days have different keys; then rows in strict order have unique ones."""
        day = partition_column(self.table)
        return day is None or day in self.table.key

    @property
    def order(self) -> list[str]:
        """Rows are by date and then by key."""
        day = partition_column(self.table)
        return [*([day] if day else []), *(name for name in self.table.key if name != day)]


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be written to one partition.

    Attributes:
        rows: in the table's types, with unique keys.
        in_order: whether the rows are known to be by date and key already.
        replaced: dates whose stored rows go; None: rows replace those with their key.
        only: which of their rows go; None: all.
        inputs: what the rows were made from; None where that is not known.
        most_rows: of a data file that holds more than one day.
        rewrite: write every file anew even if no row differs.
        clock: notes when a version was superseded; None: it is not noted.
        even_empty: note the inputs of a month that nothing came of, too.
    """

    rows: pl.DataFrame
    replaced: frozenset[date] | None
    inputs: tuple[Input, ...] | None
    most_rows: int
    in_order: bool = False
    rewrite: bool = False
    clock: Callable[[], datetime] | None = None
    only: pl.Expr | None = None
    even_empty: bool = False


@dataclass(frozen=True, slots=True)
class PartitionWrite:
    """What writing did to one month: rows given that were new or different, and that were there already.

    ``rows_replaced``: how many of those written took the place of another row with their key.
    ``rows_removed``: stored rows that are gone, as none of their key was given for a date being replaced.
    """

    manifest: Manifest
    changed: bool
    rows_written: int
    rows_unchanged: int
    rows_replaced: int = 0
    rows_removed: int = 0


def write_partition(storage: Storage, place: Place, given: Given) -> PartitionWrite | None:
    """Put rows into a partition; None where there is neither a partition nor a row.

    Raises:
        DataError: a stored file is damaged, keys are not unique, or the storage refuses.
    """
    if given.rows.is_empty() and not given.even_empty and storage.manifest(place.folder) is None:
        return None
    where = storage.location(place.folder)
    for attempt in range(_ATTEMPTS):
        with storage.exclusive(place.folder):
            stored = storage.manifest(place.folder)
            before = parse_manifest(stored.content, where) if stored else None
            try:
                outcome = _merged(storage, place, before, given)
            except FileNotFoundError as error:
                # In a bucket another writer may have replaced what its manifest named a moment ago.
                if storage.manifest(place.folder) == stored:
                    raise DataError(gone(where)) from error
                outcome = None
            if outcome and (
                outcome.manifest == before or storage.swap(place.folder, outcome.manifest.to_bytes(), stored)
            ):
                storage.clean(place.folder, outcome.manifest.names)
                return outcome
        time.sleep(random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.01 * 2**attempt)))
    raise DataError(f"{where}: other writers were quicker {_ATTEMPTS} times; try again later")


def gone(where: str) -> str:
    """What to say when a data file is not there although its manifest is."""
    return f"{where}: a data file that its manifest names is gone; {REMEDY.format(folder=where)}"


def read_files(storage: Storage, place: Place, files: Sequence[DataFile]) -> pl.DataFrame:
    """The rows of data files that have been checked against their manifest, in the table's types.

    Raises:
        DataError: one is damaged.
        FileNotFoundError: one is gone.
    """
    for file in files:
        storage.require_intact(place.folder, file)
    locations = [storage.location(place.folder, file.name) for file in files]
    try:
        frames = [
            place.table.conform(pl.read_parquet(one, storage_options=storage.scan_options, glob=False))
            for one in locations
        ]
    except (pl.exceptions.PolarsError, DataError) as error:
        # A table may have got another column since.
        where = storage.location(place.folder)
        raise DataError(f"{where}: {error}; {REMEDY.format(folder=where)}") from error
    return pl.concat(frames) if frames else place.table.empty()


def is_in_order(rows: pl.DataFrame, order: Sequence[str]) -> bool:
    """Whether each row is above the one before, so that no two are equal by ``order``. Nulls count as not."""
    if rows.height < 2:
        return True
    if any(rows[name].null_count() for name in order):
        return False
    above = pl.lit(False)
    for name in reversed(order):
        now, last = pl.col(name).slice(1), pl.col(name).slice(0, pl.len() - 1)
        above = (now > last) | ((now == last) & above)
    return bool(rows.lazy().select(above.all()).collect().item())


def require_unique(table: Table, rows: pl.DataFrame) -> None:
    """Refuse rows that share a key.

    Raises:
        DataError: some do; one is shown.
    """
    repeated = rows.select(table.key).is_duplicated()
    if repeated.any():
        example = rows.select(table.key).filter(repeated).row(0, named=True)
        raise DataError(f"table {table.name}: {repeated.sum()} rows share a key, for example {example}")


def _merged(storage: Storage, place: Place, before: Manifest | None, given: Given) -> PartitionWrite:
    """Write the data files of the state after, and describe it; the manifest is not written yet."""
    table, rows = place.table, given.rows
    anew = before is not None and (
        given.rewrite or before.writer != WRITER or before.schema_version != schema_version(table)
    )
    files = before.files if before else ()
    touched = list(files) if anew else _touched(storage, place, files, given)
    stored = read_files(storage, place, touched)
    if anew:
        stored = stored.sort(place.order, nulls_last=True)
    merged = _merge(place, stored, given)
    same = merged.equals(stored)
    known = rows.height if same else _shared(rows, stored, table.key)
    unchanged = rows.height if same else _shared(rows, stored, table.names)
    change = Change(
        rows_added=rows.height - known,
        rows_replaced=known - unchanged,
        rows_removed=stored.height + rows.height - known - merged.height,
    )
    if same and before and not anew:
        # The rows are those that were made from what is noted already.
        after = (
            before if given.inputs is None else replace(before, inputs=_inputs(place, before, before, given))
        )
    else:
        untouched = [file for file in files if file not in touched]
        fresh = describe(table, place.source, place.month, _cut(storage, place, merged, untouched, given))
        after = _versioned(table, before, fresh, change, given)
        after = replace(after, inputs=_inputs(place, before, after, given))
    return PartitionWrite(
        after,
        before is None or after.content_id != before.content_id,
        rows.height - unchanged,
        unchanged,
        change.rows_replaced,
        change.rows_removed,
    )


def _touched(storage: Storage, place: Place, files: Collection[DataFile], given: Given) -> list[DataFile]:
    """The files whose rows the write can change: by their days; by key where keys do not fix the day."""
    day = place.day_column
    if day is None:
        return list(files)
    days = {str(one) for one in given.rows[day].unique()} | {str(one) for one in given.replaced or ()}
    touched = [file for file in files if not days.isdisjoint(file.days)]
    if not place.key_names_the_day:
        keys = list(place.table.key)
        for file in files:
            if file not in touched:
                stored = read_files(storage, place, [file]).select(keys)
                if not stored.join(given.rows, on=keys, how="semi", nulls_equal=True).is_empty():
                    touched.append(file)
    return [file for file in files if file in touched]


def _merge(place: Place, stored: pl.DataFrame, given: Given) -> pl.DataFrame:
    rows, table, day = given.rows, place.table, partition_column(place.table)
    if stored.is_empty():
        kept = stored
    elif given.replaced is not None and day:
        gone = pl.col(day).is_in(list(given.replaced))
        if given.only is not None:
            gone &= given.only
        kept = stored.filter(gone.not_().fill_null(True))
        if given.only is not None:
            kept = kept.join(rows, on=list(table.key), how="anti", nulls_equal=True, maintain_order="left")
    else:
        kept = stored.join(rows, on=list(table.key), how="anti", nulls_equal=True)
    both = [frame for frame in (kept, rows) if not frame.is_empty()]
    merged = pl.concat(both) if both else table.empty()
    in_order = (given.in_order and kept.is_empty()) or is_in_order(merged, place.order)
    if not (in_order and place.key_names_the_day):
        require_unique(table, merged)
    return merged if in_order else merged.sort(place.order, nulls_last=True)


def _cut(
    storage: Storage, place: Place, merged: pl.DataFrame, untouched: Sequence[DataFile], given: Given
) -> list[DataFile]:
    """The files of the state after: untouched ones that are cut right already, and newly written ones."""
    day = place.day_column
    if day is None:
        return _put(storage, place, [({}, merged)] if merged.height else [])
    counts = {date.fromisoformat(one): n for file in untouched for one, n in file.days.items()}
    counts |= (found := dict(_rows_by_day(merged, day)))
    groups = {frozenset(map(str, days)): days for days in cut(counts, given.most_rows)}
    right = {frozenset(file.days): file for file in untouched}
    kept = {days: file for days, file in right.items() if days in groups}
    pulled = [file for days, file in right.items() if days not in groups]
    if pulled:
        merged = pl.concat([merged, read_files(storage, place, pulled)]).sort(place.order, nulls_last=True)
        found = dict(_rows_by_day(merged, day))
    offsets = dict(zip(found, itertools.accumulate(found.values(), initial=0), strict=False))
    parts = []
    for names, days in groups.items():
        if names not in kept:
            rows_by_day = {str(one): found[one] for one in days}
            parts.append((rows_by_day, merged.slice(offsets[days[0]], sum(rows_by_day.values()))))
    return sorted([*kept.values(), *_put(storage, place, parts)], key=lambda file: file.first or "")


def _put(storage: Storage, place: Place, parts: Sequence[_Part]) -> list[DataFile]:
    """Encoding takes all processors itself; digests, flushes and uploads go on beside it."""
    written: list[Written] = []
    waiting: deque[Future[Written]] = deque()
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        for _, part in parts:
            if len(waiting) == _FILES_AT_ONCE:
                written.append(waiting.popleft().result())
            # One chunk a column: how a frame came about must not show in the file's bytes.
            waiting.append(pool.submit(storage.encode(place.folder, part.rechunk())))
        written += [one.result() for one in waiting]
    return [
        DataFile(
            name=one.name,
            rows=part.height,
            sha256=one.sha256,
            size_bytes=one.size_bytes,
            first=min(days, default=None),
            last=max(days, default=None),
            days=days,
        )
        for one, (days, part) in zip(written, parts, strict=True)
    ]


def _rows_by_day(rows: pl.DataFrame, day: str) -> list[tuple[date, int]]:
    """Days and their rows, in order; ``rows`` are in order of their days."""
    runs = rows.select(pl.col(day).rle().struct.unnest())
    return list(zip(runs["value"].to_list(), runs["len"].to_list(), strict=True))


def _shared(rows: pl.DataFrame, stored: pl.DataFrame, on: Collection[str]) -> int:
    if rows.is_empty() or stored.is_empty():
        return 0
    return rows.join(stored, on=list(on), how="semi", nulls_equal=True).height


def _versioned(
    table: Table, before: Manifest | None, fresh: Manifest, change: Change, given: Given
) -> Manifest:
    """``fresh`` as what follows ``before``: the same version, or the next one with that kept."""
    if before is None:
        return fresh
    carried = replace(fresh, version=before.version, change=before.change, earlier=before.earlier)
    if not table.keeps_versions or not (change.rows_replaced or change.rows_removed):
        return carried
    instant = given.clock().isoformat() if given.clock else None
    return replace(
        carried,
        version=before.version + 1,
        change=change,
        earlier=(*before.earlier, replace(before.current, superseded_at=instant)),
    )


def _inputs(place: Place, before: Manifest | None, after: Manifest, given: Given) -> tuple[Input, ...] | None:
    """A write of all dates replaces what was known of the inputs; of some dates, it adds to it."""
    if before is None:
        return given.inputs
    if given.rewrite:
        return before.inputs
    day = place.day_column
    if day is not None:
        written = {str(one) for one in given.rows[day].unique()} | {str(one) for one in given.replaced or ()}
        if any(not written.issuperset(file.days) for file in after.files):
            if before.inputs is None or given.inputs is None:
                return None
            return tuple(sorted({*before.inputs, *given.inputs}))
    return given.inputs
