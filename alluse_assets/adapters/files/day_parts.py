"""A file's rows put aside by month on the disk, so that a day's rows come together again in bounded memory.

Rows that share a key share its day, so a rule about equal keys sees all of them, in whatever order the
file had them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from alluse_assets.adapters.lake.layout import cut
from alluse_assets.base.errors import DataError

MOST_ROWS = 100_000
_OPEN_FILES = 128
_DAY = "__day__"
_NO_MONTH = "none"


class DayParts:
    """Rows below ``folder``, added in any order and taken day by day.

    Args:
        folder: empty, and nobody else's.
        spread: a column by whose values a day with too many rows is taken in parts; None: it is not.
    """

    def __init__(self, folder: Path, spread: str | None) -> None:
        self._folder = folder
        self._spread = spread
        self._writers: OrderedDict[str, pa.RecordBatchStreamWriter] = OrderedDict()
        self._files: defaultdict[str, list[Path]] = defaultdict(list)
        self.rows_by_day: Counter[date | None] = Counter()

    def add(self, frame: pl.DataFrame, day: pl.Series) -> None:
        """Put rows aside; ``day`` has each row's date.

        Raises:
            DataError: too many rows have no date.
            OSError: the disk refuses.
        """
        marked = frame.with_columns(day.alias(_DAY))
        counts = marked.group_by(_DAY).len()
        self.rows_by_day.update(dict(counts.iter_rows()))
        if self.rows_by_day[None] > MOST_ROWS:
            raise DataError(f"more than {MOST_ROWS:,} rows have no date that can be read")
        month = pl.col(_DAY).dt.strftime("%Y-%m").fill_null(_NO_MONTH).alias("__month__")
        by_month = marked.with_columns(month).partition_by("__month__", as_dict=True, include_key=False)
        for (name,), part in by_month.items():
            table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
            self._writer(str(name), table.schema).write_table(table)

    def groups(self) -> Iterator[Iterator[pl.DataFrame]]:
        """The rows by days, ascending, those without a date first; a day's rows are all in one group.

        A group is one frame, or, of a day that is too big, several: rows with one value of ``spread`` are in
        one of them.
        """
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        if self.rows_by_day[None]:
            yield iter([self._rows(_NO_MONTH, None)])
        together: list[tuple[date, ...]] = []
        rows = 0
        for days in self._days():
            more = sum(self.rows_by_day[day] for day in days)
            if together and rows + more > MOST_ROWS:
                yield self._parts(together, rows)
                together, rows = [], 0
            together.append(days)
            rows += more
        if together:
            yield self._parts(together, rows)

    def _parts(self, groups: Sequence[tuple[date, ...]], rows: int) -> Iterator[pl.DataFrame]:
        parts = -(-rows // MOST_ROWS) if self._spread else 1
        for number in range(parts):
            yield pl.concat(self._rows(f"{days[0]:%Y-%m}", days, number, parts) for days in groups)

    def _days(self) -> Iterator[tuple[date, ...]]:
        """Days of one month with no more rows than are taken at once, or one day."""
        months: defaultdict[str, dict[date, int]] = defaultdict(dict)
        for day, rows in self.rows_by_day.items():
            if day is not None:
                months[f"{day:%Y-%m}"][day] = rows
        for month in sorted(months):
            yield from cut(months[month], MOST_ROWS)

    def _rows(self, month: str, days: Sequence[date] | None, number: int = 0, parts: int = 1) -> pl.DataFrame:
        """Rows of days of a month; of a day in ``parts``, those of part ``number``."""
        kept = []
        for path in self._files[month]:
            with pa.ipc.open_stream(pa.OSFile(str(path))) as reader:
                for batch in reader:
                    frame = pl.from_arrow(pa.Table.from_batches([batch]))
                    assert isinstance(frame, pl.DataFrame)
                    if days is not None:
                        frame = frame.filter(pl.col(_DAY).is_in(list(days)))
                    if parts > 1:
                        assert self._spread is not None
                        frame = frame.filter(pl.col(self._spread).hash(seed=0) % parts == number)
                    kept.append(frame if frame.height == batch.num_rows else with_own_text(frame))
        return pl.concat(kept).drop(_DAY)

    def _writer(self, month: str, schema: pa.Schema) -> pa.RecordBatchStreamWriter:
        if month not in self._writers:
            if len(self._writers) == _OPEN_FILES:
                self._writers.popitem(last=False)[1].close()
            path = self._folder / f"{month}.{len(self._files[month])}.arrows"
            self._files[month].append(path)
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writers[month] = pa.ipc.new_stream(str(path), schema, options=options)
        self._writers.move_to_end(month)
        return self._writers[month]


def with_own_text(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` copied: rows that were picked out of a frame hold on to all of its text."""
    copied = pl.from_arrow(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
    assert isinstance(copied, pl.DataFrame)
    return copied
