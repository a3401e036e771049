from datetime import date

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.option_chains.option_bar_cleaning import clean_option_bars

GOOD = {
    "ts": date(2014, 6, 6),
    "underlying": "AAPL",
    "contract_symbol": "AAPL  140621C00650000",
    "expiry": date(2014, 6, 21),
    "right": "C",
    "strike": 650.0,
    "open": 12.6,
    "high": 13.0,
    "low": 12.6,
    "close": 12.9,
    "volume": 12,
}


def test_a_sound_bar_is_kept_with_the_friday_as_its_expiry():
    good, refused = clean_option_bars(pl.DataFrame([GOOD]), trading_calendar(), "vendor")
    assert refused.is_empty()
    assert good.select("contract_symbol", "expiry", "trades", "source").row(0) == (
        "AAPL140620C00650000",
        date(2014, 6, 20),
        None,
        "vendor",
    )


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"ts": date(2014, 6, 7)}, "not_a_session"),
        ({"ts": date(2014, 6, 23)}, "expired"),
        ({"high": 12.0}, "high_below_low"),
        ({"close": 13.5}, "outside_high_low"),
        ({"strike": 655.0}, "symbol_mismatch"),
        ({"right": "P"}, "symbol_mismatch"),
        ({"contract_symbol": "AAPL1140621C00650000"}, "adjusted_contract"),
        ({"volume": -1}, "range.volume"),
        ({"open": float("nan")}, "not_finite.open"),
    ],
)
def test_a_wrong_bar_is_refused_by_its_rule(wrong, rule):
    good, refused = clean_option_bars(pl.DataFrame([{**GOOD, **wrong}]), trading_calendar(), "vendor")
    assert good.is_empty()
    assert refused["rule"].to_list() == [rule]
