"""Which files are in the lake already: a small table of it, so that an ingest that was stopped goes on.

A file is noted after all of its rows are safe. One that was not changed since (by its size and time, else
by its content) and was given in the same way is not read again, unless its quotes took the price of the
underlying from bars of the lake that are others now: a corrected bar reaches them so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from alluse_assets.adapters.files.ingest import SOURCE, IngestReport
from alluse_assets.adapters.files.reading import RefusedFileError
from alluse_assets.adapters.files.spots import Spots
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.table_catalog import Column, Table

_TO = "/"

INGESTED_FILES = Table(
    name="ingested_files",
    description="Files that were taken in to their last row, as they were then.",
    grain="one file",
    layer="raw",
    key=("path",),
    columns=(
        Column("path", pl.String, "The file, by its full name."),
        Column("layout", pl.String, "Layout that it was read in."),
        Column("table", pl.String, "Table that its rows are for."),
        Column("given", pl.String, "What was said of it beside; empty: nothing."),
        Column("size_bytes", pl.Int64, "Its size, with that of files that are read together with it.", low=0),
        Column(
            "modified_ns", pl.Int64, "When it was last changed, by the file system's clock.", "nanoseconds"
        ),
        Column("sha256", pl.String, "Digest of its content."),
        Column("rows_read", pl.Int64, "Its rows.", "rows", low=0),
        Column("rows_quarantined", pl.Int64, "Those that were refused.", "rows", low=0),
        # Text, because a date would be the partition's.
        Column(
            "spot_days",
            pl.String,
            "First and last day of the lake's bars that its quotes took spots from; null: from none.",
            nullable=True,
        ),
        Column("spot_bars", pl.String, "Content of those bars then.", nullable=True),
    ),
)


@dataclass(frozen=True, slots=True)
class FileState:
    """A file, and those that are read together with it, as they are at a moment."""

    files: tuple[Path, ...]
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, files: Sequence[Path]) -> FileState:
        """The state now.

        Raises:
            RefusedFileError: one of them is not there.
        """
        try:
            stats = [file.stat() for file in files]
        except OSError as error:
            raise RefusedFileError(f"{files[0]} cannot be read: {error.strerror or error}") from error
        return cls(tuple(files), sum(s.st_size for s in stats), max(s.st_mtime_ns for s in stats))

    @property
    def name(self) -> str:
        """The first one's full name."""
        return str(self.files[0].resolve())

    def sha256(self) -> str:
        """Digest of their content, one after the other.

        Raises:
            RefusedFileError: one cannot be read.
        """
        digest = hashlib.sha256()
        try:
            for path in self.files:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise RefusedFileError(f"{path} cannot be read: {error.strerror or error}") from error
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class IngestedFiles:
    """The notes of a lake."""

    lake: Lake
    calendar: TradingCalendar

    def is_done(self, state: FileState, given: str) -> bool:
        """Whether the file is in the lake as it is now, with the spots that its bars give now."""
        noted = self.lake.read(INGESTED_FILES, SOURCE, where=pl.col("path") == state.name)
        if noted.is_empty():
            return False
        row = noted.row(0, named=True)
        if (row["given"], row["size_bytes"]) != (given, state.size_bytes):
            return False
        if row["modified_ns"] != state.modified_ns and row["sha256"] != state.sha256():
            return False
        return row["spot_days"] is None or self._bars_now(row["spot_days"]) == row["spot_bars"]

    def _bars_now(self, days: str) -> str:
        first, last = (date.fromisoformat(day) for day in days.split(_TO))
        return Spots(self.lake, self.calendar, SOURCE).bars(first, last).content_id

    def note(self, state: FileState, sha256: str, given: str, report: IngestReport) -> None:
        """Note that the file is in the lake. ``sha256`` was taken before it was read."""
        bars = report.spot_bars
        row = {
            "path": state.name,
            "layout": report.layout,
            "table": report.kind,
            "given": given,
            "size_bytes": state.size_bytes,
            "modified_ns": state.modified_ns,
            "sha256": sha256,
            "rows_read": report.rows_read,
            "rows_quarantined": report.rows_quarantined,
            "spot_days": f"{bars.first}{_TO}{bars.last}" if bars else None,
            "spot_bars": bars.content_id if bars else None,
        }
        self.lake.write(INGESTED_FILES, SOURCE, pl.DataFrame([row], schema=INGESTED_FILES.schema))
