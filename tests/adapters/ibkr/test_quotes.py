"""Rows from tickers: what is not known is never zero, and makes no row where a price must be."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import Contract, Ticker

from alluse_assets.adapters.ibkr.contracts import ListedOption
from alluse_assets.adapters.ibkr.quotes import known_price, known_size, option_row, share_row, spot_price
from alluse_assets.base.instruments import parse_occ_symbol

_NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
_DAY = date(2026, 11, 20)
_UNKNOWN = (float("nan"), -1.0, 0.0, math.inf, -math.inf)
_values = st.one_of(st.sampled_from(_UNKNOWN), st.floats(0.01, 1e5))
_PUT = ListedOption("AAPL", parse_occ_symbol("AAPL261127P00200000"), Contract())
_CALL = ListedOption("AAPL", parse_occ_symbol("AAPL261127C00200000"), Contract())


def _ticker(**values: float) -> Ticker:
    ticker = Ticker()
    for name, value in values.items():
        setattr(ticker, name, value)
    return ticker


@given(bid=_values, ask=_values, last=_values, bid_size=_values, volume=_values)
def test_a_row_has_only_prices_that_are_known_and_is_there_when_both_sides_are(
    bid: float, ask: float, last: float, bid_size: float, volume: float
) -> None:
    ticker = _ticker(bid=bid, ask=ask, last=last, bidSize=bid_size, volume=volume)
    share = share_row("AAPL", ticker, _NOW, _DAY, False)
    option = option_row(_PUT, ticker, 200.0, _NOW, _NOW, _DAY)
    both = bid not in _UNKNOWN and ask not in _UNKNOWN and not math.isnan(bid) and not math.isnan(ask)
    assert (share is not None) == (option is not None) == both
    for row in (share, option):
        for name, value in (row or {}).items():
            if name in ("bid", "ask", "last", "underlying_price") and value is not None:
                assert isinstance(value, float)
                assert math.isfinite(value)
                assert value > 0
            if name in ("bid_size", "ask_size", "volume", "open_interest") and value is not None:
                assert isinstance(value, int)
                assert value >= 0


@pytest.mark.parametrize("value", [None, *_UNKNOWN])
def test_nan_minus_one_zero_and_infinity_are_no_price(value: float | None) -> None:
    assert known_price(value) is None


def test_a_size_of_zero_is_known_and_minus_one_is_not() -> None:
    assert (known_size(0.0), known_size(-1.0), known_size(float("nan")), known_size(3.0, 100)) == (
        0,
        None,
        None,
        300,
    )


def test_the_spot_is_the_mid_unless_the_quote_is_crossed_or_absent() -> None:
    assert spot_price(_ticker(bid=100.0, ask=101.0, last=90.0)) == 100.5
    assert spot_price(_ticker(bid=102.0, ask=101.0, last=90.0)) == 90.0
    assert spot_price(_ticker(bid=-1.0, ask=-1.0, last=90.0)) == 90.0
    assert spot_price(_ticker(bid=-1.0, ask=-1.0, close=90.0)) is None


def test_open_interest_is_that_of_the_options_own_right() -> None:
    ticker = _ticker(bid=1.0, ask=1.1, callOpenInterest=5.0, putOpenInterest=9.0)
    rows = [option_row(option, ticker, 200.0, _NOW, _NOW, _DAY) for option in (_CALL, _PUT)]
    assert [row and row["open_interest"] for row in rows] == [5, 9]


@pytest.mark.parametrize(
    ("data_type", "source", "age"),
    [
        (1, "ibkr", 7.0),
        (2, "ibkr-frozen", None),
        (3, "ibkr-delayed", 907.0),
        (4, "ibkr-delayed-frozen", None),
        (9, "ibkr-unknown", None),
    ],
)
def test_a_quote_is_as_old_as_the_gateway_makes_it(data_type: int, source: str, age: float | None) -> None:
    ticker = _ticker(bid=1.0, ask=1.1)
    ticker.marketDataType = data_type
    row = option_row(_PUT, ticker, 200.0, _NOW - timedelta(seconds=7), _NOW, _DAY)
    assert row is not None
    assert (row["source"], row["age_seconds"]) == (source, age)
