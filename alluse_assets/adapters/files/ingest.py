"""Taking a file in: read, clean, write the good rows and the refused ones into the lake.

Doing it again with the same file changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from alluse_assets.adapters.files.parquet_file import read_parquet_file
from alluse_assets.adapters.lake import Lake, PartitionWrite
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import DataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import OPTION_QUOTES

FileKind = Literal["bars", "option_quotes"]
FILE_KINDS: tuple[FileKind, ...] = ("bars", "option_quotes")
SOURCE = "files"

_Cleaner = Callable[[pl.DataFrame, TradingCalendar, str], tuple[pl.DataFrame, pl.DataFrame]]
_KINDS: dict[FileKind, tuple[Table, _Cleaner]] = {
    "bars": (BARS, clean_bars),
    "option_quotes": (OPTION_QUOTES, clean_option_quotes),
}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a file's rows: read = written + unchanged + quarantined (rows by rule).

    ``rows_replaced``: how many of those written corrected a row that an earlier file had brought.
    """

    path: Path
    kind: FileKind
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_replaced: int
    quarantined: dict[str, int]
    first: date | None
    last: date | None

    @property
    def rows_quarantined(self) -> int:
        """Rows that were refused, whatever the rule."""
        return sum(self.quarantined.values())


def ingest(
    path: Path,
    kind: FileKind,
    lake: Lake,
    calendar: TradingCalendar,
    on_rows: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Clean the rows of a Parquet file and write them into the lake under the source ``files``.

    Args:
        path: columns as the table ``kind`` has them; further columns are kept with refused rows only.
        kind: the table that the rows are for.
        lake: where good rows, and refused ones with their rule, are written.
        calendar: says which dates are sessions.
        on_rows: called with rows done and rows in all, for a progress bar.

    Raises:
        DataError: the file is unreadable or no Parquet, or a column is missing or of another kind.
    """
    table, clean = _KINDS[kind]
    frame = read_parquet_file(path)
    try:
        good, refused = clean(frame, calendar, SOURCE)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    done = 0

    def advance(write: PartitionWrite) -> None:
        nonlocal done
        done += write.rows_written + write.rows_unchanged
        if on_rows:
            on_rows(done, frame.height)

    # Refused rows first: a kill in between then never leaves good rows whose bad neighbours are unknown.
    lake.write(QUARANTINE, SOURCE, refused, on_month=advance)
    writes = lake.write(table, SOURCE, good, on_month=advance)
    dates = good["ts" if kind == "bars" else "session"]
    first, last = dates.min(), dates.max()
    counts = refused.group_by("rule").len().sort("len", "rule", descending=[True, False])
    return IngestReport(
        path=path,
        kind=kind,
        rows_read=frame.height,
        rows_written=sum(write.rows_written for write in writes),
        rows_unchanged=sum(write.rows_unchanged for write in writes),
        rows_replaced=sum(write.rows_replaced for write in writes),
        quarantined=dict(counts.iter_rows()),
        first=first if isinstance(first, date) else None,
        last=last if isinstance(last, date) else None,
    )
