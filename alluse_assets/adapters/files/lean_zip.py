"""Opening a zip of QuantConnect Lean's: one CSV without a header an entry, described by the entry's name.

Quotes of options are read together with the zips of trades and of open interest beside them: what was
traded until then, the last price, and the open interest of the day. Hours, seconds and ticks are not taken.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from alluse_assets.adapters.files.layouts.cells import count
from alluse_assets.adapters.files.layouts.layout import Layout
from alluse_assets.adapters.files.layouts.lean import (
    EQUITY_DAILY,
    EQUITY_MINUTE_QUOTE,
    EQUITY_MINUTE_TRADE,
    OPEN_INTEREST_COLUMNS,
    OPTION_DAILY_QUOTE,
    OPTION_MINUTE_QUOTE,
    OPTION_TRADE,
    QUOTE_COLUMNS,
    TRADE_COLUMNS,
)
from alluse_assets.adapters.files.reading import MOST_BROKEN_LINES, Batch, Lines, told, told_of
from alluse_assets.base.errors import DataError

_WHAT = "whole zip of Lean's layout"
_BATCH_ROWS = 20_000
_DAILY_LINE = re.compile(rb"\d{8} 00:00,")
_OTHER_LINE = re.compile(rb"\d{8} \d\d:\d\d,")
_CONTRACT = r"(?P<style>american|european)_(?P<right>call|put)_(?P<strike>\d+)_(?P<expiry>\d{8})\.csv"
_TICKS = "trade|quote|openinterest"
_EQUITY_MINUTE = re.compile(
    r"(?P<day>\d{8})_(?P<symbol>[^_]+)_(?P<resolution>[a-z]+)_(?P<tick>trade|quote)\.csv"
)
_OPTION_MINUTE = re.compile(
    rf"(?P<day>\d{{8}})_(?P<symbol>[^_]+)_(?P<resolution>[a-z]+)_(?P<tick>{_TICKS})_{_CONTRACT}"
)
_OPTION_DAILY = re.compile(rf"(?P<symbol>[^_]+)_(?P<tick>{_TICKS})_{_CONTRACT}")
_COLUMNS = {"trade": TRADE_COLUMNS, "quote": QUOTE_COLUMNS, "openinterest": OPEN_INTEREST_COLUMNS}
# Folders of Lean's whose prices are not times 10,000, or whose contracts are no options on shares or indices.
_OTHER_SECURITIES = frozenset(
    {"index", "forex", "cfd", "crypto", "cryptofuture", "future", "futureoption", "commodity"}
)
_BESIDE = ("trade", "openinterest")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    symbol: str
    tick: str
    day: str | None = None
    contract: tuple[str, str, str] | None = None
    resolution: str = "daily"


def is_lean_zip(path: Path) -> bool:
    """Whether it is a zip that Lean could have written, by the names in it.

    Raises:
        DataError: it is no whole zip.
    """
    with told_of(path, "whole zip"):
        return bool(_entries(path))


def beside_quotes(path: Path) -> Path | None:
    """The zip of quotes that ``path``, a zip of open interest, is read together with, where there is one."""
    quotes = path.with_name(path.name.replace("_openinterest_", "_quote_"))
    return quotes if quotes != path and quotes.is_file() else None


def read_with(path: Path) -> list[Path]:
    """The zips that are read together with ``path``, a zip of an option's quotes."""
    if path.suffix.lower() != ".zip":
        return []
    others = [path.with_name(path.name.replace("_quote_", f"_{tick}_")) for tick in _BESIDE]
    return [other for other in others if other != path and other.is_file()]


def open_lean_zip(path: Path) -> Lines:
    """The lines of a zip of Lean's.

    Raises:
        DataError: it is no whole zip, holds what is not taken, or belongs to another that is not there.
    """
    others = sorted(_OTHER_SECURITIES.intersection(part.lower() for part in path.parts[-6:-1]))
    if others:
        raise DataError(f"{path}: Lean's {others[0]} is not taken; give its equity and option folders")
    with told_of(path, _WHAT):
        entries = _entries(path)
    kinds = {(one.tick, one.resolution, one.contract is not None) for one in entries}
    if len(kinds) != 1:
        raise DataError(f"{path}: entries of several kinds in one zip: {sorted(kinds)}; give each its own")
    tick, resolution, is_option = kinds.pop()
    if resolution not in ("daily", "minute"):
        raise DataError(f"{path}: Lean's resolution {resolution} is not taken; give its minute or daily zips")
    if tick == "openinterest":
        raise DataError(f"{path}: open interest is read with the zip of quotes beside it, which is not there")
    layout = _layout(tick, resolution, is_option)
    broken: list[str] = []
    return Lines(
        layout, told(path, _WHAT, _batches(path, entries, layout, broken)), len(entries), broken=broken
    )


def _layout(tick: str, resolution: str, is_option: bool) -> Layout:
    if is_option and tick == "trade":
        return OPTION_TRADE
    if is_option:
        return OPTION_DAILY_QUOTE if resolution == "daily" else OPTION_MINUTE_QUOTE
    if resolution == "daily":
        return EQUITY_DAILY
    return EQUITY_MINUTE_TRADE if tick == "trade" else EQUITY_MINUTE_QUOTE


def _entries(path: Path) -> list[_Entry]:
    """The entries, in order; empty when this is no zip of Lean's."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        found = [_parsed(name) for name in names]
        if len(names) == 1 and found == [None] and names[0].lower() == f"{path.stem.lower()}.csv":
            with archive.open(names[0]) as file:
                first = file.read(32)
            if _OTHER_LINE.match(first):
                resolution = "daily" if _DAILY_LINE.match(first) else "hour"
                return [_Entry(names[0], path.stem, "trade", resolution=resolution)]
    known = [entry for entry in found if entry]
    if known and len(known) < len(found):
        raise DataError(
            f"{path}: only some of its entries are named as Lean does; give each kind its own zip"
        )
    return sorted(known, key=lambda entry: entry.name)


def _parsed(name: str) -> _Entry | None:
    lower = Path(name).name.lower()
    for pattern in (_OPTION_MINUTE, _EQUITY_MINUTE, _OPTION_DAILY):
        match = pattern.fullmatch(lower)
        if match:
            part = match.groupdict()
            contract = (part["right"], part["strike"], part["expiry"]) if "right" in part else None
            resolution = part.get("resolution") or "daily"
            return _Entry(name, part["symbol"], part["tick"], part.get("day"), contract, resolution)
    return None


@dataclass(frozen=True)
class _Beside:
    """The zips of trades and open interest that belong to one of quotes."""

    archives: Mapping[str, zipfile.ZipFile]
    entries: Mapping[tuple[str, object], _Entry]

    def lines(self, tick: str, entry: _Entry) -> pl.DataFrame | None:
        """Lines of the same contract and day; None where there is no such zip."""
        if tick not in self.archives:
            return None
        found = self.entries.get((tick, (entry.day, entry.contract)))
        columns = _COLUMNS[tick]
        if found is None:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        return _text(self.archives[tick], found, [])


def _batches(path: Path, entries: list[_Entry], layout: Layout, broken: list[str]) -> Iterator[Batch]:
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(path))
        beside = _open_beside(path, layout, stack)
        parts: list[pl.DataFrame] = []
        for done, entry in enumerate(entries, start=1):
            parts.append(_described(layout, entry, archive, beside, broken))
            if sum(part.height for part in parts) >= _BATCH_ROWS or done == len(entries):
                yield Batch(pl.concat(parts), done)
                parts = []


def _open_beside(path: Path, layout: Layout, stack: ExitStack) -> _Beside:
    archives: dict[str, zipfile.ZipFile] = {}
    entries: dict[tuple[str, object], _Entry] = {}
    for other in read_with(path) if layout.kind == "option_quotes" else ():
        for entry in _entries(other):
            entries[entry.tick, (entry.day, entry.contract)] = entry
            archives[entry.tick] = stack.enter_context(zipfile.ZipFile(other))
    return _Beside(archives, entries)


def _described(
    layout: Layout, entry: _Entry, archive: zipfile.ZipFile, beside: _Beside, broken: list[str]
) -> pl.DataFrame:
    """An entry's lines, with the columns that its name and the zips beside it give."""
    before = len(broken)
    lines = _text(archive, entry, broken)
    if len(broken) > MOST_BROKEN_LINES:
        raise ValueError(f"more than {MOST_BROKEN_LINES:,} lines have not the cells that they should")
    if layout.kind == "option_quotes":
        lines = _with_trades(lines, beside.lines("trade", entry), entry)
        lines = _with_open_interest(lines, beside.lines("openinterest", entry), entry)
    elif layout is OPTION_TRADE:
        lines = _by_day(lines, entry, is_whole=len(broken) == before)
    elif layout is EQUITY_MINUTE_TRADE:
        lines = lines.with_columns(minutes=pl.lit("1"))
    if entry.day and layout is not OPTION_TRADE:
        lines = lines.with_columns(time=pl.lit(entry.day + " ") + pl.col("time"))
    if entry.contract:
        names = zip(("right", "strike", "expiry"), entry.contract, strict=True)
        lines = lines.with_columns(pl.lit(value).alias(name) for name, value in names)
    return lines.with_columns(symbol=pl.lit(entry.symbol))


def _text(archive: zipfile.ZipFile, entry: _Entry, broken: list[str]) -> pl.DataFrame:
    columns = _COLUMNS[entry.tick]
    lines = pl.DataFrame({"line": archive.read(entry.name).decode().splitlines()}, schema={"line": pl.String})
    lines = lines.filter(pl.col("line").str.strip_chars() != "")
    is_whole = pl.col("line").str.count_matches(",", literal=True) == len(columns) - 1
    broken.extend(lines.filter(~is_whole)["line"])
    cells = lines.filter(is_whole).select(pl.col("line").str.split_exact(",", len(columns) - 1))
    return cells.unnest("line").rename(dict(zip(cells["line"].struct.fields, columns, strict=True)))


def _with_trades(lines: pl.DataFrame, trades: pl.DataFrame | None, entry: _Entry) -> pl.DataFrame:
    """``traded`` until the end of the quote's bar, and ``last``; a contract without a line traded nothing."""
    if trades is None:
        return lines.with_columns(traded=pl.lit(None, pl.String), last=pl.lit(None, pl.String))
    known = trades.select("time", traded=count(pl.col("volume")), last=pl.col("close"))
    if entry.day is None:
        known = known.unique("time", keep="first", maintain_order=True)
        joined = lines.join(known, on="time", how="left", maintain_order="left")
    else:
        known = known.select(count(pl.col("time")), pl.col("traded").cum_sum(), "last").drop_nulls("time")
        numbered = (
            lines.with_row_index("place").with_columns(at=count(pl.col("time"))).sort("at", nulls_last=True)
        )
        # Trades are summed as they stand in the file; sorted by time for the join alone.
        joined = (
            numbered.join_asof(known.sort("time"), left_on="at", right_on="time", check_sortedness=False)
            .sort("place")
            .drop("place", "at", "time_right", strict=False)
        )
    return joined.with_columns(pl.col("traded").fill_null(0).cast(pl.String))


def _with_open_interest(lines: pl.DataFrame, interest: pl.DataFrame | None, entry: _Entry) -> pl.DataFrame:
    """``open_interest`` of the day; null where no zip tells it."""
    if interest is None or interest.is_empty():
        return lines.with_columns(open_interest=pl.lit(None, pl.String))
    if entry.day is not None:
        return lines.with_columns(open_interest=pl.lit(interest["open_interest"][0]))
    known = interest.unique("time", keep="first", maintain_order=True)
    return lines.join(known, on="time", how="left", maintain_order="left")


def _by_day(lines: pl.DataFrame, entry: _Entry, is_whole: bool) -> pl.DataFrame:
    """Trades of minutes as one bar of the day, in Lean's numbers; not known if a minute cannot be read."""
    if entry.day is None:
        return lines
    names = TRADE_COLUMNS[1:]
    numbers = lines.select(count(pl.col("time")), *(count(pl.col(name)) for name in names)).sort("time")
    if numbers.is_empty() and is_whole:
        return lines
    is_whole = is_whole and not numbers.null_count().sum_horizontal().item()
    bar = numbers.select(
        time=pl.lit(entry.day),
        open=pl.col("open").first(),
        high=pl.col("high").max(),
        low=pl.col("low").min(),
        close=pl.col("close").last(),
        volume=pl.col("volume").sum(),
    )
    kept = [pl.when(is_whole).then(pl.col(name)).cast(pl.String) for name in names]
    return bar.select("time", *kept)
