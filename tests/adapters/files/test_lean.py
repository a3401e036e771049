"""QuantConnect Lean's zips, as its own data folder has them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from alluse_assets.adapters.files import SOURCE, Ingest
from alluse_assets.adapters.files.reading import RefusedFileError
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.market_data.tables import INTRADAY_BARS, RAW_BARS, SHARE_QUOTES
from alluse_assets.option_chains.tables import OPTION_BARS, RAW_OPTION_QUOTES
from tests.adapters.files.vendor_files import LEAN_FILES, write_lean, zipped

MINUTE_QUOTES = "option/usa/minute/aapl/20140606_quote_american.zip"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def take_in(root: Path, lake: Lake):
    work = Ingest(lake, trading_calendar(), lake.root.parent / "scratch")
    return {o.path.name: o for o in work.outcomes(work.files(root), lambda *step: None)}


def utc(hour, minute, day=6):
    return datetime(2014, 6, day, hour, minute, tzinfo=UTC)


def rows(lake, table, *columns):
    return lake.read(table, SOURCE).select(columns).rows()


def test_a_data_folder_is_taken_in_as_a_whole(lake, tmp_path):
    outcomes = take_in(write_lean(tmp_path / "data"), lake)
    assert all(outcome.report for outcome in outcomes.values())
    # Open interest is a part of the quotes beside it.
    assert len(outcomes) < len(LEAN_FILES)
    assert not [name for name in outcomes if "openinterest" in name]
    for table in (RAW_BARS, INTRADAY_BARS, SHARE_QUOTES, RAW_OPTION_QUOTES, OPTION_BARS):
        assert not lake.read(table, SOURCE).is_empty()


def test_daily_prices_are_divided_by_ten_thousand(lake, tmp_path):
    take_in(write_lean(tmp_path / "data", "equity/usa/daily/aapl.zip"), lake)
    assert rows(lake, RAW_BARS, "ts", "symbol", "open", "high", "low", "close", "volume")[0] == (
        date(2014, 6, 5),
        *("AAPL", 646.23, 649.76, 643.75, 647.34, 75951141),
    )


def test_a_minute_bar_begins_at_its_time_and_a_quote_is_of_its_end(lake, tmp_path):
    take_in(write_lean(tmp_path / "data"), lake)
    assert rows(lake, INTRADAY_BARS, "bar_ts", "minutes", "close") == [
        (utc(13, 30), 1, 650.0),
        (utc(13, 31), 1, 650.9),
        (utc(19, 59), 1, 645.57),
    ]
    assert rows(lake, SHARE_QUOTES, "quote_ts", "bid", "ask", "bid_size", "ask_size") == [
        (utc(13, 31), 649.99, 650.05, 300, 200),
        (utc(13, 32), 650.89, 650.91, 100, 500),
    ]


def test_bars_outside_the_session_are_refused(lake, tmp_path):
    outcomes = take_in(write_lean(tmp_path / "data"), lake)
    assert outcomes["20140606_trade.zip"].report.quarantined == {"outside_session": 1}


def test_minute_quotes_know_the_spot_the_trades_until_then_and_the_days_open_interest(lake, tmp_path):
    take_in(write_lean(tmp_path / "data"), lake)
    columns = (
        "quote_ts",
        "contract_symbol",
        "underlying_price",
        "bid",
        "ask",
        "last",
        "volume",
        "open_interest",
    )
    found = [row for row in rows(lake, RAW_OPTION_QUOTES, *columns) if "140620" in row[1]]
    # The contract of Lean expires on a Saturday; the Friday before is when it last traded.
    assert found == [
        (utc(13, 31), "AAPL140620C00650000", 650.0, 12.5, 12.7, 12.6, 5, 4321),
        (utc(13, 32), "AAPL140620C00650000", 650.9, 12.8, 13.0, 12.9, 12, 4321),
        (utc(20, 0), "AAPL140620P00650000", 645.57, 9.85, 9.95, None, 0, None),
    ]


def test_daily_quotes_are_as_of_the_close(lake, tmp_path):
    take_in(write_lean(tmp_path / "data"), lake)
    columns = (
        "quote_ts",
        "contract_symbol",
        "underlying_price",
        "bid",
        "ask",
        "last",
        "volume",
        "open_interest",
    )
    assert [row for row in rows(lake, RAW_OPTION_QUOTES, *columns) if "140718" in row[1]] == [
        (utc(20, 0, day=5), "AAPL140718C00650000", 647.34, 16.8, 16.95, None, 0, 700),
        (utc(20, 0), "AAPL140718C00650000", 645.57, 15.2, 15.3, 15.25, 812, 712),
    ]


def test_without_the_zips_beside_them_trades_and_open_interest_are_unknown(lake, tmp_path):
    equity = "equity/usa/minute/aapl/20140606_trade.zip"
    take_in(write_lean(tmp_path / "data", equity, MINUTE_QUOTES), lake)
    assert set(rows(lake, RAW_OPTION_QUOTES, "last", "volume", "open_interest")) == {(None, None, None)}


def test_trades_of_minutes_are_one_bar_of_the_session(lake, tmp_path):
    take_in(write_lean(tmp_path / "data", "option/usa/minute/aapl/20140606_trade_american.zip"), lake)
    assert rows(lake, OPTION_BARS, "ts", "open", "high", "low", "close", "volume", "trades") == [
        (date(2014, 6, 6), 12.6, 13.0, 12.6, 12.9, 12, None)
    ]


def test_a_minute_that_cannot_be_read_makes_its_day_unknown(lake, tmp_path):
    name = "option/usa/minute/aapl/20140606_trade_american.zip"
    entries = {entry: text.replace("129000,7", "129000,?") for entry, text in LEAN_FILES[name].items()}
    path = tmp_path / "20140606_trade_american.zip"
    path.write_bytes(zipped(dict(entries)))
    report = take_in(path, lake)[path.name].report
    assert report.rows_written == 0
    assert report.rows_quarantined == 1


def test_options_without_a_price_of_their_share_are_refused_with_the_remedy(lake, tmp_path):
    outcomes = take_in(write_lean(tmp_path / "data", MINUTE_QUOTES), lake)
    (outcome,) = outcomes.values()
    assert "has no price of the underlying, and the lake no bars of AAPL" in outcome.refused


@pytest.mark.parametrize(
    ("name", "entries", "reason"),
    [
        ("aapl.zip", {"aapl.csv": "20140606 10:00,1,1,1,1,1\n"}, "resolution hour is not taken"),
        (
            "20140606_trade.zip",
            {"20140606_aapl_second_trade.csv": "1,1,1,1,1,1\n"},
            "resolution second is not taken",
        ),
        (
            "20140606_openinterest_american.zip",
            {"20140606_aapl_minute_openinterest_american_call_6500000_20140621.csv": "1,1\n"},
            "open interest is read with the zip of quotes beside it, which is not there",
        ),
        (
            "mixed.zip",
            {"20140606_aapl_minute_trade.csv": "1,1,1,1,1,1\n", "notes.txt": "x"},
            "only some of its entries are named as Lean does",
        ),
    ],
)
def test_what_is_not_taken_is_refused_with_its_reason(lake, tmp_path, name, entries, reason):
    path = tmp_path / name
    path.write_bytes(zipped(entries))
    work = Ingest(lake, trading_calendar(), tmp_path / "scratch")
    with pytest.raises(RefusedFileError, match=reason):
        work.take_in(path, lambda *step: None)


def test_a_zip_beside_that_changes_makes_its_quotes_new(lake, tmp_path):
    root = write_lean(tmp_path / "data")
    take_in(root, lake)
    assert not any(outcome.report for outcome in take_in(root, lake).values())
    trades = root / "option/usa/minute/aapl/20140606_trade_american.zip"
    text = "34200000,126000,126500,126000,126000,9\n"
    trades.write_bytes(zipped({"20140606_aapl_minute_trade_american_call_6500000_20140621.csv": text}))
    again = take_in(root, lake)
    assert {name for name, outcome in again.items() if outcome.report} == {
        "20140606_quote_american.zip",
        "20140606_trade_american.zip",
    }


def test_prices_that_are_not_times_ten_thousand_are_not_believed(lake, tmp_path):
    entries = {"20140606_spx_minute_trade.csv": "34200000,1940.46,1941.01,1939.5,1940.2,0\n"}
    for folder in ("index/usa/minute/spx", "somewhere"):
        path = tmp_path / folder / "20140606_trade.zip"
        path.parent.mkdir(parents=True)
        path.write_bytes(zipped(dict(entries)))
    work = Ingest(lake, trading_calendar(), tmp_path / "scratch")
    with pytest.raises(RefusedFileError, match="Lean's index is not taken"):
        work.take_in(tmp_path / "index/usa/minute/spx/20140606_trade.zip", lambda *step: None)
    report = work.take_in(tmp_path / "somewhere/20140606_trade.zip", lambda *step: None).report
    assert report.quarantined == {"unreadable.open": 1}
