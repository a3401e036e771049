"""A split while options are open: what is projected from the journal counts in the shares of after it."""

from datetime import timedelta
from decimal import Decimal

from alluse_assets.execution.project import project_option_trades
from alluse_assets.weeks.project import project_week_types
from tests.strategies.mini_market import CALENDAR, FIRST, FRIDAY, MiniMarket, config, contract

PUT, HALF = contract(100), contract(50)


def market_with_a_split():
    """A put at 100 is sold on Monday, on Wednesday one share becomes two, on Thursday it is bought back."""
    market = MiniMarket(config(accounts__gen__tickers=[], accounts__gen__puts__enabled=False,
                               accounts__gen__calls__enabled=False))  # fmt: skip
    market.step(FIRST, 101, {PUT: (2, 2.02)}, {("rev", "P"): [PUT]})
    sold = market.account("REV-1").shorts[PUT].contracts
    market.step(FIRST + timedelta(days=1), 99, {PUT: (2, 2.02)})
    market.step(FIRST + timedelta(days=2), 51, {HALF: (0.9, 0.92)}, splits={"AAPL": Decimal(2)})
    return market, sold


def week_types(market):
    rows = project_week_types(market.events, lambda day: CALENDAR.week_of(day).last == day).filter(
        account="REV-1"
    )
    return rows["week_type"].to_list()


def test_what_is_bought_back_after_a_split_is_the_trade_that_was_opened_before_it():
    market, sold = market_with_a_split()
    market.step(FIRST + timedelta(days=3), 52, {HALF: (0.1, 0.12)})
    trades = project_option_trades(market.events)
    assert trades["contract"].to_list() == [HALF]
    assert trades["contracts"].to_list() == [2 * sold]
    assert trades["how_ended"].to_list() == ["bought_back"]
    assert trades["credit"].to_list() == [Decimal(200 * sold)]


def test_a_week_s_type_is_judged_in_the_shares_of_its_end():
    market, _ = market_with_a_split()
    market.step(FIRST + timedelta(days=3), 51, {HALF: (0.9, 0.92)})
    market.step(FRIDAY, 49, {HALF: (1, 1.02)})
    # 2 per cent under the strike of then; beside the strike of Monday it would be 51 per cent.
    assert week_types(market) == ["P-AWL"]


def test_a_close_before_the_split_is_no_deep_drawdown_after_it_nor_the_other_way_round():
    market, _ = market_with_a_split()
    market.step(FIRST + timedelta(days=3), 51, {HALF: (0.9, 0.92)})
    market.step(FRIDAY, 52, {HALF: (0, 0.02)})
    assert week_types(market) == ["P-EW"]
