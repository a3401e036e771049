"""What opening a file gives, and how every way in which reading can fail ends in one clear sentence."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa

from alluse_assets.adapters.files.layouts.layout import Layout
from alluse_assets.base.errors import DataError

_REASONS: tuple[type[BaseException], ...] = (
    *(pa.ArrowException, pl.exceptions.PolarsError),
    # A damaged page can end in a panic of the reader, which is no ordinary exception.
    pl.exceptions.PanicException,
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, UnicodeError),
    # What zipfile says of passwords and of compressions that it does not know, and of damaged numbers.
    *(RuntimeError, NotImplementedError, ValueError, OverflowError),
)
# More lines than this without the header's number of cells, and the file is no table.
MOST_BROKEN_LINES = 10_000


class RefusedFileError(DataError):
    """A file is not taken in at all. The message names it and says why; the lake is as it was."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines of a file, and how many of its bytes (of ``Lines.size``) are read by then.

    ``rows``: all columns as text, or with the types of a Parquet file.
    """

    rows: pl.DataFrame
    done: int


@dataclass(frozen=True, slots=True)
class Lines:
    """An open file. What lies ahead in ``batches`` is not read yet.

    Attributes:
        layout: what its columns are.
        batches: its lines, in order.
        size: bytes, or rows, that ``Batch.done`` is counted in.
        is_typed: the batches have a table's own columns with types; else they are text.
        broken: lines that are none of the table, as they came; grows while ``batches`` is read.
    """

    layout: Layout
    batches: Iterator[Batch]
    size: int
    is_typed: bool = False
    broken: list[str] = field(default_factory=list)


@contextmanager
def told_of(path: Path, what: str) -> Iterator[None]:
    """Around reading ``path``, which should be ``what`` ("a whole Parquet file").

    Raises:
        DataError: it could not be read; the message says why.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except _REASONS as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise DataError(
            f"{path} is no {what} ({reason}); it was cut off, damaged, or is of another format"
        ) from error


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Around what is decided of ``path`` as a whole: what is wrong with it is a refusal that names it.

    Raises:
        RefusedFileError: a DataError happened inside.
    """
    try:
        yield
    except DataError as error:
        message = str(error)
        raise RefusedFileError(message if str(path) in message else f"{path}: {message}") from error


def told(path: Path, what: str, batches: Iterator[Batch]) -> Iterator[Batch]:
    """``batches``, of which each is read inside ``told_of``."""
    while True:
        with told_of(path, what):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch
