from datetime import date

import polars as pl
import pytest

from alluse_assets.adapters.files import ingest
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import DataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.tables import RAW_BARS
from alluse_assets.option_chains.tables import RAW_OPTION_QUOTES
from tests.paths import SHARED

CHAINS = SHARED / "data/spx_option_chains_2019.parquet"
BARS_FILE = SHARED / "data/bars_daily_spy_msft_spx.parquet"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def week_of_chains(tmp_path):
    """The week of Memorial Day 2019, whose Monday has quotes although the exchange was closed."""
    path = tmp_path / "week.parquet"
    days = pl.col("quote_ts").dt.date().is_between(date(2019, 5, 24), date(2019, 5, 31))
    pl.scan_parquet(CHAINS).filter(days).collect().write_parquet(path)
    return path


def take_in(path, lake, **more):
    return ingest(path, lake, trading_calendar(), lake.root.parent / "scratch", **more)


def contents(lake):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in lake.root.rglob("*.*")}


def test_real_chains_land_in_the_lake_and_a_holidays_quotes_in_quarantine(lake, week_of_chains):
    seen = []
    report = take_in(week_of_chains, lake, on_step=lambda *step: seen.append(step))
    assert report.rows_read == report.rows_written + report.rows_quarantined
    assert report.rows_unchanged == 0
    assert set(report.quarantined) == {"not_a_session"}
    stored = lake.read(RAW_OPTION_QUOTES, "files")
    assert stored.height == report.rows_written
    assert stored["session"].unique().sort().to_list() == [
        date(2019, 5, 24),
        *(date(2019, 5, day) for day in range(28, 32)),
    ]
    kept = lake.read(QUARANTINE, "files", where=pl.col("rule") == "not_a_session")
    assert kept["session"].unique().to_list() == [date(2019, 5, 27)]
    assert kept.height == report.quarantined["not_a_session"]
    assert [step for step in seen if step[0] == "reading"][-1][1:] == (report.rows_read, report.rows_read)
    assert seen[-1] == ("writing", report.rows_read, report.rows_read)


def test_taking_the_same_file_in_again_changes_nothing(lake, week_of_chains):
    first = take_in(week_of_chains, lake)
    before = contents(lake)
    again = take_in(week_of_chains, lake)
    assert contents(lake) == before
    assert (again.rows_written, again.rows_unchanged) == (0, first.rows_written)
    assert again.quarantined == first.quarantined


def test_daily_bars_of_thirty_years_are_taken_in(lake):
    report = take_in(BARS_FILE, lake)
    assert (report.rows_read, report.rows_written) == (21_965, 20_961)
    assert report.quarantined == {"conflicting_duplicate": 1004}
    assert (report.first, report.last) == (date(1990, 1, 2), date(2022, 3, 10))
    assert lake.read(RAW_BARS, "files", date(2019, 1, 2), date(2019, 1, 2))["symbol"].to_list() == [
        "MSFT",
        "SPX",
        "SPY",
    ]


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.999])
def test_a_truncated_file_is_an_error_that_says_so(lake, tmp_path, keep):
    data = BARS_FILE.read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with pytest.raises(DataError, match=r"cut\.parquet is no whole Parquet file"):
        take_in(path, lake)
    assert not lake.root.exists()


def test_a_file_with_damaged_pages_is_an_error_not_a_crash(lake, tmp_path):
    data = bytearray(BARS_FILE.read_bytes())
    data[4:60_000] = bytes(60_000 - 4)
    path = tmp_path / "damaged.parquet"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"damaged\.parquet is no whole Parquet file"):
        take_in(path, lake)


def test_a_missing_column_is_named_together_with_the_file(lake, tmp_path):
    path = tmp_path / "bars.parquet"
    pl.read_parquet(BARS_FILE).drop("close").write_parquet(path)
    with pytest.raises(
        DataError, match=r"bars\.parquet: .* closest is tidy_bars .*, missing column close; found ts, symbol"
    ):
        take_in(path, lake)


def test_text_where_a_price_belongs_is_named_together_with_the_file(lake, tmp_path):
    path = tmp_path / "bars.parquet"
    pl.read_parquet(BARS_FILE).cast({"close": pl.String}).write_parquet(path)
    with pytest.raises(DataError, match="column close is String, but a number is needed"):
        take_in(path, lake)


def test_no_file_and_a_folder_are_said_plainly(lake, tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        take_in(tmp_path / "absent.parquet", lake)
    with pytest.raises(DataError, match="is a folder; give a file"):
        take_in(tmp_path, lake)
