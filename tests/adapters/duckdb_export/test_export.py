"""The research file: everything is in it and described, nothing later than its day, and it is never torn."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from alluse_assets.adapters.duckdb_export import export_duckdb
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import NEW_YORK, trading_calendar
from alluse_assets.base.errors import DataError, JournalError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INDICATORS, RATES
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.reporting.projections import PROJECTIONS
from alluse_assets.strategies.candidates import CANDIDATES
from tests.book_maker import InMemoryJournal, random_book
from tests.paths import ROOT

MARKET_TABLES = (
    *(BARS, INDICATORS, CORPORATE_ACTIONS, RATES),
    *(OPTION_CHAINS, IMPLIED_FORWARDS, SURFACES, MODEL_VALUES),
    QUARANTINE,
)

CALENDAR = trading_calendar()
SESSIONS = 26
DAYS = CALENDAR.sessions(date(2011, 1, 3), date(2011, 2, 8))
OTHERS = ("books", "journal", "postings", "data_dictionary", "export_info")


def filler(column, n):
    """A value for a column that no test looks at."""
    if column.allowed:
        return column.allowed[0]
    kind = column.dtype if isinstance(column.dtype, type) else type(column.dtype)
    return {
        pl.String: f"x{n}",
        pl.Float64: 1.0,
        pl.Int32: 1,
        pl.Int64: 1,
        pl.Boolean: True,
        pl.Date: date(2011, 3, 1),
        pl.Datetime: datetime(2011, 1, 3, 21, tzinfo=UTC),
        pl.List: [],
    }[kind]


def market_rows(table: Table, days):
    rows = []
    for n, day in enumerate(days):
        row = {column.name: filler(column, n) for column in table.columns}
        dated = next(column.name for column in table.columns if column.dtype == pl.Date)
        rows.append(row | {dated: day})
    return pl.DataFrame(rows, schema=table.schema)


def fill(lake, days, books=("proof", "second")):
    for table in MARKET_TABLES:
        for source in ("files", "sample"):
            lake.write(table, source, market_rows(table, days))
    for book in books:
        lake.write(CANDIDATES, f"book={book}", market_rows(CANDIDATES, days))


def store_with(sessions=SESSIONS):
    store = InMemoryJournal()
    store.put("proof", random_book(5, sessions).events)
    store.put("second", random_book(6, sessions).events)
    return store


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    fill(lake, DAYS)
    return lake, store_with()


def export(installation, out, **arguments):
    return export_duckdb(out, installation[0], installation[1], CALENDAR, **arguments)


def all_rows(path):
    with duckdb.connect(path, read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: connection.execute(f"FROM {name}").fetchall() for name in sorted(names)}


def test_every_table_is_there_with_comments_and_in_the_dictionary(installation, tmp_path):
    report = export(installation, tmp_path / "f.duckdb")
    expected = {t.name for t in (*MARKET_TABLES, CANDIDATES)}
    expected |= {table.name for table in PROJECTIONS} | set(OTHERS)
    with duckdb.connect(report.path, read_only=True) as connection:
        tables = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY table_name, column_index"
        ).fetchall()
        dictionary = connection.execute(
            "SELECT table_name, column_name, type, is_nullable, description, unit FROM data_dictionary "
            "ORDER BY table_name, position"
        ).fetchall()
        for name, rows in report.rows.items():
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (rows,), name
    assert set(tables) == set(report.rows) == expected
    assert all(tables.values())
    assert [row[:2] for row in columns] == [row[:2] for row in dictionary]
    for (_, _, kind, nullable, comment), (*_, declared, may_be_null, description, unit) in zip(
        columns, dictionary, strict=True
    ):
        assert kind.replace(" ", "") == declared.replace(" ", "")
        assert nullable == may_be_null
        assert comment.startswith(description)
        assert unit in comment
    assert report.rows["option_chains"] == 2 * len(DAYS)
    assert report.books == ("proof", "second")
    assert report.markets == ("files", "sample")


def test_money_is_exact_and_the_books_prove_their_journals(installation, tmp_path):
    export(installation, tmp_path / "f.duckdb")
    store = installation[1]
    with duckdb.connect(tmp_path / "f.duckdb", read_only=True) as connection:
        sums = connection.execute(
            "SELECT sum(amount) FROM postings GROUP BY book, seq HAVING sum(amount) <> 0"
        )
        assert sums.fetchall() == []
        books = connection.execute("SELECT book, events, journal_hash, lump_sum FROM books").fetchall()
        last = connection.execute(
            "SELECT sum(balance) FROM balances WHERE book = 'proof' AND ledger_account = 'cash' "
            "AND session = (SELECT max(session) FROM balances)"
        ).fetchone()
        posted = connection.execute(
            "SELECT sum(amount) FROM postings WHERE book = 'proof' AND ledger_account = 'cash'"
        ).fetchone()
    assert books == [
        (name, store.head(name).seq, store.head(name).hash.hex(), Decimal("1000000.00"))
        for name in ("proof", "second")
    ]
    assert last == posted


@pytest.mark.parametrize("last", [date(2011, 1, 3), date(2011, 1, 19), date(2011, 1, 22), date(2011, 2, 1)])
def test_as_of_a_day_is_what_an_installation_that_ended_that_day_would_have_exported(
    installation, tmp_path, last
):
    ended = Lake(tmp_path / "ended")
    fill(ended, [day for day in DAYS if day <= last])
    sessions = sum(day <= last for day in DAYS)
    cut = export(installation, tmp_path / "cut.duckdb", as_of=last)
    whole = export((ended, store_with(sessions)), tmp_path / "ended.duckdb")
    found, expected = all_rows(cut.path), all_rows(whole.path)
    assert dict(found.pop("export_info")) == {**dict(expected.pop("export_info")), "as_of": last.isoformat()}
    for name in expected:
        assert found[name] == expected[name], name


def test_no_date_in_the_file_is_later_than_its_day_but_what_was_known_then(installation, tmp_path):
    last = date(2011, 1, 19)
    report = export(installation, tmp_path / "f.duckdb", as_of=last)
    with duckdb.connect(report.path, read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND data_type = 'DATE' "
            "AND column_name <> 'expiry'"
        ).fetchall()
        assert len(columns) > 20
        for table, column in columns:
            (latest,) = connection.execute(f"SELECT max({column}) FROM {table}").fetchone()
            assert latest is None or latest <= last, (table, column)
        (effective,) = connection.execute("SELECT max(effective_at) FROM journal").fetchone()
        assert effective.replace(tzinfo=UTC).astimezone(NEW_YORK).date() == last


def test_one_book_alone_brings_its_market_alone(installation, tmp_path):
    report = export(installation, tmp_path / "f.duckdb", book="second")
    rows = all_rows(report.path)
    assert {row[0] for table in PROJECTIONS for row in rows[table.name]} == {"second"}
    assert {row[0] for row in rows["bars"]} == {"sample"}
    assert {row[0] for row in rows["entry_candidates"]} == {"second"}


def test_rows_come_in_the_order_of_the_key_and_twice_the_same(installation, tmp_path):
    first = all_rows(export(installation, tmp_path / "a.duckdb").path)
    second = all_rows(export(installation, tmp_path / "b.duckdb").path)
    assert first == second
    assert [row[:2] for row in first["bars"]] == sorted(row[:2] for row in first["bars"])
    assert [row[:3] for row in first["journal"]] == sorted(row[:3] for row in first["journal"])


def test_an_export_while_another_process_has_the_old_file_open(installation, tmp_path):
    out = tmp_path / "f.duckdb"
    export(installation, out, as_of=date(2011, 1, 5))
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.readline(); "
        "print(c.execute('SELECT max(session) FROM net_asset_value').fetchone()[0], flush=True)"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "open\n"
    export(installation, out)
    answer, _ = reader.communicate("\n", timeout=60)
    assert answer == "2011-01-05\n"
    assert max(row[1] for row in all_rows(out)["net_asset_value"]) == DAYS[SESSIONS - 1]
    assert os.listdir(tmp_path) == ["f.duckdb"]


def test_a_file_that_somebody_is_changing_is_not_replaced(installation, tmp_path):
    out = tmp_path / "f.duckdb"
    export(installation, out)
    with duckdb.connect(out) as writer:
        writer.execute("CREATE TABLE mine AS SELECT 1 AS one")
        with pytest.raises(DataError, match=r"f\.duckdb\.wal is there"):
            export(installation, out)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"book": "nobody"}, JournalError, "there is no book 'nobody'; there are: proof, second"),
        (
            {"as_of": date(2010, 12, 31)},
            DataError,
            "--as-of 2010-12-31 is before all data: the first is of 2011-01-03",
        ),
        ({"book": "proof", "as_of": date(2010, 1, 1)}, JournalError, "book 'proof' was opened on 2011-01-03"),
    ],
)
def test_what_cannot_be_exported_is_said_and_writes_nothing(
    installation, tmp_path, arguments, error, message
):
    with pytest.raises(error, match=message):
        export(installation, tmp_path / "f.duckdb", **arguments)
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_no_duckdb_file_is_not_overwritten(installation, tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_text("# a year of thoughts")
    with pytest.raises(DataError, match="is no DuckDB file and is not overwritten"):
        export(installation, notes)
    with pytest.raises(DataError, match="is a folder"):
        export(installation, tmp_path)
    assert notes.read_text() == "# a year of thoughts"


def test_an_empty_installation_has_nothing_to_export(tmp_path):
    with pytest.raises(DataError, match="nothing to export yet"):
        export((Lake(tmp_path / "lake"), InMemoryJournal()), tmp_path / "f.duckdb")


EXPORTER = """
import sys
from datetime import date
from pathlib import Path
from tests.adapters.duckdb_export.test_export import DAYS, Lake, export, store_with
installation = (Lake(Path(sys.argv[1])), store_with(4))
while True:
    for day in DAYS[:4]:
        export(installation, Path(sys.argv[2]), as_of=day)
        print("exported", flush=True)
"""


def test_an_export_that_is_killed_anywhere_leaves_the_old_file_or_the_new_one(installation, tmp_path):
    seed = 20110103
    moments = random.Random(seed)
    out = tmp_path / "f.duckdb"
    for _ in range(2):
        exporter = subprocess.Popen(
            [sys.executable, "-c", EXPORTER, str(installation[0].root), str(out)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert exporter.stdout.readline() == b"exported\n"
        time.sleep(moments.uniform(0.05, 0.9))
        os.kill(exporter.pid, signal.SIGKILL)
        exporter.wait()
        exporter.stdout.close()
        rows = all_rows(out)
        last = date.fromisoformat(dict(rows["export_info"])["as_of"])
        assert max(row[1] for row in rows["net_asset_value"]) == last, f"seed {seed}"
        assert set(rows) == {row[0] for row in rows["data_dictionary"]}
    export(installation, out)
    assert os.listdir(tmp_path) == ["f.duckdb"]


def test_progress_is_told_table_by_table(installation, tmp_path):
    told = []
    report = export(
        installation,
        tmp_path / "f.duckdb",
        as_of=DAYS[0] + timedelta(days=1),
        on_table=lambda name, done, total: told.append((name, done, total)),
    )
    count = len(report.rows)
    assert told == [(name, n, count) for n, name in enumerate(report.rows)] + [("", count, count)]
