"""Opening a Parquet file that somebody else wrote, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from alluse_assets.adapters.files.layouts import detect, plain_name
from alluse_assets.adapters.files.reading import Batch, Lines, told, told_of
from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import DataKind

BATCH_ROWS = 65_536
_WHAT = "whole Parquet file"


def open_parquet(path: Path, layout: str | None, kind: DataKind | None) -> Lines:
    """The rows of a Parquet file: with their types when its columns are a table's own, else as text.

    Raises:
        DataError: there is no such file, it is no whole Parquet file, or its columns are not known.
    """
    with told_of(path, _WHAT):
        # Not memory-mapped: a file that is cut off meanwhile is an error then and not the end of the process.
        file = pq.ParquetFile(path, memory_map=False, pre_buffer=False)
        names = [plain_name(name) for name in file.schema_arrow.names]
        total = file.metadata.num_rows
    if any("\0" in name for name in names):
        raise DataError(f"{path} is no {_WHAT}: a column's name has a zero byte")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: column {', '.join(twice)} is there more than once; leave one of them")
    try:
        found = detect(names, layout, kind)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    is_typed = found.states_itself
    batches = _batches(file, names, is_typed)
    return Lines(found, told(path, _WHAT, batches), total, is_typed)


def _batches(file: pq.ParquetFile, names: list[str], is_typed: bool) -> Iterator[Batch]:
    done = 0
    for batch in file.iter_batches(BATCH_ROWS):
        table = pa.Table.from_batches([batch]).rename_columns(names)
        # Damaged pages can hold text that is none; Polars trusts what it is given.
        table.validate(full=True)
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        done += frame.height
        yield Batch(frame if is_typed else frame.select(pl.all().cast(pl.String)), done)
