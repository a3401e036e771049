"""Statistics against empyrical on the same series, and what they say where they are not defined."""

import math
import warnings
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical

from alluse_assets.execution.tables import OPTION_TRADES
from alluse_assets.ledger.project import book_at_closes, project_balances, project_net_asset_value
from alluse_assets.reporting.performance import (
    drawdown_statistics,
    linked_return,
    project_performance,
    project_period_returns,
    return_statistics,
    trade_statistics,
)
from alluse_assets.reporting.tables import PERFORMANCE, PERIOD_RETURNS
from tests.book_maker import random_book

RETURNS = st.lists(
    st.floats(-0.2, 0.25, allow_nan=False).map(lambda r: round(r, 8)), min_size=3, max_size=300
)


def close(ours, theirs):
    return ours == pytest.approx(float(theirs), rel=1e-6, abs=1e-8)


@settings(max_examples=150)
@given(RETURNS)
def test_statistics_of_returns_are_empyricals(returns):
    series = np.array(returns)
    assume(series.std() > 1e-6)
    ours = return_statistics(returns)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        assert close(ours.time_weighted_return, empyrical.cum_returns_final(series))
        assert close(ours.cagr, empyrical.annual_return(series))
        assert close(ours.volatility_annual, empyrical.annual_volatility(series))
        assert close(ours.sharpe, empyrical.sharpe_ratio(series))
        assert close(ours.max_drawdown, empyrical.max_drawdown(series))
        if ours.sortino is not None:
            assert close(ours.sortino, empyrical.sortino_ratio(series))
        if ours.calmar is not None:
            assert close(ours.calmar, empyrical.calmar_ratio(series))
    assert (ours.sortino is None) == (min(returns) >= 0)
    assert (ours.calmar is None) == (ours.max_drawdown == 0)


def test_two_known_years_by_hand():
    """Ten per cent up, then half of it lost: the unit value goes 1, 1.1, 1.045."""
    ours = return_statistics([0.1] + [0.0] * 251 + [-0.05] + [0.0] * 251)
    assert ours.time_weighted_return == pytest.approx(0.045)
    assert ours.cagr == pytest.approx(math.sqrt(1.045) - 1)
    assert ours.max_drawdown == pytest.approx(-0.05)
    assert ours.max_drawdown_sessions == 252


def test_what_is_not_defined_is_none_and_never_infinite():
    one = return_statistics([0.01])
    assert (one.cagr, one.volatility_annual, one.sharpe, one.sortino, one.calmar) == (None,) * 5
    flat = return_statistics([0.0] * 30)
    assert (flat.sharpe, flat.sortino, flat.calmar) == (None, None, None)
    assert (flat.cagr, flat.volatility_annual, flat.max_drawdown_sessions) == (0.0, 0.0, 0)
    lost = return_statistics([0.5, -1.0])
    assert (lost.time_weighted_return, lost.cagr, lost.max_drawdown) == (-1.0, None, -1.0)


def test_the_start_counts_as_a_high_and_a_drawdown_that_lasts_is_counted_to_the_end():
    assert drawdown_statistics([-0.1, 0.05, 0.01]) == (pytest.approx(-0.1), 3)
    assert drawdown_statistics([0.1, -0.01, 0.02, -0.5, 0.1]) == (pytest.approx(-0.5), 2)


def trade(gain, credit, right="P", closed=date(2011, 1, 7), how="expired", strike=50.0, contracts=1):
    sold = date(2011, 1, 3)
    is_open = closed is None
    return {
        "session": sold, "part": 1, "closed": closed, "account": "GEN-1", "kind": "gen",
        "symbol": "AAPL", "contract": "AAPL110107P00050000", "right": right, "strike": strike,
        "expiry": date(2011, 1, 7), "contracts": contracts, "credit": Decimal(credit),
        "debit": None if is_open else Decimal(credit) - Decimal(gain), "fees": Decimal("0.00"),
        "gain": None if is_open else Decimal(gain), "settlement_price": None, "how_ended": how,
    }  # fmt: skip


def frame(*rows):
    return pl.DataFrame(
        [{"trade": f"t{n}", **row} for n, row in enumerate(rows)], schema=OPTION_TRADES.schema
    )


def test_trades_by_hand():
    found = trade_statistics(
        frame(
            trade("100.00", "100.00"),
            trade("-40.00", "60.00", how="assigned"),
            trade("0.00", "40.00", right="C", how="called_away"),
            trade("1000.00", "1000.00", closed=None, how="open"),
        ),
        100,
    )
    assert (found.trades_closed, found.assignments, found.credit) == (3, 2, Decimal("200.00"))
    assert found.hit_rate == pytest.approx(1 / 3)
    assert found.profit_factor == 2.5
    assert found.premium_captured == 0.3
    # Two puts gained 60 on 5,000 each for four days.
    assert found.yield_on_collateral_annual == pytest.approx(60 / (2 * 5000 * 4) * 365)


def test_without_closed_trades_nothing_is_claimed():
    found = trade_statistics(frame(trade("1.00", "1.00", closed=None, how="open")), 100)
    assert (found.trades_closed, found.credit) == (0, Decimal("0.00"))
    assert (found.hit_rate, found.profit_factor, found.premium_captured) == (None, None, None)
    assert found.yield_on_collateral_annual is None
    assert trade_statistics(frame(trade("5.00", "5.00")), 100).profit_factor is None


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), sessions=st.integers(1, 25))
def test_periods_link_to_the_whole_and_gains_to_the_cent(seed, sessions):
    book = random_book(seed, sessions)
    closes = book_at_closes(book.events)
    values = project_net_asset_value(closes)
    periods = project_period_returns(values, lambda day: book.calendar.week_of(day).id)
    table = project_performance(values, frame(), project_balances(closes), 100)
    assert (periods.schema, table.schema) == (PERIOD_RETURNS.schema, PERFORMANCE.schema)
    assert not periods.select(PERIOD_RETURNS.key).is_duplicated().any()
    for row in table.iter_rows(named=True):
        for period in ("week", "month"):
            own = periods.filter(pl.col("account") == row["account"], pl.col("period") == period)
            assert linked_return(own["period_return"]) == pytest.approx(row["time_weighted_return"], abs=1e-8)
            assert sum(own["gain"].to_list()) == row["gain"] == row["nav"] - row["capital"]
            assert own["sessions"].sum() == row["sessions"] == sessions
            assert own["label"].is_unique().all()
    book_row = table.filter(pl.col("account") == "BOOK").row(0, named=True)
    assert book_row["fees"] == sum(table.filter(pl.col("account") != "BOOK")["fees"].to_list())


def test_a_week_over_the_turn_of_the_month_is_one_week_and_two_months():
    days = [date(2011, 1, 27) + timedelta(days=n) for n in (0, 1, 4, 5)]
    book = random_book(1, 1)
    values = project_net_asset_value(book_at_closes(book.events)).filter(pl.col("account") == "BOOK")
    values = pl.concat([values.with_columns(pl.lit(day).alias("session")) for day in days])
    periods = project_period_returns(values, lambda day: book.calendar.week_of(day).id)
    assert sorted(periods.select("period", "label", "sessions").iter_rows()) == [
        ("month", "2011-01", 3),
        ("month", "2011-02", 1),
        ("week", "2011-01-24", 2),
        ("week", "2011-01-31", 2),
    ]
