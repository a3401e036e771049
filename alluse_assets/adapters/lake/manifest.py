"""The manifest of a partition: which data files it has, which versions before, and what it was made from.

A manifest names its data files by content, so whoever holds one either reads exactly that content or
learns that it is damaged. Equal rows with equal inputs give equal bytes: no time is part of it, except
where the lake was given a clock to note when a version was superseded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Table

FILE_NAME = "manifest.json"
# Raised when the way of writing changes, not with each release: partitions of another writer are read, and
# are written anew as a whole by the next write or by compact.
WRITER = "alluse lake 2"
_FIRST_WRITER = "alluse lake 1"
REMEDY = "remove the folder {folder} and fill it again from its source"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file. ``days``: rows of each date (ISO text); empty where rows have no date."""

    name: str
    rows: int
    sha256: str
    size_bytes: int
    first: str | None
    last: str | None
    days: dict[str, int]

    def may_hold(self, start: date | None, end: date | None) -> bool:
        """Whether a row from ``start`` to ``end`` can be in it."""
        if self.first is None or self.last is None:
            return True
        return (start is None or self.last >= str(start)) and (end is None or self.first <= str(end))


@dataclass(frozen=True, slots=True)
class Change:
    """What one write did to the rows that were there."""

    rows_added: int
    rows_replaced: int
    rows_removed: int


@dataclass(frozen=True, slots=True)
class Version:
    """A state of a partition. A new one begins when rows are replaced or removed; added rows join it.

    Attributes:
        number: 1 for the first.
        rows: how many it has, or had when it was superseded.
        sha256: stands for all of its rows: equal for equal content.
        files: where its rows are.
        change: what the write that began it did to the version before; None for the first.
        superseded_at: ISO instant, where the lake has a clock; None for the current version.
    """

    number: int
    rows: int
    sha256: str
    files: tuple[DataFile, ...]
    change: Change | None = None
    superseded_at: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Input:
    """A partition that another was made from. ``content_id`` is empty where there was nothing."""

    table: str
    source: str
    month: str
    content_id: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one partition holds. ``first`` and ``last`` are dates as text, null without a date column.

    ``content_id`` stands for rows and columns: equal for equal content. ``inputs`` is None where nobody said
    what the rows were made from. ``earlier``: versions that were superseded and are kept.
    """

    table: str
    source: str
    month: str
    rows: int
    content_id: str
    first: str | None
    last: str | None
    schema_version: str
    columns: dict[str, str]
    files: tuple[DataFile, ...]
    version: int = 1
    change: Change | None = None
    earlier: tuple[Version, ...] = ()
    inputs: tuple[Input, ...] | None = None
    writer: str = WRITER

    @property
    def current(self) -> Version:
        """The version that readers see."""
        return Version(self.version, self.rows, self.content_id, self.files, self.change)

    @property
    def names(self) -> frozenset[str]:
        """Every data file that some version needs."""
        return frozenset(file.name for one in (self.current, *self.earlier) for file in one.files)

    def to_bytes(self) -> bytes:
        """Readable JSON, the same for the same content."""
        return (json.dumps(asdict(self), indent=1) + "\n").encode()


def describe(table: Table, source: str, month: str, files: Iterable[DataFile]) -> Manifest:
    """The manifest of a first version made of ``files``, which are in order of their days."""
    files = tuple(files)
    return Manifest(
        table=table.name,
        source=source,
        month=month,
        rows=sum(file.rows for file in files),
        content_id=content_id([schema_version(table), *(file.sha256 for file in files)]),
        first=min((file.first for file in files if file.first), default=None),
        last=max((file.last for file in files if file.last), default=None),
        schema_version=schema_version(table),
        columns={name: str(dtype) for name, dtype in table.schema.items()},
        files=files,
    )


def parse_manifest(content: bytes, where: str) -> Manifest:
    """The manifest that ``content`` is; ``where`` is the partition's folder, for the message.

    Raises:
        DataError: it is no manifest of ours.
    """
    try:
        read = json.loads(content)
        if read["writer"] == _FIRST_WRITER:
            return _first_generation(read)
        if read["writer"] != WRITER:
            raise DataError(
                f"{where}/{FILE_NAME}: written by {read['writer']!r}, which this version cannot read: "
                "update alluse, or name another lake"
            )
        inputs = read["inputs"]
        return Manifest(
            **{
                **read,
                "files": _files(read["files"]),
                "change": _change(read["change"]),
                "earlier": tuple(
                    Version(**{**one, "files": _files(one["files"]), "change": _change(one["change"])})
                    for one in read["earlier"]
                ),
                "inputs": None if inputs is None else tuple(Input(**one) for one in inputs),
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{where}/{FILE_NAME}: no readable manifest ({error}); {REMEDY.format(folder=where)}"
        ) from error


def content_id(parts: Iterable[str]) -> str:
    """One digest of several, in their order."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def partition_column(table: Table) -> str | None:
    """The column whose month decides a row's partition: the table's first date; None when it has none."""
    return next((c.name for c in table.columns if c.dtype == pl.Date), None)


def schema_version(table: Table) -> str:
    """Twelve hex digits that change when the table's key, columns or types do."""
    text = json.dumps([table.name, table.key, [(c.name, str(c.dtype)) for c in table.columns]])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _files(read: Iterable[Mapping[str, Any]]) -> tuple[DataFile, ...]:
    return tuple(DataFile(**one) for one in read)


def _change(read: Mapping[str, int] | None) -> Change | None:
    return None if read is None else Change(**read)


def _first_generation(read: Mapping[str, Any]) -> Manifest:
    """One file a partition, sorted by key; nothing was known of its days, versions and inputs."""
    file = DataFile(
        read["data_file"], read["rows"], read["sha256"], read["size_bytes"], read["first"], read["last"], {}
    )
    shared = ("table", "source", "month", "rows", "first", "last", "schema_version", "columns", "writer")
    return Manifest(
        **{name: read[name] for name in shared},
        content_id=content_id([read["schema_version"], file.sha256]),
        files=(file,),
    )
