"""Splits and dividends adjust a history when it is read; what is stored stays as traded."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.errors import DataError
from alluse_assets.market_data.adjustments import adjusted
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS

DAYS = [date(2024, 6, day) for day in (3, 4, 5, 6, 7)]
LAST = DAYS[-1]


def bars(closes, symbol="IBM"):
    rows = [
        {"ts": d, "symbol": symbol, "open": c, "high": c, "low": c, "close": c, "volume": 1200, "source": "x"}
        for d, c in zip(DAYS, closes, strict=True)
    ]
    return BARS.conform(pl.DataFrame(rows))


def actions(*rows):
    keys = ("ex_date", "symbol", "kind", "ratio", "amount")
    made = [dict(zip(keys, row, strict=True)) | {"source": "x"} for row in rows]
    return pl.DataFrame(made, schema=CORPORATE_ACTIONS.schema)


SPLIT = (DAYS[2], "IBM", "split", 4.0, None)
DIVIDEND = (DAYS[3], "IBM", "dividend", None, 1.0)


def test_a_split_divides_the_prices_before_it_and_multiplies_their_volume():
    found = adjusted(bars([100.0, 104.0, 25.0, 26.0, 27.0]), actions(SPLIT), LAST)
    assert found["close"].to_list() == [25.0, 26.0, 25.0, 26.0, 27.0]
    assert found["volume"].to_list() == [4800, 4800, 1200, 1200, 1200]
    assert found["adjustment_factor"].to_list() == [0.25, 0.25, 1.0, 1.0, 1.0]


def test_a_history_as_of_a_day_knows_nothing_of_later_splits():
    before = bars([100.0, 104.0, 25.0, 26.0, 27.0]).filter(pl.col("ts") <= DAYS[1])
    assert adjusted(before, actions(SPLIT), DAYS[1])["close"].to_list() == [100.0, 104.0]


def test_dividends_count_only_when_asked_for():
    prices = bars([100.0, 100.0, 100.0, 99.0, 99.0])
    assert adjusted(prices, actions(DIVIDEND), LAST)["close"].to_list() == prices["close"].to_list()
    total = adjusted(prices, actions(DIVIDEND), LAST, with_dividends=True)
    assert total["close"].to_list() == [99.0, 99.0, 99.0, 99.0, 99.0]
    assert total["volume"].to_list() == [1200] * 5


def test_a_split_and_a_dividend_of_one_day_both_count():
    rows = actions(SPLIT, (DAYS[2], "IBM", "dividend", None, 2.0))
    found = adjusted(bars([100.0, 100.0, 24.5, 24.5, 24.5]), rows, LAST, with_dividends=True)
    assert found["close"].to_list() == [24.5] * 5


def test_other_symbols_and_the_order_of_rows_stay_as_they_are():
    both = pl.concat([bars([50.0] * 5, "MSFT"), bars([100.0, 104.0, 25.0, 26.0, 27.0])]).reverse()
    found = adjusted(both, actions(SPLIT), LAST)
    assert found.select("ts", "symbol").equals(both.select("ts", "symbol"))
    assert found.filter(pl.col("symbol") == "MSFT")["close"].unique().to_list() == [50.0]


def test_a_dividend_above_the_price_is_refused_with_its_day():
    with pytest.raises(DataError, match="dividend of IBM on 2024-06-06"):
        adjusted(bars([1.0] * 5), actions((DAYS[3], "IBM", "dividend", None, 1.0)), LAST, with_dividends=True)


def test_without_actions_nothing_changes():
    found = adjusted(bars([1.0, 2.0, 3.0, 4.0, 5.0]), actions(), LAST, with_dividends=True)
    assert found.drop("adjustment_factor").equals(bars([1.0, 2.0, 3.0, 4.0, 5.0]))


@given(
    st.lists(st.floats(5, 500).map(lambda x: round(x, 2)), min_size=5, max_size=5),
    st.sampled_from(DAYS[1:]),
    st.sampled_from([0.1, 0.5, 2.0, 3.0, 7.0]),
)
def test_returns_across_a_split_are_those_of_one_share(closes, day, ratio):
    """A holder of one share before has ``ratio`` after: the return over the split counts them all."""
    found = adjusted(bars(closes), actions((day, "IBM", "split", ratio, None)), LAST)["close"].to_list()
    for at in range(1, 5):
        shares = ratio if DAYS[at] == day else 1.0
        assert found[at] / found[at - 1] == pytest.approx(shares * closes[at] / closes[at - 1], rel=1e-4)
