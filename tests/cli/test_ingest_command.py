import json

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from alluse_assets.base.errors import DataError
from alluse_assets.cli.ingest_command import ingest_command
from tests.paths import SHARED

CHAINS = SHARED / "data/spy_option_chains_2021_sparse.parquet"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    app = typer.Typer()
    app.command()(ingest_command)

    def invoke(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_json_is_one_object_and_nothing_else(run):
    result = run("--kind", "option_quotes", "--path", str(CHAINS), "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report == {
        "kind": "option_quotes",
        "layout": "tidy_option_quotes",
        "path": str(CHAINS),
        "source": "files",
        "rows_read": 5040,
        "rows_written": 5023,
        "rows_unchanged": 0,
        "rows_replaced": 0,
        "rows_quarantined": 17,
        "rows_left": 0,
        "quarantined": {"ask_below_bid": 17},
        "first": "2021-01-04",
        "last": "2021-12-31",
    }


def test_the_table_names_each_rule_with_its_rows(run):
    result = run("--kind", "option_quotes", "--path", str(CHAINS))
    assert result.exit_code == 0
    assert "quarantined: ask_below_bid" in result.stdout
    assert "5,023" in result.stdout


def test_bad_input_is_an_expected_error_with_exit_code_2(run, tmp_path):
    path = tmp_path / "quotes.parquet"
    pl.read_parquet(CHAINS).drop("bid").write_parquet(path)
    result = run("--kind", "option_quotes", "--path", str(path), "--json")
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 2
    assert "missing column bid" in str(result.exception)
    assert result.stdout == ""


def test_an_unknown_kind_is_wrong_use(run):
    assert run("--kind", "news", "--path", str(CHAINS)).exit_code == 2


def test_a_later_file_corrects_rows_and_says_how_many(run, tmp_path):
    run("--kind", "option_quotes", "--path", str(CHAINS), "--json")
    changed = tmp_path / "corrected.parquet"
    pl.read_parquet(CHAINS).head(3).with_columns(pl.col("ask") + 1).write_parquet(changed)
    report = json.loads(run("--kind", "option_quotes", "--path", str(changed), "--json").stdout)
    assert (report["rows_written"], report["rows_replaced"]) == (3, 3)


def test_a_file_without_a_good_row_ends_with_one(run, tmp_path):
    bad = tmp_path / "bad.parquet"
    pl.read_parquet(CHAINS).head(4).with_columns(strike=pl.lit(0.0)).write_parquet(bad)
    result = run("--kind", "option_quotes", "--path", str(bad))
    assert result.exit_code == 1
    assert "no row of the file was good" in result.output
