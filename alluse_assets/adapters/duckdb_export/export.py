"""Writes the research file: tables with comments, a data dictionary, and where it all comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import duckdb
import polars as pl

from alluse_assets.adapters.duckdb_export.contents import Contents, gather
from alluse_assets.adapters.duckdb_export.whole_file import whole_file
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Column, Table
from alluse_assets.journal.store import JournalStore

_MAGIC = b"DUCK"
_MAGIC_AT = 8
"""Where a DuckDB file says that it is one."""

DATA_DICTIONARY = Table(
    name="data_dictionary",
    description="Every column of every table in this file.",
    grain="one column of one table",
    layer="out",
    key=("table_name", "position"),
    columns=(
        Column("table_name", pl.String, "Table."),
        Column("position", pl.Int32, "Place of the column in its table, from 1.", low=1),
        Column("column_name", pl.String, "Column."),
        Column("type", pl.String, "Type in DuckDB."),
        Column("unit", pl.String, "Unit of its values; empty where they have none."),
        Column("description", pl.String, "What it says."),
        Column("is_nullable", pl.Boolean, "Whether it may be empty."),
        Column("is_key", pl.Boolean, "Whether it is part of what makes a row unique."),
        Column("allowed", pl.String, "The values it may have, where they are few.", "", True),
    ),
)
EXPORT_INFO = Table(
    name="export_info",
    description="As of which day this file is, and what wrote it.",
    grain="one fact",
    layer="out",
    key=("name",),
    columns=(Column("name", pl.String, "Which fact."), Column("value", pl.String, "The fact.", "", True)),
)

_SQL_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
}
Rows = Callable[[], Iterable[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: rows by table, in the file's order."""

    path: Path
    as_of: date | None
    books: tuple[str, ...]
    markets: tuple[str, ...]
    rows: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0


def export_duckdb(
    out: Path,
    lake: Lake,
    store: JournalStore,
    calendar: TradingCalendar,
    book: str | None = None,
    as_of: date | None = None,
    on_table: Callable[[str, int, int], None] | None = None,
) -> ExportReport:
    """Write everything of one book, or of all, into a new DuckDB file that then takes ``out``'s place.

    Args:
        out: the file; one that is there is replaced at the end, whoever has it open keeps the old one.
        lake: the market's data and the entry candidates.
        store: the journals.
        calendar: says which sessions end a week.
        book: a book's name; None for all.
        as_of: the last day that counts; None for all there is.
        on_table: called before each table with its name, how many are done and how many there are.

    Raises:
        JournalError: there is no such book, or it was opened later.
        DataError: there is nothing as early as that, or ``out`` cannot be written or is something else.
    """
    _require_replaceable(out)
    contents = gather(lake, store, calendar, book, as_of)
    tables: list[tuple[Table, Rows]] = [*contents.tables()]
    tables.append((EXPORT_INFO, lambda: [_export_info(contents)]))
    described = [table for table, _ in tables] + [DATA_DICTIONARY]
    tables.append((DATA_DICTIONARY, lambda: [_dictionary(described)]))
    rows: dict[str, int] = {}
    with whole_file(out) as path:
        try:
            with duckdb.connect(path, config={"autoinstall_known_extensions": "false"}) as connection:
                # Each commit reaches the disk; hundreds of comments are one.
                connection.begin()
                for table, _ in tables:
                    _declare(connection, table)
                connection.commit()
                for done, (table, frames) in enumerate(tables):
                    if on_table:
                        on_table(table.name, done, len(tables))
                    rows[table.name] = _fill(connection, table, frames())
                connection.execute("CHECKPOINT")
        except duckdb.Error as error:
            raise DataError(f"cannot write {out}: {error}") from error
        size = path.stat().st_size
    if on_table:
        on_table("", len(tables), len(tables))
    names = tuple(part.name for part in contents.books)
    return ExportReport(out, as_of, names, tuple(contents.markets), rows, size)


def _require_replaceable(out: Path) -> None:
    if out.is_dir():
        raise DataError(f"{out} is a folder: give the name of a file in it")
    if out.with_name(out.name + ".wal").exists():
        # It would be taken for the new file's and break it.
        raise DataError(
            f"{out}: somebody has changed that file and not finished ({out.name}.wal is there); "
            "close it in the other program, or choose another name"
        )
    if out.is_file() and out.stat().st_size:
        with out.open("rb") as file:
            if file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] != _MAGIC:
                raise DataError(f"{out} is no DuckDB file and is not overwritten: choose another name")


def _declare(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    name = _identifier(table.name)
    columns = ", ".join(
        f"{_identifier(c.name)} {_sql_type(c.dtype)}{'' if c.nullable else ' NOT NULL'}"
        for c in table.columns
    )
    connection.execute(f"CREATE TABLE {name} ({columns})")
    comment = f"{table.description} One row is {table.grain}."
    connection.execute(f"COMMENT ON TABLE {name} IS {_literal(comment)}")
    for column in table.columns:
        text = f"{column.description} ({column.unit})" if column.unit else column.description
        connection.execute(f"COMMENT ON COLUMN {name}.{_identifier(column.name)} IS {_literal(text)}")


def _fill(connection: duckdb.DuckDBPyConnection, table: Table, frames: Iterable[pl.DataFrame]) -> int:
    count = 0
    for frame in _plain(table, frames):
        connection.register("incoming", frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
        connection.execute(f"INSERT INTO {_identifier(table.name)} SELECT * FROM incoming")
        connection.unregister("incoming")
        count += frame.height
    return count


def _plain(table: Table, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames in the table's columns; instants without their zone, which every column's unit names."""
    for frame in frames:
        if not frame.is_empty():
            yield table.conform(frame).with_columns(
                pl.selectors.datetime(time_zone="*").dt.replace_time_zone(None)
            )


def _dictionary(tables: Iterable[Table]) -> pl.DataFrame:
    rows = [
        (
            table.name,
            position,
            column.name,
            _sql_type(column.dtype),
            column.unit,
            column.description,
            column.nullable,
            column.name in table.key,
            ", ".join(column.allowed) or None,
        )
        for table in tables
        for position, column in enumerate(table.columns, start=1)
    ]
    return pl.DataFrame(rows, schema=DATA_DICTIONARY.schema, orient="row")


def _export_info(contents: Contents) -> pl.DataFrame:
    facts = {
        "as_of": contents.as_of.isoformat() if contents.as_of else None,
        "books": ", ".join(part.name for part in contents.books),
        "markets": ", ".join(contents.markets),
        "times": "timestamps are UTC; a session is a New York date",
        "alluse_version": version("alluse"),
        "duckdb_version": duckdb.__version__,
    }
    return pl.DataFrame([*facts.items()], schema=EXPORT_INFO.schema, orient="row")


def _sql_type(dtype: pl.DataType | type[pl.DataType]) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.List):
        inner = dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
        return f"{_sql_type(inner)}[]"
    return _SQL_TYPES[dtype if isinstance(dtype, type) else type(dtype)]


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    """A string for statements that take no parameters, as COMMENT does not."""
    return "'" + text.replace("'", "''") + "'"
