"""``alluse export`` on a real database: what it prints, and how it ends when it cannot."""

import json

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.errors import DataError, JournalError
from alluse_assets.cli.export_command import export_command
from alluse_assets.journal.chain import Head
from tests.book_maker import random_book

app = typer.Typer()
app.command()(export_command)


@pytest.fixture
def runs(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path / "home"))
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book("proof", "replay")
        journal.append("proof", random_book(5, 6).events, Head())
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_json_is_one_object_and_the_file_is_there(runs, tmp_path):
    out = tmp_path / "f.duckdb"
    result = runs("--out", out, "--book", "proof", "--as-of", "2011-01-05", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["path"], said["books"], said["as_of"]) == (str(out), ["proof"], "2011-01-05")
    assert said["size_bytes"] == out.stat().st_size
    with duckdb.connect(out, read_only=True) as connection:
        for table, rows in said["rows"].items():
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    assert said["rows"]["net_asset_value"] == 3 * 4


def test_people_get_a_table_and_what_to_do_next(runs, tmp_path):
    result = runs("--out", tmp_path / "f.duckdb")
    assert result.exit_code == 0, result.output
    assert "net_asset_value" in result.stdout
    assert "open it with" in result.stdout


def test_wrong_use_is_said(runs, tmp_path):
    assert isinstance(runs("--out", tmp_path / "f.duckdb", "--book", "nobody").exception, JournalError)
    assert isinstance(runs("--out", tmp_path / "f.duckdb", "--as-of", "1999-01-04").exception, DataError)
    assert isinstance(runs("--out", tmp_path / "none" / "f.duckdb").exception, DataError)
    assert runs("--out", tmp_path / "f.duckdb", "--as-of", "yesterday").exit_code == 2
    assert runs().exit_code == 2
    assert not (tmp_path / "f.duckdb").exists()
