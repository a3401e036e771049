from datetime import UTC, date, datetime

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.paths import SHARED

SOUND = {
    "quote_ts": datetime(2011, 1, 3, 21, 0, tzinfo=UTC),
    "underlying": "AAPL",
    "underlying_price": 329.57,
    "contract_symbol": "AAPL110121P00320000",
    "expiry": date(2011, 1, 21),
    "right": "P",
    "strike": 320.0,
    "bid": 3.8,
    "ask": 3.9,
}
OTHER = {"contract_symbol": "AAPL110121P00310000", "strike": 310.0}


def clean(*rows, **schema):
    types = {name: OPTION_QUOTES.schema[name] for name in SOUND} | schema
    return clean_option_quotes(pl.DataFrame(list(rows), schema=types), trading_calendar(), "files")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"ask": 3.0}, "ask_below_bid"),
        ({"bid": -0.05}, "negative_price"),
        ({"bid": None}, "no_quote"),
        ({"ask": None}, "no_quote"),
        ({"bid": 0.0, "ask": 0.0}, "no_quote"),
        ({"strike": 0.0, "contract_symbol": "AAPL110121P00000000"}, "strike_not_positive"),
        ({"expiry": date(2010, 12, 31), "contract_symbol": "AAPL101231P00310000"}, "expired"),
        ({"underlying_price": None}, "underlying_price_missing"),
        ({"underlying_price": 0.0}, "underlying_price_missing"),
        ({"underlying_price": float("nan")}, "not_finite.underlying_price"),
        ({"right": "X"}, "unknown_right"),
        ({"right": "C"}, "symbol_mismatch"),
        ({"strike": 310.5}, "symbol_mismatch"),
        ({"expiry": date(2011, 1, 28)}, "symbol_mismatch"),
        ({"contract_symbol": "MSFT110121P00310000"}, "symbol_mismatch"),
        ({"contract_symbol": "AAPL"}, "symbol_mismatch"),
        ({"contract_symbol": None}, "null.contract_symbol"),
        ({"quote_ts": datetime(2011, 1, 17, 21, 0, tzinfo=UTC)}, "not_a_session"),
        ({"quote_ts": None}, "null.quote_ts"),
        ({"expiry": date(2011, 1, 17), "contract_symbol": "AAPL110117P00310000"}, "expiry_not_a_session"),
        ({"expiry": date(2031, 1, 18), "contract_symbol": "AAPL310118P00310000"}, "expiry_not_a_session"),
        ({"contract_symbol": "AAPL1110121P00310000"}, "adjusted_contract"),
    ],
)
def test_a_bad_quote_is_refused_by_its_rule(changed, rule):
    good, bad = clean(SOUND, SOUND | OTHER | changed)
    assert good["contract_symbol"].to_list() == [SOUND["contract_symbol"]]
    assert bad["rule"].to_list() == [rule]


def test_a_quote_without_a_bid_is_sound_when_somebody_asks():
    good, bad = clean(SOUND | {"bid": 0.0})
    assert (good.height, bad.height) == (1, 0)


def test_the_session_is_the_new_york_date_of_the_quote():
    evening = SOUND | {"quote_ts": datetime(2011, 1, 4, 1, 0, tzinfo=UTC)}
    assert clean(evening)[0]["session"].to_list() == [date(2011, 1, 3)]
    good, bad = clean(evening | {"session": date(2011, 1, 4)}, session=pl.Date)
    assert (good.height, bad["rule"].to_list()) == (0, ["session_mismatch"])


def test_the_padded_occ_form_is_stored_compact_and_a_weekly_root_belongs_to_its_index():
    padded = SOUND | {"contract_symbol": "AAPL  110121P00320000"}
    assert clean(padded)[0]["contract_symbol"].to_list() == ["AAPL110121P00320000"]
    weekly = SOUND | {"underlying": "SPX", "contract_symbol": "SPXW110121P00320000"}
    assert clean(weekly)[1].height == 0


def test_a_repeated_quote_is_kept_once_and_contradicting_ones_not_at_all():
    good, bad = clean(SOUND, SOUND, SOUND | OTHER, SOUND | OTHER | {"ask": 4.1})
    assert good.height == 1
    assert sorted(bad["rule"]) == ["conflicting_duplicate", "conflicting_duplicate", "duplicate"]


def test_an_instant_without_a_time_zone_is_an_error_not_a_guess():
    frame = pl.DataFrame([SOUND]).with_columns(pl.col("quote_ts").dt.replace_time_zone(None))
    with pytest.raises(DataError, match=r"quote_ts is Datetime.*an instant with a time zone is needed"):
        clean_option_quotes(frame, trading_calendar(), "files")


def test_the_spx_chains_lose_only_the_two_holidays_and_what_nobody_quotes():
    quotes = pl.read_parquet(SHARED / "data/spx_option_chains_2019.parquet")
    good, bad = clean_option_quotes(quotes, trading_calendar(), "files")
    assert good.height + bad.height == quotes.height
    assert dict(bad["rule"].value_counts().iter_rows()) == {"not_a_session": 27830, "no_quote": 1156}
    holidays = bad.filter(pl.col("rule") == "not_a_session")["session"].unique().sort().to_list()
    assert holidays == [date(2019, 5, 27), date(2019, 7, 4)]
    assert good["session"].n_unique() == 56


def test_a_saturday_expiry_of_former_years_is_the_friday_before():
    saturday = {"expiry": date(2011, 1, 22), "contract_symbol": "AAPL110122P00320000"}
    good, bad = clean(SOUND | saturday)
    assert bad.is_empty()
    assert good.select("expiry", "contract_symbol").row(0) == (date(2011, 1, 21), "AAPL110121P00320000")
