"""A refused row is corrected once a good row of its key is there; its verdict stays."""

from datetime import date

import polars as pl
import pytest

from alluse_assets.adapters.files.corrected import with_corrected
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.option_chains.test_chain_rules import chain

TABLES = (BARS, OPTION_QUOTES)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path)


def bars(*changes) -> pl.DataFrame:
    sound = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 100, "source": "files"}
    return pl.DataFrame([sound | {"ts": date(2024, 6, 3), "symbol": "IBM"} | change for change in changes])


def judged(lake: Lake, frame: pl.DataFrame, cleaner=clean_bars, table=BARS) -> pl.DataFrame:
    good, refused = cleaner(frame, trading_calendar(), "files")
    lake.write(table, "files", good)
    lake.write(QUARANTINE, "files", refused)
    found = with_corrected(lake, "files", lake.read(QUARANTINE, "files"), TABLES)
    assert found.drop("is_corrected").equals(lake.read(QUARANTINE, "files"))
    return found


def corrected(found: pl.DataFrame) -> list[str]:
    return found.filter("is_corrected")["row_key"].to_list()


def test_the_good_row_of_a_later_file_corrects_the_refused_one(lake):
    bad = bars({"high": 8.0}, {"symbol": "MSFT", "high": 8.0}, {"ts": date(2024, 6, 4), "close": -1.0})
    assert corrected(judged(lake, bad)) == []
    assert corrected(judged(lake, bars({}))) == ["2024-06-03|IBM"]


def test_two_that_contradict_each_other_are_corrected_by_a_third(lake):
    assert corrected(judged(lake, bars({}, {"close": 10.5}))) == []
    assert corrected(judged(lake, bars({}))) == ["2024-06-03|IBM"] * 2


def test_a_repetition_of_a_good_row_is_none_that_was_corrected(lake):
    found = judged(lake, bars({}, {}))
    assert found["rule"].to_list() == ["duplicate"]
    assert corrected(found) == []


def test_a_quote_is_known_by_its_instant_and_contract(lake):
    bad = chain(C104={"bid": 9.0, "ask": 8.0}, P104={"bid": 9.0, "ask": 8.0}).drop("session")
    assert corrected(judged(lake, bad, clean_option_quotes, OPTION_QUOTES)) == []
    good = chain().drop("session").filter(pl.col("right") == "C")
    found = judged(lake, good, clean_option_quotes, OPTION_QUOTES)
    (key,) = corrected(found)
    assert "C00104000" in key
    other_instant = good.with_columns(pl.col("quote_ts") - pl.duration(minutes=1), right=pl.lit("C"))
    assert len(corrected(judged(lake, other_instant, clean_option_quotes, OPTION_QUOTES))) == 1


def test_a_row_without_a_date_or_of_another_table_is_never_corrected(lake):
    judged(lake, bars({}, {"ts": None}))
    odd = lake.read(QUARANTINE, "files").with_columns(table=pl.lit("rates"), row_key=pl.lit("2024-06-03|IBM"))
    assert corrected(with_corrected(lake, "files", odd, TABLES)) == []
    assert with_corrected(lake, "files", QUARANTINE.empty(), TABLES).is_empty()
