"""A folder of files: in order, each whole, what is refused told of, and gone on with after a stop."""

import dataclasses
import os
from pathlib import Path

import polars as pl
import pytest

from alluse_assets.adapters.files import SOURCE, Given, Ingest
from alluse_assets.adapters.files.ingested import INGESTED_FILES
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
    # The quotes took their spot from that bar.
    assert [(report.path.name, report.rows_replaced) for report in reports] == [
        ("aapl_tidy_bars.csv", 1),
        ("option_chain.csv", 2),
    ]


def correct_the_close(folder: Path, close: str) -> None:
    header, lines = VENDORS["aapl_tidy_bars.csv"]
    (folder / "b/corrected.csv").write_bytes(as_csv(header, (lines[1].replace("164.77", close),)))


def test_a_corrected_bar_reaches_the_quotes_that_took_their_spot_from_it(work, folder):
    """A DoltHub file counted as unchanged, and its quotes kept the close of before the correction."""
    run(work, folder)
    correct_the_close(folder, "165.00")
    taken = [outcome.path.name for outcome in run(work, folder) if outcome.report]
    assert taken == ["corrected.csv", "option_chain.csv"]
    quotes = work.lake.read(RAW_OPTION_QUOTES, SOURCE, where=pl.col("source") == "dolthub")
    assert quotes["underlying_price"].to_list() == [165.0, 165.0]
    assert not any(outcome.report for outcome in run(work, folder))


def test_quotes_with_a_spot_of_their_own_do_not_wait_for_bars(work, folder):
    run(work, folder)
    correct_the_close(folder, "165.00")
    assert "spy_eod_202112.txt" not in [o.path.name for o in run(work, folder) if o.report]
    assert not any(outcome.report for outcome in run(work, folder / "2021"))


def test_bars_of_other_months_leave_a_file_done(work, folder):
    run(work, folder)
    header, lines = VENDORS["aapl_tidy_bars.csv"]
    (folder / "b/later.csv").write_bytes(as_csv(header, (lines[1].replace("2021-12-01", "2022-02-01"),)))
    assert [o.path.name for o in run(work, folder) if o.report] == ["later.csv"]


def test_a_bar_that_came_later_brings_in_the_rows_that_were_refused_for_want_of_it(work, folder):
    path = folder / "a/option_chain.csv"
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(True)[1].replace(b"12-01", b"12-02"))
    run(work, folder)
    header, lines = VENDORS["aapl_tidy_bars.csv"]
    (folder / "b/later.csv").write_bytes(as_csv(header, (lines[1].replace("2021-12-01", "2021-12-02"),)))
    reports = {o.path.name: o.report for o in run(work, folder) if o.report}
    assert reports["option_chain.csv"].rows_written == 1
    assert reports["option_chain.csv"].quarantined == {}


def test_notes_of_before_spots_were_noted_still_count(work, folder):
    run(work, folder)
    notes = work.lake.read(INGESTED_FILES, SOURCE)
    older = dataclasses.replace(
        INGESTED_FILES, columns=tuple(c for c in INGESTED_FILES.columns if not c.name.startswith("spot"))
    )
    work.lake.remove_months(INGESTED_FILES, SOURCE, ["all"])
    work.lake.write(older, SOURCE, notes.drop("spot_days", "spot_bars"))
    assert not any(outcome.report for outcome in run(work, folder))


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
