"""What a research file holds, as of a day: the market's tables, the books' tables, and what describes them.

Everything is cut at the day: rows of the market by their date, each journal by its events' effective day.
The books' tables are projected again from the cut journals, so that nothing that came later is in them.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import takewhile

import polars as pl
import rfc8785

from alluse_assets.accounts.config_in_force import config_state
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar
from alluse_assets.base.errors import DataError, JournalError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.journal.chain import RecordedEvent
from alluse_assets.journal.store import JournalStore
from alluse_assets.journal.tables import JOURNAL, POSTINGS, list_journal
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INDICATORS, RATES
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.reporting.projections import PROJECTIONS, project
from alluse_assets.strategies.candidates import CANDIDATES

_MARKET = Column("market", pl.String, "The market that the row belongs to: books name theirs.")
_BOOK = Column("book", pl.String, "The book that the row belongs to.")

MARKET_TABLES = (
    *(BARS, INDICATORS, CORPORATE_ACTIONS, RATES),
    *(OPTION_CHAINS, IMPLIED_FORWARDS, SURFACES, MODEL_VALUES),
    QUARANTINE,
)

BOOKS = Table(
    name="books",
    description="The books in this file, how far each goes, and the hash that proves its journal.",
    grain="one book",
    layer="out",
    key=("book",),
    columns=(
        _BOOK,
        Column("kind", pl.String, "live, paper or replay."),
        Column("profile", pl.String, "Profile it was opened with."),
        Column("market", pl.String, "Market that it trades."),
        Column("first_session", pl.Date, "First session.", "date"),
        Column("last_day", pl.Date, "New York date of its last event in this file.", "date"),
        Column("lump_sum", pl.Decimal(20, 2), "Money it was opened with.", "USD"),
        Column("events", pl.Int64, "Events of its journal in this file.", "events"),
        Column("journal_hash", pl.String, "Hash of the last of them.", "hexadecimal"),
        Column("config_version", pl.Int32, "Version of its configuration on the last day."),
        Column("config_fingerprint", pl.String, "SHA-256 over that configuration.", "hexadecimal"),
        Column("config", pl.String, "That configuration, canonical JSON."),
    ),
)


def owned(table: Table, owner: Column) -> Table:
    """``table`` with its owner, a book or a market, as its first column and in its key."""
    return replace(table, columns=(owner, *table.columns), key=(owner.name, *table.key))


@dataclass(frozen=True, slots=True)
class BookPart:
    """A book up to the day."""

    name: str
    kind: str
    rows: Sequence[RecordedEvent]
    market: str


@dataclass(frozen=True)
class Contents:
    """What goes into one file. ``parts`` of a table are frames that come in the order of its key."""

    lake: Lake
    calendar: TradingCalendar
    books: Sequence[BookPart]
    markets: Sequence[str]
    as_of: date | None

    def tables(self) -> list[tuple[Table, Callable[[], Iterator[pl.DataFrame]]]]:
        """Every table with what makes its rows, the market's first."""
        found: list[tuple[Table, Callable[[], Iterator[pl.DataFrame]]]] = [(BOOKS, self._books)]
        for table in MARKET_TABLES:
            found.append((owned(table, _MARKET), lambda table=table: self._market(table)))  # type: ignore[misc]
        found.append((owned(CANDIDATES, _BOOK), self._candidates))
        for table in (JOURNAL, POSTINGS):
            found.append((owned(table, _BOOK), lambda table=table: self._listed(table)))  # type: ignore[misc]
        for table in PROJECTIONS:
            found.append((owned(table, _BOOK), lambda table=table: self._projected(table)))  # type: ignore[misc]
        return found

    @cached_property
    def _projections(self) -> dict[str, dict[str, pl.DataFrame]]:
        return {book.name: project([row.event for row in book.rows], self.calendar) for book in self.books}

    @cached_property
    def _journals(self) -> dict[str, dict[str, pl.DataFrame]]:
        found = {}
        for book in self.books:
            events, lines = list_journal(book.rows)
            found[book.name] = {JOURNAL.name: events, POSTINGS.name: lines}
        return found

    def _market(self, table: Table) -> Iterator[pl.DataFrame]:
        for market in self.markets:
            yield from self._months(table, market, _MARKET.name, market)

    def _candidates(self) -> Iterator[pl.DataFrame]:
        for book in self.books:
            yield from self._months(CANDIDATES, f"book={book.name}", _BOOK.name, book.name)

    def _months(self, table: Table, source: str, owner: str, name: str) -> Iterator[pl.DataFrame]:
        for month in self.lake.months(table, source):
            if not month[0].isdigit():
                # Refused rows without a date: nobody can say whether they were known on a day.
                if self.as_of is None:
                    frame = self.lake.read(table, source, where=pl.col("session").is_null())
                    yield frame.with_columns(pl.lit(name).alias(owner))
                continue
            first = date.fromisoformat(f"{month}-01")
            if self.as_of and first > self.as_of:
                break
            last = date(first.year, first.month, monthrange(first.year, first.month)[1])
            frame = self.lake.read(table, source, first, min(last, self.as_of or last))
            yield frame.with_columns(pl.lit(name).alias(owner))

    def _listed(self, table: Table) -> Iterator[pl.DataFrame]:
        for book in self.books:
            yield self._journals[book.name][table.name].with_columns(pl.lit(book.name).alias(_BOOK.name))

    def _projected(self, table: Table) -> Iterator[pl.DataFrame]:
        for book in self.books:
            frame = self._projections[book.name][table.name].sort(table.key)
            yield frame.with_columns(pl.lit(book.name).alias(_BOOK.name))

    def _books(self) -> Iterator[pl.DataFrame]:
        for book in self.books:
            opened = book.rows[0].event.payload
            last = book.rows[-1]
            version = config_state(row.event for row in book.rows).config_history.versions[-1]
            row = {
                "book": book.name,
                "kind": book.kind,
                "profile": opened["profile"],
                "market": book.market,
                "first_session": date.fromisoformat(str(opened["first_session"])),
                "last_day": last.event.effective_at.astimezone(NEW_YORK).date(),
                "lump_sum": str(opened["lump_sum"]),
                "events": last.seq,
                "journal_hash": last.hash.hex(),
                "config_version": version.number,
                "config_fingerprint": version.fingerprint,
                "config": rfc8785.dumps(dict(version.form)).decode(),
            }
            yield BOOKS.conform(pl.DataFrame([row]))


def gather(
    lake: Lake, store: JournalStore, calendar: TradingCalendar, book: str | None, as_of: date | None
) -> Contents:
    """What a file of one book, or of all, holds as of a day; None for all there is.

    Raises:
        JournalError: there is no such book, or it was opened after the day.
        DataError: there is nothing to export, or nothing as early as that.
    """
    known = {row.name: row.kind for row in store.books()}
    if book is not None and book not in known:
        raise JournalError(f"there is no book {book!r}; there are: {', '.join(sorted(known)) or 'none'}")
    parts, opened_on = [], []
    for name in [book] if book is not None else sorted(known):
        rows = list(store.read(name))
        if rows:
            opened_on.append(_day(rows[0]))
        cut = [*takewhile(lambda row: as_of is None or _day(row) <= as_of, rows)]
        if cut:
            config = cut[0].event.payload["config"]
            assert isinstance(config, dict)
            market = config["market"]
            assert isinstance(market, dict)
            parts.append(BookPart(name, known[name], cut, str(market["source"])))
        elif book is not None:
            when = f"was opened on {opened_on[0]}" if rows else "has no events yet"
            raise JournalError(f"book {book!r} {when}: nothing of it to export as of {as_of or 'now'}")
    if book is not None:
        markets = sorted({part.market for part in parts})
    else:
        markets = sorted({source for table in MARKET_TABLES for source in lake.sources(table)})
    earliest = _first_day(lake, markets, opened_on)
    if earliest is None:
        raise DataError("there is nothing to export yet: no market data in the lake and no book")
    if as_of is not None and as_of < earliest:
        raise DataError(f"--as-of {as_of} is before all data: the first is of {earliest}")
    return Contents(lake, calendar, parts, markets, as_of)


def _first_day(lake: Lake, markets: Sequence[str], opened_on: Sequence[date]) -> date | None:
    """The first day of any book, bar or option quote; rates may be much older and mean nothing alone."""
    days = [*opened_on]
    for table in (BARS, OPTION_CHAINS):
        for market in markets:
            days += [date.fromisoformat(m.first) for m in lake.manifests(table, market)[:1] if m.first]
    return min(days, default=None)


def _day(row: RecordedEvent) -> date:
    return row.event.effective_at.astimezone(NEW_YORK).date()
