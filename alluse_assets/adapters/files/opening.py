"""From a path to its lines: which of the formats a file is in, and what its name says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

from alluse_assets.adapters.files.csv_file import CSV_SUFFIXES, open_csv
from alluse_assets.adapters.files.layouts.layout import DAY, UNDERLYING, Layout, Terms
from alluse_assets.adapters.files.lean_zip import is_lean_zip, open_lean_zip
from alluse_assets.adapters.files.parquet_file import open_parquet
from alluse_assets.adapters.files.reading import Lines
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import DataKind

_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
# As OptionsDX names its files: spy_eod_202301.txt, spy_15x_202301.txt. Other names may begin with any word.
_TICKER_IN_NAME = re.compile(r"([A-Za-z][A-Za-z.]{0,5})_(eod|\d+x)_\d{4,6}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Given:
    """What whoever gives files says of them; None: the files say it themselves.

    Attributes:
        layout: the name of their layout.
        kind: what they hold.
        underlying: ticker of files that name none.
        day: session of files that name none.
        at: New York time of quotes that have a date only.
        root: root of contracts whose symbols are not in the file.
        symbols: take rows of these only; empty: of all.
    """

    layout: str | None = None
    kind: DataKind | None = None
    underlying: str | None = None
    day: date | None = None
    at: time | None = None
    root: str | None = None
    symbols: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """All of it in a line: files that are given otherwise are read again."""
        said = (
            *(self.layout or "", self.kind or "", self.underlying or "", self.root or ""),
            *(str(self.day or ""), str(self.at or ""), ",".join(sorted(self.symbols))),
        )
        return "|".join(said) if any(said) else ""


def is_data_file(path: Path) -> bool:
    """Whether its name is that of a file that could be taken in."""
    names = (".parquet", ".zip", *CSV_SUFFIXES, *(f"{suffix}.gz" for suffix in CSV_SUFFIXES))
    return path.name.lower().endswith(names) and not path.name.startswith(".")


def open_lines(path: Path, given: Given) -> Lines:
    """The lines of ``path``.

    Raises:
        DataError: it cannot be read, or is of no layout that is known (or asked for).
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a file")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if not is_data_file(path):
        raise DataError(f"{path}: give a .parquet, .csv, .txt, .csv.gz or .zip file")
    if path.suffix.lower() == ".parquet":
        return open_parquet(path, given.layout, given.kind)
    if path.suffix.lower() == ".zip" and is_lean_zip(path):
        lines = open_lean_zip(path)
        if given.layout not in (None, lines.layout.name) or given.kind not in (None, lines.layout.kind):
            asked = given.layout or given.kind
            raise DataError(f"{path}: it is {lines.layout.name}, {lines.layout.kind}, and not {asked}")
        return lines
    return open_csv(path, given.layout, given.kind)


def terms_for(path: Path, layout: Layout, given: Given, calendar: TradingCalendar) -> Terms:
    """What the file does not say itself: as given, else as its name has it.

    Raises:
        DataError: neither says the ticker of a layout that has none.
    """
    terms = Terms(calendar, given.underlying, given.day, given.at, given.root)
    if UNDERLYING in layout.lacks and terms.underlying is None:
        match = _TICKER_IN_NAME.match(path.name)
        if match is None:
            raise DataError(
                f"{path}: layout {layout.name} names no underlying: give --underlying, or name the file as "
                "the vendor does (spy_eod_202301.txt)"
            )
        terms = replace(terms, underlying=match[1].upper())
    if DAY in layout.lacks and terms.day is None:
        terms = replace(terms, day=_day_in(path.name))
    return terms


def _day_in(name: str) -> date | None:
    match = _DAY_IN_NAME.search(name)
    try:
        return datetime.strptime("-".join(match.groups()), "%Y-%m-%d").date() if match else None  # noqa: DTZ007
    except ValueError:
        return None
