import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from alluse_assets.adapters.files import quote_files
from alluse_assets.adapters.files.quote_files import price_quote_file
from alluse_assets.base.errors import DataError
from alluse_assets.cli.price_command import price_command
from alluse_assets.option_chains.priced_quotes import PricingTerms, price_quotes
from tests.paths import SHARED

CHAINS = SHARED / "data/spy_option_chains_2021_sparse.parquet"


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(price_command)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_every_row_is_priced_and_the_answer_says_with_what(run, tmp_path: Path) -> None:
    out = tmp_path / "priced.parquet"
    result = run("--in", CHAINS, "--out", out, "--rate", "0.01", "--model", "european", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    priced = pl.read_parquet(out)
    quotes = pl.read_parquet(CHAINS)
    kept = pl.exclude(*told["replaced"])
    assert priced.select(quotes.columns).select(kept).equals(quotes.select(kept))
    assert told["replaced"] == ["delta", "gamma"]
    assert priced["exercise_style"].unique().to_list() == ["european"]
    assert priced.select("rate_annual", "dividend_yield_annual").unique().rows() == [(0.01, 0.0)]
    assert priced.equals(price_quotes(quotes, PricingTerms("european", 0.01, 0.0)))
    assert told["rows"] == quotes.height == sum(told["iv_status"].values())
    assert told["iv_status"]["ok"] == priced["iv_annual"].count() > 4_000
    assert (told["rate_annual"], told["exercise_style"]) == (0.01, "european")


def test_the_table_shows_each_status_and_the_default_that_was_used(run, tmp_path: Path) -> None:
    result = run("--in", CHAINS, "--out", tmp_path / "priced.csv")
    assert result.exit_code == 0
    assert "no_quote" in result.stdout
    assert "rate_annual 0.0" in result.stdout
    assert "exercise_style american" in result.stdout


def test_batches_change_nothing_and_report_how_far_they_are(tmp_path: Path, monkeypatch) -> None:
    whole, parts, heard = tmp_path / "whole.parquet", tmp_path / "parts.parquet", []
    price_quote_file(CHAINS, whole, PricingTerms("european"))
    monkeypatch.setattr(quote_files, "BATCH_ROWS", 1_000)
    price_quote_file(CHAINS, parts, PricingTerms("european"), on_rows=lambda *rows: heard.append(rows))
    assert pl.read_parquet(parts).equals(pl.read_parquet(whole))
    assert len(heard) > 3
    assert heard[-1] == (5_040, 5_040)


def test_extensions_in_capitals_are_the_same_formats(tmp_path: Path) -> None:
    quotes = pl.read_parquet(CHAINS).head(20)
    for name in ("QUOTES.PARQUET", "QUOTES.CSV"):
        path, out = tmp_path / name, tmp_path / f"PRICED_{name}"
        quotes.write_parquet(path) if name.endswith("PARQUET") else quotes.write_csv(path)
        assert price_quote_file(path, out, PricingTerms("european")).rows == 20
        read = pl.read_parquet if name.endswith("PARQUET") else pl.read_csv
        assert read(out.read_bytes()).height == 20


def test_csv_in_and_out_give_the_same_answers_as_parquet(run, tmp_path: Path) -> None:
    quotes = pl.read_parquet(CHAINS).head(300)
    quotes.with_columns(note=pl.lit("as it came")).write_csv(tmp_path / "quotes.csv")
    quotes.write_parquet(tmp_path / "quotes.parquet")
    assert run("--in", tmp_path / "quotes.csv", "--out", tmp_path / "a.csv").exit_code == 0
    assert run("--in", tmp_path / "quotes.parquet", "--out", tmp_path / "b.parquet").exit_code == 0
    a, b = pl.read_csv(tmp_path / "a.csv"), pl.read_parquet(tmp_path / "b.parquet")
    assert a["note"].unique().to_list() == ["as it came"]
    for name in ("iv_annual", "iv_status", "delta", "value"):
        assert a[name].equals(b[name]), name


def test_a_file_without_rows_gives_one_with_all_columns(tmp_path: Path) -> None:
    for suffix in (".parquet", ".csv"):
        empty, out = tmp_path / f"empty{suffix}", tmp_path / f"out{suffix}"
        quotes = pl.read_parquet(CHAINS).head(0)
        quotes.write_parquet(empty) if suffix == ".parquet" else quotes.write_csv(empty)
        report = price_quote_file(empty, out, PricingTerms())
        assert report.rows == 0
        priced = pl.read_parquet(out) if suffix == ".parquet" else pl.read_csv(out)
        assert priced.columns == price_quotes(quotes, PricingTerms()).columns


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent.parquet", "there is no such file"),
        ("text.parquet", "cannot be read as parquet"),
        ("short.parquet", "missing columns: underlying_price or spot"),
        ("quotes.xlsx", "give a .parquet or .csv file"),
        ("letters.csv", "cannot be read as csv"),
        ("twice.csv", "two columns named strike"),
        ("twice.parquet", "two columns named strike"),
        ("huge.parquet", "column x: decimal256(50, 2) cannot be read"),
        ("dates.csv", "column expiry: none of 2 values is a date as 2026-01-16"),
    ],
)
def test_what_cannot_be_priced_is_said_and_the_old_answer_stays(
    run, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "text.parquet").write_text("bid,ask")
    (tmp_path / "quotes.xlsx").write_text("")
    (tmp_path / "letters.csv").write_text("spot,strike,right,years,price\n100,ninety,P,0.5,4\n")
    (tmp_path / "twice.csv").write_text("spot,strike,strike,right,years,price\n100,90,90,P,0.5,4\n")
    row = "100,90,P,06/18/2021,2021-03-18T20:00:00Z,4\n"
    (tmp_path / "dates.csv").write_text("spot,strike,right,expiry,quote_ts,price\n" + row * 2)
    pl.read_parquet(CHAINS).drop("underlying_price").write_parquet(tmp_path / "short.parquet")
    table = pl.read_parquet(CHAINS).to_arrow()
    pq.write_table(table.append_column("strike", table["strike"]), tmp_path / "twice.parquet")
    huge = pa.array([1] * table.num_rows, pa.decimal256(50, 2))
    pq.write_table(table.append_column("x", huge), tmp_path / "huge.parquet")
    out = tmp_path / "priced.parquet"
    out.write_text("as it was")
    result = run("--in", tmp_path / name, "--out", out)
    assert isinstance(result.exception, DataError)
    assert says in str(result.exception)
    assert out.read_text() == "as it was"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_file_damaged_in_the_middle_leaves_no_half_answer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(quote_files, "BATCH_ROWS", 1_000)
    damaged, out = tmp_path / "damaged.parquet", tmp_path / "priced.parquet"
    pl.read_parquet(CHAINS).write_parquet(damaged, row_group_size=500)
    data = bytearray(damaged.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    damaged.write_bytes(data)
    with pytest.raises(DataError, match="cannot be read as parquet"):
        price_quote_file(damaged, out, PricingTerms("european"))
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.parquet"]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"bytes", timedelta(1)])
def test_a_column_that_csv_cannot_hold_is_named_and_passes_through_parquet(tmp_path: Path, value) -> None:
    given, out = tmp_path / "given.parquet", tmp_path / "out.csv"
    quotes = pl.read_parquet(CHAINS).head(3).with_columns(pl.Series("x", [value] * 3))
    quotes.write_parquet(given)
    with pytest.raises(DataError, match=r"CSV has no form for x \("):
        price_quote_file(given, out, PricingTerms())
    assert not out.exists()
    price_quote_file(given, tmp_path / "out.parquet", PricingTerms())
    assert pl.read_parquet(tmp_path / "out.parquet")["x"].equals(quotes["x"])


def test_a_batch_in_a_wrong_form_is_bad_input_and_the_rest_of_the_file_is_priced(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(quote_files, "BATCH_ROWS", 100)
    quotes = pl.read_parquet(CHAINS).head(300)
    first = pl.int_range(pl.len()) < 150
    quotes.with_columns(right=pl.when(first).then(pl.lit("x")).otherwise("right")).write_parquet(
        tmp_path / "quotes.parquet"
    )
    report = price_quote_file(tmp_path / "quotes.parquet", tmp_path / "out.parquet", PricingTerms())
    assert report.statuses["bad_input"] == 150
