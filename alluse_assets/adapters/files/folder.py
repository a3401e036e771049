"""Taking in a folder: every file of it, in an order that stays the same, each whole before the next.

Bars come before chains, which may need their closes. A file that is refused does not stop the others. An
ingest that was stopped goes on with the first file that is not noted as done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alluse_assets.adapters.files.ingest import IngestReport, OnStep, ingest
from alluse_assets.adapters.files.ingested import FileState, IngestedFiles
from alluse_assets.adapters.files.layouts.layout import Layout
from alluse_assets.adapters.files.lean_zip import beside_quotes, read_with
from alluse_assets.adapters.files.opening import Given, is_data_file, open_lines
from alluse_assets.adapters.files.reading import RefusedFileError
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import DataError

_FIRST_KINDS = ("bars", "intraday_bars")


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file: a report, a reason why it was refused, or neither: it was done before."""

    path: Path
    report: IngestReport | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Ingest:
    """An ingest into one lake. ``again``: files that are done and unchanged are taken in once more."""

    lake: Lake
    calendar: TradingCalendar
    scratch: Path
    given: Given = field(default_factory=Given)
    again: bool = False

    def files(self, path: Path) -> list[Path]:
        """The files of a folder, in the order in which they are taken in; a file alone is itself.

        Raises:
            DataError: there is no such path, or no file of ours in it.
        """
        if not path.is_dir():
            return [path]
        found = sorted(file for file in path.rglob("*") if file.is_file() and is_data_file(file))
        # Open interest of Lean's is a part of the quotes beside it.
        found = [file for file in found if not beside_quotes(file)]
        if not found:
            raise DataError(f"{path}: no .parquet, .csv, .txt, .csv.gz or .zip file in it")
        return sorted(found, key=lambda file: self._place(file))

    def outcomes(self, files: Sequence[Path], on_step: OnStep) -> Iterator[FileOutcome]:
        """Take in one file after the other; what became of each, as it is done.

        A file that is refused is an outcome. What is wrong with the lake is not: it ends everything.
        """
        for file in files:
            try:
                yield self.take_in(file, on_step)
            except RefusedFileError as error:
                yield FileOutcome(file, refused=str(error))

    def take_in(self, file: Path, on_step: OnStep) -> FileOutcome:
        """Take in one file, unless it is done.

        Raises:
            RefusedFileError: it is refused; the lake is as it was.
            DataError: something is wrong with the lake.
        """
        done = IngestedFiles(self.lake, self.calendar)
        state = FileState.of([file, *read_with(file)])
        if not self.again and done.is_done(state, self.given.text):
            return FileOutcome(file)
        sha256 = state.sha256()
        report = ingest(file, self.lake, self.calendar, self.scratch, self.given, on_step)
        done.note(state, sha256, self.given.text, report)
        return FileOutcome(file, report)

    def _place(self, file: Path) -> tuple[bool, Path]:
        layout = _layout_of(file, self.given)
        return layout is None or layout.kind not in _FIRST_KINDS, file


def _layout_of(file: Path, given: Given) -> Layout | None:
    """The layout, or None where that is a reason to refuse the file when its turn comes."""
    try:
        return open_lines(file, given).layout
    except DataError:
        return None
