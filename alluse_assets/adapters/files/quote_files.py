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
import pyarrow.parquet as pq

from alluse_assets.adapters.duckdb_export.whole_file import whole_file
from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.priced_quotes import NUMBERS, PricingTerms, price_quotes, require_columns

BATCH_ROWS = 250_000
SUFFIXES = (".parquet", ".csv")

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
        quotes = _scan(path)
        schema = quotes.collect_schema()
        total = quotes.select(pl.len()).collect().item() if path.suffix == ".parquet" else None
    require_columns(schema.names(), str(path))
    done, statuses = 0, Counter[str]()
    with whole_file(out) as partial, _writer(partial) as write:
        # The empty one first: a file without rows has the columns all the same.
        write(price_quotes(schema.to_frame(), terms))
        for batch in _batches(path, quotes):
            priced = price_quotes(batch, terms, threads)
            write(priced)
            done += priced.height
            statuses.update(dict(priced["iv_status"].value_counts().iter_rows()))
            on_rows(done, total)
    return PricingReport(done, dict(statuses.most_common()), tuple(schema.names()))


def _require_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path}: {path.suffix or 'no extension'}: give a {' or '.join(SUFFIXES)} file")


def _scan(path: Path) -> pl.LazyFrame:
    _require_suffix(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.suffix == ".parquet":
        return pl.scan_parquet(path, glob=False)
    header = pl.scan_csv(path, infer_schema=False, glob=False).collect_schema().names()
    numbers = {name: pl.Float64 for name in header if name in NUMBERS}
    return pl.scan_csv(path, infer_schema=False, schema_overrides=numbers, glob=False)


def _batches(path: Path, quotes: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    with _telling(path):
        batches = iter(quotes.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True))
    while True:
        with _telling(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    if path.suffix == ".csv":
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
    # A damaged page can end in a panic of the reader, which is no ordinary exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as {path.suffix[1:]} ({reason})") from error
