"""A file of option quotes priced into another, a batch of rows at a time: its size does not matter.

Parquet and CSV by extension, in and out. Which columns are read and what is made of them is in
``option_chains.priced_quotes``; columns that it does not know pass through, from CSV as text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from alluse_assets.adapters.duckdb_export.whole_file import whole_file
from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.priced_quotes import (
    NUMBERS,
    PricingTerms,
    Readable,
    price_rows,
    require_columns,
)

BATCH_ROWS = 250_000
SUFFIXES = (".parquet", ".csv")
_BLOCK_BYTES = 8 << 20

OnRows = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class PricingReport:
    """How many rows were priced, how many of each ``iv_status``, and the columns the file came with."""

    rows: int
    statuses: dict[str, int]
    columns: tuple[str, ...]


def price_quote_file(
    path: Path,
    out: Path,
    terms: PricingTerms,
    threads: int = 1,
    on_rows: OnRows = lambda done, total: None,
) -> PricingReport:
    """Price the quotes of ``path`` into ``out``, which appears whole or not at all; an older one is replaced.

    ``on_rows`` hears how many rows are done, of how many (None: nobody knows before the end).

    Raises:
        DataError: a file cannot be read or written, or its columns do not do.
    """
    _require_suffix(out)
    with _telling(path):
        quotes, total = _open(path)
    require_columns(quotes.schema.names, str(path))
    done, statuses, readable = 0, Counter[str](), Readable()
    with whole_file(out) as partial, _writer(partial) as write:
        # The empty one first: a file without rows has the columns all the same.
        empty, _ = price_rows(_empty(path, quotes.schema), terms)
        _require_writable(out, empty)
        write(empty)
        for batch in _frames(path, quotes):
            priced, found = price_rows(batch, terms, threads)
            readable.add(found)
            write(priced)
            done += priced.height
            statuses.update(dict(priced["iv_status"].value_counts().iter_rows()))
            on_rows(done, total)
        # At the end, for a batch is no unit of the file's; the answer does not appear.
        readable.require(str(path))
    return PricingReport(done, dict(statuses.most_common()), tuple(quotes.schema.names))


def _require_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: {path.suffix or 'no extension'}: give a {' or '.join(SUFFIXES)} file")


def _require_distinct(path: Path, names: list[str]) -> None:
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise DataError(f"{path}: two columns named {', '.join(repeated)}: nobody can tell which is meant")


def _require_writable(out: Path, frame: pl.DataFrame) -> None:
    if out.suffix != ".csv":
        return
    unwritable = [
        f"{name} ({kind})"
        for name, kind in frame.schema.items()
        if kind.is_nested() or kind in (pl.Binary, pl.Duration, pl.Object)
    ]
    if unwritable:
        raise DataError(f"{out}: CSV has no form for {', '.join(unwritable)}: write .parquet or drop them")


def _empty(path: Path, schema: pa.Schema) -> pl.DataFrame:
    """A table of the file's columns without rows; what Polars has no type for is refused by its name."""
    for column in schema:
        refusal = DataError(f"{path}: column {column.name}: {column.type} cannot be read: drop it")
        # Asked first: at these Polars does not raise but panics, and prints that it did.
        if _holds_decimal256(column.type):
            raise refusal
        try:
            _frame(pa.schema([column]).empty_table())
        except (pa.ArrowException, pl.exceptions.PolarsError) as error:
            raise refusal from error
    return _frame(schema.empty_table())


def _holds_decimal256(kind: pa.DataType) -> bool:
    inner = (kind.field(place).type for place in range(kind.num_fields))
    return bool(pa.types.is_decimal256(kind)) or any(_holds_decimal256(one) for one in inner)


@dataclass(frozen=True, slots=True)
class _Quotes:
    """A file's columns, and its rows batch by batch; what is ahead is not read yet."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def _open(path: Path) -> tuple[_Quotes, int | None]:
    """The quotes of ``path``, and how many, where the file says so."""
    _require_suffix(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.suffix.lower() == ".parquet":
        # Not memory-mapped: a file that is cut off meanwhile is an error then and not the end of the process.
        file = pq.ParquetFile(path, memory_map=False, pre_buffer=False)
        _require_distinct(path, file.schema_arrow.names)
        return _Quotes(file.schema_arrow, file.iter_batches(BATCH_ROWS)), file.metadata.num_rows
    header = pl.scan_csv(path, infer_schema=False, glob=False).collect_schema().names()
    types = {name: pa.float64() if name in NUMBERS else pa.string() for name in header}
    reader = csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
    )
    _require_distinct(path, reader.schema.names)
    return _Quotes(reader.schema, iter(reader)), None


def _frames(path: Path, quotes: _Quotes) -> Iterator[pl.DataFrame]:
    while True:
        with _telling(path):
            batch = next(quotes.batches, None)
        if batch is None:
            return
        yield _frame(pa.Table.from_batches([batch]))


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    if path.suffix.lower() == ".csv":
        with path.open("wb") as file:
            yield lambda frame: frame.write_csv(file, include_header=file.tell() == 0)
        return
    writer: pq.ParquetWriter | None = None

    def write(frame: pl.DataFrame) -> None:
        nonlocal writer
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        if table.num_rows:
            writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as {path.suffix[1:].lower()} ({reason})") from error
