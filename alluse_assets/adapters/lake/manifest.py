"""The manifest beside each data file: what is in it and how to know that it is whole.

A manifest names its data file by content, so whoever holds one either reads exactly that content or
learns that it is damaged. It carries no time of writing: equal rows give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Table

FILE_NAME = "manifest.json"
# Raised when the way of writing changes, not with each release: it is part of the manifest's bytes.
WRITER = "alluse lake 1"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one partition holds. ``first`` and ``last`` are dates as text, null without a date column."""

    table: str
    source: str
    month: str
    data_file: str
    rows: int
    sha256: str
    size_bytes: int
    schema_version: str
    columns: dict[str, str]
    first: str | None
    last: str | None
    writer: str = WRITER

    def to_bytes(self) -> bytes:
        """Readable JSON, the same for the same content."""
        return (json.dumps(asdict(self), indent=1) + "\n").encode()


def describe(table: Table, source: str, month: str, frame: pl.DataFrame, data: bytes) -> Manifest:
    """The manifest for ``data``, the Parquet bytes of ``frame``."""
    digest = hashlib.sha256(data).hexdigest()
    dates = frame[date_column] if (date_column := partition_column(table)) else None
    first, last = (dates.min(), dates.max()) if dates is not None else (None, None)
    return Manifest(
        table=table.name,
        source=source,
        month=month,
        data_file=f"part-{digest[:16]}.parquet",
        rows=frame.height,
        sha256=digest,
        size_bytes=len(data),
        schema_version=schema_version(table),
        columns={name: str(dtype) for name, dtype in table.schema.items()},
        first=None if first is None else str(first),
        last=None if last is None else str(last),
    )


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in ``folder``; None when the partition does not exist.

    Raises:
        DataError: there is one that cannot be read.
    """
    path = folder / FILE_NAME
    try:
        return Manifest(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: no readable manifest ({error}); {REMEDY.format(folder=folder)}") from error


def partition_column(table: Table) -> str | None:
    """The column whose month decides a row's partition: the table's first date; None when it has none."""
    return next((c.name for c in table.columns if c.dtype == pl.Date), None)


def schema_version(table: Table) -> str:
    """Twelve hex digits that change when the table's key, columns or types do."""
    text = json.dumps([table.name, table.key, [(c.name, str(c.dtype)) for c in table.columns]])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


REMEDY = "remove the folder {folder} and fill it again from its source"
