import json
import re
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from alluse_assets.adapters.files import Ingest
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.errors import DataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.cli.ingest_command import ingest_command
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.adapters.files.vendor_files import write_vendor
from tests.option_chains.test_chain_rules import chain
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
        "judged": {"rows_good": 5021, "rows_quarantined": 2},
    }


def test_quotes_that_cannot_be_true_beside_their_neighbours_are_refused_when_they_come(run, tmp_path):
    quotes = chain(C104={"bid": 9.0, "ask": 9.1}).drop("session")
    quotes.write_parquet(tmp_path / "quotes.parquet")
    result = run("--path", str(tmp_path / "quotes.parquet"), "--json")
    report = json.loads(result.stdout)
    assert (report["rows_quarantined"], report["judged"]) == (0, {"rows_good": 21, "rows_quarantined": 1})
    lake = Lake(tmp_path / "lake")
    assert "IBM240621C00104000" not in set(lake.read(OPTION_QUOTES, "files")["contract_symbol"])
    assert lake.read(QUARANTINE, "files")["rule"].to_list() == ["not_monotone"]
    # A later file corrects it, and its month is judged anew.
    chain().drop("session").write_parquet(tmp_path / "corrected.parquet")
    run("--path", str(tmp_path / "corrected.parquet"))
    assert lake.read(OPTION_QUOTES, "files").height == 22
    assert lake.read(QUARANTINE, "files").is_empty()


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


def test_the_kind_is_told_by_the_columns_and_a_layout_can_be_forced(run, tmp_path):
    path = write_vendor(tmp_path, "L2_20211201.csv")
    report = json.loads(run("--path", str(path), "--json").stdout)
    assert (report["kind"], report["layout"], report["rows_written"]) == (
        "option_quotes",
        "historical_option_data",
        2,
    )
    refused = run("--path", str(path), "--layout", "yahoo", "--again")
    assert "closest is yahoo" in str(refused.exception)
    assert run("--path", str(path), "--layout", "robinhood").exit_code == 2


def test_a_folder_tells_of_each_file_and_ends_with_one_when_a_file_is_refused(run, tmp_path):
    folder = tmp_path / "years"
    write_vendor(folder, "L2_20211201.csv")
    write_vendor(folder, "spy_eod_202112.txt")
    (folder / "bad.csv").write_text("what,is,this\n1,2,3\n")
    result = run("--path", str(folder), "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["rows_read"], answer["rows_written"]) == (6, 6)
    assert {Path(one["path"]).name: set(one) & {"layout", "refused"} for one in answer["files"]} == {
        "L2_20211201.csv": {"layout"},
        "bad.csv": {"refused"},
        "spy_eod_202112.txt": {"layout"},
    }
    (folder / "bad.csv").unlink()
    again = run("--path", str(folder))
    assert again.exit_code == 0
    assert "0 taken in, 2 done before, 0 refused" in again.output


def test_a_refused_file_is_named_at_the_end_with_its_reason(run, tmp_path):
    folder = tmp_path / "years"
    write_vendor(folder, "L2_20211201.csv")
    (folder / "bad.parquet").write_bytes(b"PAR1")
    result = run("--path", str(folder))
    assert result.exit_code == 1
    assert re.search(r"refused: \S*bad\.parquet is no whole Parquet file", result.output)


def test_a_file_that_is_done_is_said_to_be(run, tmp_path):
    path = write_vendor(tmp_path, "L2_20211201.csv")
    run("--path", str(path))
    result = run("--path", str(path))
    assert result.exit_code == 0
    assert "is in the lake and has not changed; --again takes it in once more" in result.output
    assert "unchanged" in run("--path", str(path), "--again").output


def test_what_the_files_do_not_say_is_given(run, tmp_path):
    path = write_vendor(tmp_path, "spy_eod_202112.txt").rename(tmp_path / "2021.txt")
    result = run("--path", str(path), "--underlying", "SPX", "--root", "SPXW", "--json")
    assert json.loads(result.stdout)["rows_written"] == 4
    assert run("--path", str(path), "--at", "noon").exit_code == 2


def test_ctrl_c_says_how_far_it_got_and_the_next_run_goes_on(run, tmp_path, monkeypatch):
    folder = tmp_path / "years"
    write_vendor(folder, "L2_20211201.csv")
    write_vendor(folder, "spy_eod_202112.txt")
    original, taken = Ingest.take_in, []

    def interrupted(self, file, on_step):
        if taken:
            raise KeyboardInterrupt
        taken.append(file)
        return original(self, file, on_step)

    with monkeypatch.context() as patched:
        patched.setattr(Ingest, "take_in", interrupted)
        stopped = run("--path", str(folder))
    assert stopped.exit_code == 130
    assert "stopped: 1 of 2 files are done; run it again to go on" in stopped.output
    answer = json.loads(run("--path", str(folder), "--json").stdout)
    assert ["unchanged_file" in one for one in answer["files"]] == [True, False]
