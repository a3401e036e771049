"""A folder of files: in order, each whole, what is refused told of, and gone on with after a stop."""

import os
from pathlib import Path

import polars as pl
import pytest

from alluse_assets.adapters.files import SOURCE, Given, Ingest
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import DataError
from alluse_assets.market_data.tables import RAW_BARS
from alluse_assets.option_chains.tables import RAW_OPTION_QUOTES
from tests.adapters.files.vendor_files import VENDORS, as_csv, write_vendor


@pytest.fixture
def work(tmp_path):
    return Ingest(Lake(tmp_path / "lake"), trading_calendar(), tmp_path / "scratch")


@pytest.fixture
def folder(tmp_path):
    """Chains that need bars are before them by name."""
    root = tmp_path / "in"
    write_vendor(root / "a", "option_chain.csv")
    write_vendor(root / "b", "aapl_tidy_bars.csv")
    write_vendor(root / "2021", "spy_eod_202112.txt")
    (root / "readme.md").write_text("not data")
    (root / ".hidden.csv").write_text("not data")
    return root


def run(work: Ingest, path: Path):
    return list(work.outcomes(work.files(path), lambda *step: None))


def test_bars_come_before_the_chains_that_need_them_and_the_rest_by_name(work, folder):
    names = [path.name for path in work.files(folder)]
    assert names == ["aapl_tidy_bars.csv", "spy_eod_202112.txt", "option_chain.csv"]
    assert all(outcome.report for outcome in run(work, folder))
    assert work.lake.read(RAW_OPTION_QUOTES, SOURCE).height == 6


def test_a_file_that_is_done_and_unchanged_is_not_read_again(work, folder):
    run(work, folder)
    again = run(work, folder)
    assert [(outcome.report, outcome.refused) for outcome in again] == [(None, None)] * 3


def test_a_file_that_was_only_touched_is_known_by_its_content(work, folder):
    run(work, folder)
    os.utime(folder / "b/aapl_tidy_bars.csv", (1, 1))
    assert not any(outcome.report for outcome in run(work, folder))


def test_a_file_that_changed_is_read_again_and_corrects_its_rows(work, folder):
    run(work, folder)
    path = folder / "b/aapl_tidy_bars.csv"
    path.write_bytes(path.read_bytes().replace(b"164.77", b"164.78"))
    reports = [outcome.report for outcome in run(work, folder) if outcome.report]
    assert [(report.path.name, report.rows_replaced) for report in reports] == [("aapl_tidy_bars.csv", 1)]


def test_a_file_that_is_given_otherwise_is_read_again(work, folder):
    path = folder / "2021/spy_eod_202112.txt"
    run(work, path)
    other = Ingest(work.lake, work.calendar, work.scratch, Given(underlying="SPX"))
    assert run(other, path)[0].report


def test_again_takes_everything_in_once_more_and_changes_nothing(work, folder):
    run(work, folder)
    before = work.lake.content_id(RAW_OPTION_QUOTES, SOURCE)
    again = run(Ingest(work.lake, work.calendar, work.scratch, again=True), folder)
    assert all(outcome.report and not outcome.report.rows_written for outcome in again)
    assert work.lake.content_id(RAW_OPTION_QUOTES, SOURCE) == before


def test_a_refused_file_does_not_stop_the_others_and_is_tried_again(work, folder):
    bad = folder / "a/a_bad.csv"
    bad.write_text("what,is,this\n1,2,3\n")
    outcomes = {outcome.path.name: outcome for outcome in run(work, folder)}
    assert "its columns are those of no layout" in outcomes["a_bad.csv"].refused
    assert sum(1 for outcome in outcomes.values() if outcome.report) == 3
    bad.write_bytes(as_csv(*VENDORS["L3_options_20210401.csv"]))
    assert [outcome.path.name for outcome in run(work, folder) if outcome.report] == ["a_bad.csv"]


def test_a_lake_that_cannot_be_written_ends_it_and_blames_no_file(work, folder):
    (work.lake.root).mkdir()
    (work.lake.root / RAW_BARS.name).write_text("in the way")
    with pytest.raises(DataError, match="cannot write"):
        run(work, folder)


def test_a_folder_without_a_file_of_ours_is_said_plainly(work, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no \.parquet, \.csv"):
        work.files(tmp_path / "empty")


def test_a_later_file_corrects_an_earlier_one_in_the_order_of_names(work, tmp_path):
    for name, close in (("2021_b.csv", "164.70"), ("2021_a.csv", "164.60")):
        header, lines = VENDORS["aapl_tidy_bars.csv"]
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(
            as_csv(header, tuple(line.replace("164.77", close) for line in lines))
        )
    run(work, tmp_path / "in")
    assert work.lake.read(RAW_BARS, SOURCE, where=pl.col("volume") == 152052116)["close"].to_list() == [
        164.70
    ]
