"""Opening a CSV file that somebody else wrote, plain or compressed, a block at a time; all cells are text.

A line that has not the header's number of cells is none of the table: it is kept apart (``Lines.broken``).
So is the last line of a plain file that does not end: it may have been cut off inside a number.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from alluse_assets.adapters.files.layouts import detect, plain_name
from alluse_assets.adapters.files.reading import MOST_BROKEN_LINES, Batch, Lines, told, told_of
from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import DataKind

CSV_SUFFIXES = (".csv", ".txt", ".tsv")
_WHAT = "whole table of comma-separated UTF-8 text"
_BLOCK_BYTES = 2 << 20
_HEADER_BYTES = 64 << 10
_DELIMITERS = ",;\t|"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def open_csv(path: Path, layout: str | None, kind: DataKind | None) -> Lines:
    """The lines of a CSV file, ``.gz`` or ``.zip`` (all tables in it, of one layout).

    Raises:
        DataError: there is no such file, it cannot be read, or its columns are of no known layout.
    """
    broken: list[str] = []
    with told_of(path, _WHAT):
        size = path.stat().st_size
        names = _members(path)
        columns = [_columns_of(path, name) for name in names]
    try:
        found = [detect(one, layout, kind) for one in columns]
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    others = {one.name for one in found}
    if len(others) > 1:
        raise DataError(f"{path}: its tables are of several layouts ({', '.join(sorted(others))}); unpack it")
    return Lines(found[0], told(path, _WHAT, _all_batches(path, names, broken)), size, broken=broken)


def _members(path: Path) -> list[str | None]:
    """The tables in a zip file; the file itself is None."""
    if path.suffix.lower() != ".zip":
        return [None]
    with zipfile.ZipFile(path) as archive:
        # A Mac adds files of its own in that folder.
        found = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        names = [name for name in found if Path(name).suffix.lower() in CSV_SUFFIXES]
    if not names:
        raise DataError(f"{path}: no table in it: the names in it end in none of {', '.join(CSV_SUFFIXES)}")
    return list(names)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Stream(io.RawIOBase):
    """Bytes from ``source`` with the header read ahead; counts them and remembers the last ones."""

    def __init__(self, source: _Readable, position: BinaryIO) -> None:
        self._source = source
        self._position = position
        self.header = source.read(_HEADER_BYTES)
        self._ahead = self.header
        self.tail = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._ahead:
            found, self._ahead = self._ahead, b""
        else:
            found = self._source.read(_BLOCK_BYTES if size < 0 else size)
        if found:
            self.tail = (self.tail + found)[-_HEADER_BYTES:]
        return found

    def done(self) -> int:
        """Bytes of the file itself that have been read."""
        return self._position.tell()


def _is_gz(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _open(path: Path, member: str | None, stack: ExitStack) -> _Stream:
    raw = stack.enter_context(path.open("rb"))
    source: _Readable = raw
    if member is not None:
        archive = stack.enter_context(zipfile.ZipFile(raw))
        source = stack.enter_context(archive.open(member))
    elif _is_gz(path):
        source = stack.enter_context(gzip.GzipFile(fileobj=raw))
    return _Stream(source, raw)


def _encoding(header: bytes) -> str:
    return _UTF16.get(header[:2], "utf-8")


def _header(header: bytes) -> tuple[list[str], str]:
    """The columns' names and the sign between them."""
    encoding = _encoding(header)
    lines = header.decode(
        encoding, errors="replace" if len(header) == _HEADER_BYTES else "strict"
    ).splitlines()
    first = lines[0] if lines else ""
    if not first.strip("\ufeff \t"):
        raise ValueError("its first line is empty")
    if "\0" in first:
        raise ValueError("zero bytes in its first line")
    delimiter = max(_DELIMITERS, key=first.count)
    cells = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True))
    names = [plain_name(cell) or f"column_{place}" for place, cell in enumerate(cells)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"column {', '.join(twice)} is there more than once")
    return names, delimiter


def _columns_of(path: Path, member: str | None) -> list[str]:
    with ExitStack() as stack:
        return _header(_open(path, member, stack).header)[0]


def _all_batches(path: Path, members: list[str | None], broken: list[str]) -> Iterator[Batch]:
    for member in members:
        with ExitStack() as stack:
            yield from _batches(_open(path, member, stack), member is None and not _is_gz(path), broken)


def _batches(stream: _Stream, may_be_cut: bool, broken: list[str]) -> Iterator[Batch]:
    names, delimiter = _header(stream.header)
    encoding = _encoding(stream.header)

    def keep(row: pa_csv.InvalidRow) -> str:
        broken.append(row.text)
        return "skip" if len(broken) <= MOST_BROKEN_LINES else "error"

    try:
        reader = pa_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                column_names=names,
                skip_rows=1,
                encoding="utf8" if encoding == "utf-8" else encoding,
            ),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=keep),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        # What pyarrow says when nothing follows the header.
        if "Empty CSV file" in str(error):
            return
        raise
    last: pl.DataFrame | None = None
    for batch in reader:
        if last is not None:
            yield Batch(last, stream.done())
        frame = pl.from_arrow(pa.Table.from_batches([batch]))
        assert isinstance(frame, pl.DataFrame)
        last = frame
    if last is None:
        return
    if may_be_cut and not _ends(stream.tail, encoding):
        line = stream.tail.decode(encoding, errors="replace").splitlines()[-1]
        if not (broken and line.endswith(broken[-1])):
            broken.append(line)
            last = last.head(-1)
    yield Batch(last, stream.done())


def _ends(tail: bytes, encoding: str) -> bool:
    """Whether the last line has its end."""
    return tail.endswith(tuple(end.encode(encoding) for end in ("\n", "\r")))
