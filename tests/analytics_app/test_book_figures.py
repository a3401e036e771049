from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from alluse_assets.execution.tables import ENDINGS
from alluse_assets.ledger.tables import BOOK_ROW
from analytics_app.book_figures import (
    ENDING_TEXT,
    account_names,
    headlines,
    positions_at,
    trades_touching,
    week_counts,
    within,
)
from tests.analytics_app.small_book import (
    ACCOUNTS,
    FALL,
    FIRST,
    LAST,
    SESSIONS,
    net_asset_value,
    option_trades,
    positions,
    week_types,
)


def test_accounts_come_in_the_order_of_their_kinds():
    assert account_names(net_asset_value()) == list(ACCOUNTS)


def test_the_book_comes_first_and_is_the_sum_of_its_accounts():
    book, *accounts = headlines(net_asset_value(), option_trades())
    assert book.account == BOOK_ROW
    assert [one.account for one in accounts] == list(ACCOUNTS)
    assert abs(book.nav - sum(one.nav for one in accounts)) <= Decimal("0.02")


def test_figures_are_of_the_range_only():
    after = FALL + timedelta(1)
    by_account = {
        one.account: one
        for one in headlines(
            within(net_asset_value(), after, LAST), within(option_trades(), after, LAST, "closed")
        )
    }
    sessions = len([day for day in SESSIONS if day > FALL])
    assert by_account["COM-1"].time_weighted_return == pytest.approx(1.001**sessions - 1)
    assert by_account["COM-1"].max_drawdown == 0
    assert by_account["GEN-1"].premium_captured is None


def test_premium_captured_is_gain_over_credit_of_what_ended():
    gen = headlines(net_asset_value(), option_trades())[1]
    assert gen.premium_captured == pytest.approx((400 - 200) / 702)
    assert gen.trades_closed == 2


def test_a_fall_inside_the_range_is_its_drawdown():
    com = headlines(net_asset_value(), option_trades())[3]
    assert com.max_drawdown == pytest.approx(-0.05)


def test_unrealised_gain_of_a_short_option_is_premium_less_what_it_costs_now():
    held = positions_at(positions(), LAST, list(ACCOUNTS))
    option = held.row(by_predicate=pl.col("right") == "P", named=True)
    assert float(option["unrealised_gain"]) == 51
    assert option["dte_days"] == 4
    assert option["holding"] == "short put 27.5"


def test_positions_are_those_of_one_close():
    assert positions_at(positions(), SESSIONS[-2], list(ACCOUNTS)).is_empty()


def test_trades_sold_or_ended_in_the_range_are_in_it_newest_first():
    found = trades_touching(option_trades(), SESSIONS[4], SESSIONS[5])
    assert found["symbol"].to_list() == ["GOOG", "AAPL"]


def test_an_open_trade_counts_on_the_day_it_was_sold():
    assert trades_touching(option_trades(), LAST, LAST)["how_ended"].to_list() == ["open"]


def test_filters_apply_together():
    found = trades_touching(option_trades(), FIRST, LAST, ["GEN-1"], ["AAPL", "GOOG"], ["assigned"])
    assert found["symbol"].to_list() == ["GOOG"]


def test_every_way_to_end_has_words():
    assert set(ENDING_TEXT) == set(ENDINGS)


def test_week_counts_add_up_to_all_rows():
    counts = week_counts(week_types(), list(ACCOUNTS))
    assert sum(sum(by_account.values()) for by_account in counts.values()) == week_types().height
    assert counts["P-AWL"] == {"GEN-1": 1, "REV-1": 0, "COM-1": 0}
