"""Each layout from a file as its vendor writes it: what is known comes out, what is not stays null."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
import pytest

from alluse_assets.adapters.files import SOURCE, Given, ingest
from alluse_assets.adapters.files.layouts import LAYOUTS, detect, plain_name
from alluse_assets.adapters.files.layouts.cells import day_taken
from alluse_assets.adapters.files.opening import is_data_file
from alluse_assets.adapters.files.reading import RefusedFileError
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import DataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.tables import CORPORATE_ACTIONS, EARNINGS_DATES, RATES, RAW_BARS
from alluse_assets.option_chains.tables import RAW_OPTION_QUOTES
from tests.adapters.files.vendor_files import (
    CBOE_HEADER,
    VENDORS,
    as_csv,
    gzipped,
    tidy_parquet,
    write_vendor,
    zipped,
)

CLOSE = datetime(2021, 12, 1, 21, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def take_in(path, lake, **said):
    return ingest(path, lake, trading_calendar(), lake.root.parent / "scratch", Given(**said))


def with_bars(lake, folder):
    take_in(write_vendor(folder, "aapl_tidy_bars.csv"), lake)
    return lake


def quotes(lake, *columns):
    return lake.read(RAW_OPTION_QUOTES, SOURCE).select(columns).rows()


def test_every_vendors_header_is_told_by_its_columns():
    expected = {
        "aapl_tidy_bars.csv": "tidy_bars",
        "aapl_tidy_quotes.csv": "tidy_option_quotes",
        "spy_eod_202112.txt": "optionsdx",
        "UnderlyingOptionsEODCalcs_2021-12-01.csv": "cboe_datashop",
        "option_chain.csv": "dolthub",
        "L2_20211201.csv": "historical_option_data",
        "L3_options_20210401.csv": "historical_option_data",
        "aapl_2021-12-01.csv": "yahoo",
    }
    found = {
        name: detect([plain_name(c) for c in header.split(",")]).name for name, (header, _) in VENDORS.items()
    }
    assert found == expected


def test_an_unknown_header_names_the_closest_layout_with_what_it_lacks_and_all_others():
    with pytest.raises(DataError) as error:
        detect(["date", "act_symbol", "expiration", "strike", "call_put", "bid"])
    assert "closest is dolthub" in str(error.value)
    assert "missing column ask" in str(error.value)
    for layout in LAYOUTS:
        assert layout.name in str(error.value)


def test_a_layout_that_is_forced_on_other_columns_is_refused():
    with pytest.raises(DataError, match=r"closest is yahoo .*missing columns contractsymbol"):
        detect(["date", "act_symbol"], layout="yahoo")


def test_optionsdx_has_a_call_and_a_put_a_line_and_its_ticker_in_the_files_name(lake, tmp_path):
    report = take_in(write_vendor(tmp_path, "spy_eod_202112.txt"), lake)
    assert (report.rows_read, report.rows_written) == (4, 4)
    assert quotes(lake, "contract_symbol", "underlying_price", "bid", "ask", "last", "volume") == [
        ("SPY211203C00310000", 450.44, 139.61, 142.1, 147.87, 12),
        ("SPY211203P00310000", 450.44, 0.0, 0.01, 0.03, None),
        ("SPY211217C00450000", 450.44, 10.9, 11.2, 11.05, 1204),
        ("SPY211217P00450000", 450.44, 10.41, 10.6, None, 843),
    ]
    assert {row[0] for row in quotes(lake, "quote_ts")} == {CLOSE}
    assert set(quotes(lake, "open_interest", "source")) == {(None, "optionsdx")}


def test_optionsdx_without_a_ticker_anywhere_is_refused_and_takes_one_that_is_given(lake, tmp_path):
    path = write_vendor(tmp_path, "spy_eod_202112.txt").rename(tmp_path / "option_quotes_2021.txt")
    with pytest.raises(
        RefusedFileError, match=r"quotes_2021\.txt: layout optionsdx names no underlying.*--underlying"
    ):
        take_in(path, lake)
    take_in(path, lake, underlying="SPX", root="SPXW")
    assert quotes(lake, "underlying", "contract_symbol")[0] == ("SPX", "SPXW211203C00310000")


def test_cboes_close_has_the_days_trades_and_an_indexs_price_from_its_bars(lake, tmp_path):
    with_bars(lake, tmp_path)
    take_in(write_vendor(tmp_path, "UnderlyingOptionsEODCalcs_2021-12-01.csv"), lake)
    columns = (
        "underlying",
        "contract_symbol",
        "underlying_price",
        "bid",
        "ask",
        "last",
        "volume",
        "open_interest",
    )
    assert quotes(lake, "quote_ts", *columns) == [
        (CLOSE, "SPX", "SPXW211217P04500000", 4513.04, 112.2, 113.6, None, 0, 8120),
        (CLOSE, "SPY", "SPY211217C00450000", 450.44, 10.9, 11.2, 11.05, 1204, 5310),
    ]


def test_cboes_quotes_of_1545_know_neither_the_days_trades_nor_its_close(lake, tmp_path):
    with_bars(lake, tmp_path)
    path = write_vendor(tmp_path, "UnderlyingOptionsEODCalcs_2021-12-01.csv")
    take_in(path, lake, layout="cboe_datashop_1545")
    at_1545 = datetime(2021, 12, 1, 20, 45, tzinfo=UTC)
    assert quotes(lake, "quote_ts", "underlying", "underlying_price", "bid", "last", "volume") == [
        (at_1545, "SPX", 4530.5, 98.1, None, None),
        (at_1545, "SPY", 453.12, 12.3, None, None),
    ]


def test_an_indexs_price_of_1545_that_nobody_tells_is_never_the_close(lake, tmp_path):
    with_bars(lake, tmp_path)
    line = VENDORS["UnderlyingOptionsEODCalcs_2021-12-01.csv"][1][1].replace("4530.5", "0")
    path = tmp_path / "cboe.csv"
    path.write_bytes(as_csv(CBOE_HEADER, (line,)))
    report = take_in(path, lake, layout="cboe_datashop_1545")
    assert report.quarantined == {"underlying_price_missing": 1}


def test_on_an_early_close_the_day_ends_at_one(lake, tmp_path):
    path = tmp_path / "cboe.csv"
    line = VENDORS["UnderlyingOptionsEODCalcs_2021-12-01.csv"][1][0].replace("2021-12-01", "2021-11-26")
    path.write_bytes(as_csv(CBOE_HEADER, (line,)))
    take_in(path, lake)
    take_in(path, lake, layout="cboe_datashop_1545")
    assert [row[0] for row in quotes(lake, "quote_ts")] == [
        datetime(2021, 11, 26, 17, 45, tzinfo=UTC),
        datetime(2021, 11, 26, 18, tzinfo=UTC),
    ]


def test_an_adjusted_root_is_refused_by_its_rule(lake, tmp_path):
    path = tmp_path / "cboe.csv"
    line = VENDORS["UnderlyingOptionsEODCalcs_2021-12-01.csv"][1][0].replace(
        ",SPY,2021-12-17", ",SPY1,2021-12-17"
    )
    path.write_bytes(as_csv(CBOE_HEADER, (line,)))
    assert take_in(path, lake).quarantined == {"adjusted_contract": 1}


def test_dolthub_without_bars_in_the_lake_is_refused_with_the_remedy(lake, tmp_path):
    path = write_vendor(tmp_path, "option_chain.csv")
    with pytest.raises(
        DataError, match=r"option_chain\.csv: layout dolthub has no price of the underlying.*--kind bars"
    ):
        take_in(path, lake)
    assert not lake.root.exists()


def test_dolthubs_quotes_take_the_close_of_that_sessions_bar(lake, tmp_path):
    with_bars(lake, tmp_path)
    take_in(write_vendor(tmp_path, "option_chain.csv"), lake)
    assert quotes(lake, "contract_symbol", "underlying_price", "bid", "volume", "open_interest") == [
        ("AAPL211217C00165000", 164.77, 4.1, None, None),
        ("AAPL211217P00165000", 164.77, 4.3, None, None),
    ]


def test_a_session_without_a_bar_is_refused_row_by_row(lake, tmp_path):
    with_bars(lake, tmp_path)
    later = VENDORS["option_chain.csv"][1][0].replace("2021-12-01", "2021-12-02")
    report = take_in(write_vendor(tmp_path, "option_chain.csv", later), lake)
    assert (report.rows_written, report.quarantined) == (2, {"underlying_price_missing": 1})


def test_l2_has_american_dates_thousands_and_symbols_of_its_own(lake, tmp_path):
    take_in(write_vendor(tmp_path, "L2_20211201.csv"), lake)
    assert quotes(
        lake, "contract_symbol", "underlying", "underlying_price", "strike", "last", "open_interest"
    ) == [
        ("AAPL211217C00165000", "AAPL", 164.77, 165.0, 4.2, 30112),
        ("SPXW211217P04500000", "SPX", 4513.04, 4500.0, None, 8120),
    ]


def test_the_older_headers_of_l3_are_the_same_layout(lake, tmp_path):
    assert take_in(write_vendor(tmp_path, "L3_options_20210401.csv"), lake).rows_written == 1
    assert quotes(lake, "contract_symbol", "expiry") == [("LUV210401C00030000", date(2021, 4, 1))]


def test_an_old_root_that_is_not_the_tickers_is_not_made_into_a_symbol_of_it(lake, tmp_path):
    path = tmp_path / "L2.csv"
    header, lines = VENDORS["L2_20211201.csv"]
    path.write_bytes(as_csv(header, (lines[0].replace("AAPL211217C00165000,,", "APV,,"),)))
    assert take_in(path, lake).quarantined == {"symbol_mismatch": 1}


def test_a_yahoo_dump_has_its_day_in_its_name_and_its_contract_in_the_symbol(lake, tmp_path):
    with_bars(lake, tmp_path)
    take_in(write_vendor(tmp_path, "aapl_2021-12-01.csv"), lake)
    assert quotes(
        lake, "quote_ts", "underlying", "underlying_price", "right", "expiry", "last", "volume"
    ) == [
        (CLOSE, "AAPL", 164.77, "C", date(2021, 12, 17), 4.2, 10522),
        (CLOSE, "AAPL", 164.77, "P", date(2021, 12, 17), 4.35, None),
    ]


@pytest.mark.parametrize(
    ("taken", "session"),
    [
        ("2021-12-02T00:30:00+00:00", date(2021, 12, 1)),
        ("2021-12-02 00:30:00.123456 UTC", date(2021, 12, 1)),
        ("12/02/2021 04:59Z", date(2021, 12, 1)),
        ("2021-12-02 05:00:00+00", date(2021, 12, 2)),
        ("2021-07-02T03:59:59Z", date(2021, 7, 1)),
        ("2021-07-02T04:00:00Z", date(2021, 7, 2)),
        ("2021-12-01 19:30:00-0500", date(2021, 12, 1)),
        # Without an offset it is the date that is written, and so is midnight: a date that became an instant.
        ("2021-12-02 00:30", date(2021, 12, 2)),
        ("2021-12-02 00:00:00.000000+00:00", date(2021, 12, 2)),
        ("2021-12-02", date(2021, 12, 2)),
        ("2021-12-02T25:00Z", None),
        ("2021-12-02T10:00+25:00", None),
    ],
)
def test_an_instant_in_a_column_of_days_is_of_new_yorks_date(taken, session):
    assert pl.Series([taken]).to_frame("a").select(day_taken(pl.col("a"))).item() == session


def test_a_yahoo_dump_taken_in_the_evening_is_of_that_session(lake, tmp_path):
    header, lines = VENDORS["aapl_2021-12-01.csv"]
    path = tmp_path / "aapl.csv"
    path.write_bytes(
        as_csv(f"{header},snapshot_date", tuple(f"{one},2021-12-02T00:30:00+00:00" for one in lines))
    )
    assert take_in(path, with_bars(lake, tmp_path)).quarantined == {}
    assert set(quotes(lake, "session", "underlying_price")) == {(date(2021, 12, 1), 164.77)}


def test_a_yahoo_dump_of_the_morning_takes_no_close_for_a_price(lake, tmp_path):
    with_bars(lake, tmp_path)
    report = take_in(write_vendor(tmp_path, "aapl_2021-12-01.csv"), lake, at=time(10, 30))
    assert report.quarantined == {"underlying_price_missing": 2}


def test_a_yahoo_dump_of_an_unknown_day_is_refused(lake, tmp_path):
    path = write_vendor(tmp_path, "aapl_2021-12-01.csv").rename(tmp_path / "aapl.csv")
    with pytest.raises(
        RefusedFileError, match=r"aapl\.csv: nothing says when these quotes were taken.*--date"
    ):
        take_in(path, with_bars(lake, tmp_path))
    take_in(path, lake, day=date(2021, 12, 1))
    assert len(quotes(lake, "quote_ts")) == 2


def test_a_day_in_the_name_that_may_be_the_expirys_is_not_believed(lake, tmp_path):
    path = write_vendor(tmp_path, "aapl_2021-12-01.csv").rename(tmp_path / "AAPL_2021-12-17_calls.csv")
    with pytest.raises(RefusedFileError, match="is the expiry of all its contracts"):
        take_in(path, with_bars(lake, tmp_path))


def test_tidy_text_has_the_types_of_its_table(lake, tmp_path):
    take_in(write_vendor(tmp_path, "aapl_tidy_bars.csv"), lake)
    take_in(write_vendor(tmp_path, "aapl_tidy_quotes.csv"), lake)
    assert lake.read(RAW_BARS, SOURCE)["volume"].to_list() == [174048056, 152052116, None]
    assert quotes(lake, "quote_ts", "contract_symbol", "volume") == [
        (CLOSE, "AAPL211217C00165000", 10522),
        (CLOSE, "AAPL211217P00165000", None),
    ]


@pytest.mark.parametrize(
    ("table", "text", "good", "rules"),
    [
        (
            RATES,
            "ts,tenor_days,rate_annual\n2021-12-01,90,0.0005\n2021-12-01,365,9\n",
            1,
            {"range.rate_annual": 1},
        ),
        (
            CORPORATE_ACTIONS,
            "ex_date,symbol,kind,ratio,amount\n2020-08-31,AAPL,split,4,\n2021-11-05,AAPL,dividend,,0.22\n"
            "2021-11-05,MSFT,dividend,2,\n2021-11-06,MSFT,dividend,,1\n",
            2,
            {"dividend_without_amount": 1, "not_a_session": 1},
        ),
        (
            EARNINGS_DATES,
            "report_date,symbol,moment,is_confirmed\n2022-01-27,AAPL,after_close,true\n2022-01-27,X,noon,0\n",
            1,
            {"allowed.moment": 1},
        ),
    ],
)
def test_what_is_known_beside_prices_is_taken_in_too(lake, tmp_path, table, text, good, rules):
    path = tmp_path / "known.csv"
    path.write_text(text)
    assert take_in(path, lake).quarantined == rules
    assert lake.read(table, SOURCE).height == good


def test_a_cell_that_cannot_be_read_is_refused_with_its_column_and_kept_as_it_was(lake, tmp_path):
    path = write_vendor(tmp_path, "aapl_tidy_bars.csv", "2021-12-02,AAPL,158.7,164.2,157.8,163.76,many")
    assert take_in(path, lake).quarantined == {"unreadable.volume": 1}
    assert '"volume":"many"' in lake.read(QUARANTINE, SOURCE)["row_json"].item()


def test_a_last_line_without_an_end_may_be_cut_off_and_is_not_believed(lake, tmp_path):
    path = write_vendor(tmp_path, "aapl_tidy_bars.csv")
    path.write_bytes(path.read_bytes()[:-4])
    report = take_in(path, lake)
    assert (report.rows_read, report.rows_written, report.quarantined) == (3, 2, {"broken_line": 1})


def test_rows_of_one_key_far_apart_in_the_file_contradict_each_other(lake, tmp_path, monkeypatch):
    monkeypatch.setattr("alluse_assets.adapters.files.csv_file._BLOCK_BYTES", 200)
    monkeypatch.setattr("alluse_assets.adapters.files.day_parts.MOST_ROWS", 20)
    days = trading_calendar().sessions(date(2020, 1, 2), date(2020, 12, 31))
    lines = [f"{day},AAPL,10,12,9,11,100" for day in days]
    path = tmp_path / "bars.csv"
    path.write_bytes(
        as_csv("ts,symbol,open,high,low,close,volume", (*lines, lines[0], lines[1].replace("11", "10")))
    )
    report = take_in(path, lake)
    assert report.quarantined == {"conflicting_duplicate": 2, "duplicate": 1}
    assert report.rows_written == len(days) - 1


def test_a_day_with_too_many_rows_is_cleaned_in_parts_with_the_same_result(lake, tmp_path, monkeypatch):
    rows = [f"2020-01-02,S{number},10,12,9,11,{number}" for number in range(60)]
    path = tmp_path / "bars.csv"
    path.write_bytes(as_csv("ts,symbol,open,high,low,close,volume", (*rows, rows[7])))
    take_in(path, lake)
    monkeypatch.setattr("alluse_assets.adapters.files.day_parts.MOST_ROWS", 10)
    other = Lake(tmp_path / "other")
    take_in(path, other)
    for table in (RAW_BARS, QUARANTINE):
        assert other.read(table, SOURCE).equals(lake.read(table, SOURCE))
        assert other.content_id(table, SOURCE) == lake.content_id(table, SOURCE)


@pytest.mark.parametrize("form", ["gz", "zip", "utf-16", "mark", "windows", "semicolons"])
def test_a_table_may_come_packed_or_in_another_encoding(lake, tmp_path, form):
    header, lines = VENDORS["L2_20211201.csv"]
    data = as_csv(header, lines[:1])
    name = {"gz": "L2.csv.gz", "zip": "L2.zip"}.get(form, "L2.csv")
    encoded = {
        "gz": gzipped(data),
        "zip": zipped({"L2_20211201.csv": data}),
        "utf-16": data.decode().encode("utf-16"),
        "mark": b"\xef\xbb\xbf" + data,
        "windows": data.replace(b"\n", b"\r\n"),
        "semicolons": data.replace(b",", b";"),
    }[form]
    (tmp_path / name).write_bytes(encoded)
    assert take_in(tmp_path / name, lake).rows_written == 1


@pytest.mark.parametrize("name", ["L2.CSV", "L2.TXT", "L2.CSV.GZ", "L2.csv.GZ", "L2.ZIP", "QUOTES.PARQUET"])
def test_a_name_in_capitals_is_read_like_one_in_small_letters(lake, tmp_path, name):
    data = as_csv(*VENDORS["L2_20211201.csv"])
    content = {
        ".GZ": gzipped(data),
        ".ZIP": zipped({"L2_20211201.CSV": data}),
        ".PARQUET": tidy_parquet(tmp_path).read_bytes(),
    }.get(Path(name).suffix, data)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    assert is_data_file(tmp_path / "in" / name)
    report = take_in(tmp_path / "in" / name, lake)
    assert report.rows_written == report.rows_read > 0


def test_text_that_is_no_utf_8_is_refused(lake, tmp_path):
    path = write_vendor(tmp_path, "option_chain.csv")
    path.write_bytes(path.read_bytes().replace(b"AAPL", "É".encode("latin-1")))
    with pytest.raises(
        RefusedFileError, match=r"option_chain\.csv is no whole table of comma-separated UTF-8 text"
    ):
        take_in(path, lake)


def test_a_vendors_layout_may_lie_in_parquet(lake, tmp_path):
    with_bars(lake, tmp_path)
    path = tmp_path / "chain.parquet"
    pl.read_csv(write_vendor(tmp_path, "option_chain.csv"), try_parse_dates=True).write_parquet(path)
    assert take_in(path, lake).rows_written == 2


def test_only_the_symbols_asked_for_are_taken(lake, tmp_path):
    report = take_in(write_vendor(tmp_path, "L2_20211201.csv"), lake, symbols=frozenset({"AAPL"}))
    assert (report.rows_read, report.rows_written, report.rows_left) == (1, 1, 1)


def test_typed_parquet_keeps_its_refused_rows_as_they_came(lake, tmp_path):
    path = tidy_parquet(tmp_path)
    pl.read_parquet(path).with_columns(ask=pl.lit(2.0)).write_parquet(path)
    assert take_in(path, lake).quarantined == {"ask_below_bid": 3}
