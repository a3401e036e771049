"""The routine of a session, through weeks small enough to check by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from alluse_assets.base.errors import LedgerError, MissingDataError
from alluse_assets.ledger.chart import LedgerAccount
from tests.option_chains.test_marks import surface_rows
from tests.strategies.mini_market import CALENDAR, FRIDAY, MiniMarket, config, contract, days

MON, TUE, WED, THU, FRI = days(5)
P100 = contract(100)


def types(events):
    return [event.type.value for event in events]


def of(events, event_type):
    return [event.payload for event in events if event.type == event_type]


def sold_put(**changes):
    """Rev-Acc sells nine puts at 100 on Monday: 30 % of 285,000 is 85,500, so eight fit... by the cap."""
    market = MiniMarket(config(**changes))
    market.step(MON, 101, {P100: ("1.50", "1.60")}, {("rev", "P"): [P100]})
    return market


def test_a_session_without_anything_still_begins_the_week_and_closes():
    market = MiniMarket()
    assert types(market.step(MON, 100)) == ["session.opened", "market_mode.guessed", "session.closed"]
    assert types(market.step(TUE, 100)) == ["session.opened", "session.closed"]


def test_a_put_is_sized_by_cap_and_sold_at_the_bid():
    market = sold_put()
    account = market.account("REV-1")
    assert account.shorts[P100].contracts == 8  # 30 % of 285,000 over 10,000
    assert account.cash == Decimal("300000.00") + Decimal("1200.00") - Decimal("5.20")


def test_one_new_entry_per_account_ticker_and_week():
    market = sold_put()
    market.step(TUE, 101, {P100: ("1.40", "1.50")}, {("rev", "P"): [P100]})
    assert market.outcome("REV-1", "P") == "entered_this_week"
    assert market.account("REV-1").shorts[P100].contracts == 8


def test_a_new_week_allows_a_new_entry():
    market = sold_put()
    for day in (TUE, WED, THU, FRI):
        market.step(day, 101)
    monday, put = days(6)[5], contract(100, expiry=date(2011, 1, 21))
    market.step(monday, 101, {put: ("1.50", "1.60")}, {("rev", "P"): [put]})
    assert market.outcome("REV-1", "P") == "order"


def test_a_put_out_of_the_money_expires_and_its_premium_is_earned():
    market = sold_put()
    for day in (TUE, WED, THU):
        market.step(day, 101)
    events = market.step(FRI, "100.00")  # at the strike: not a cent in the money
    assert of(events, "option.expired")[0]["contracts"] == 8
    assert market.account("REV-1").balance(LedgerAccount.REALISED_GAIN) == Decimal("-1200.00")
    assert market.account("REV-1").shorts == {}


def assigned():
    market = sold_put()
    for day in (TUE, WED, THU):
        market.step(day, 99)
    return market, market.step(FRI, "99.99")


def test_a_put_a_cent_in_the_money_takes_shares_at_the_strike_less_the_premium():
    market, events = assigned()
    account = market.account("REV-1")
    assert of(events, "option.assigned")[0]["shares"] == 800
    assert account.shares_held("AAPL") == 800
    assert account.balance(LedgerAccount.SHARES) == Decimal("80000.00") - Decimal("1200.00")
    assert account.adjusted_basis("AAPL") == Decimal("98.5")
    assert account.balance(LedgerAccount.REALISED_GAIN) == 0


def test_assigned_shares_put_the_ticker_on_the_call_side_and_calls_keep_the_basis():
    market, _ = assigned()
    week = days(10)[5:]
    under, over = contract("98", "C", week[4]), contract("99", "C", week[4])
    put = contract(95, expiry=week[4])
    quotes = {under: ("2.00", "2.05"), over: ("1.50", "1.55"), put: ("1.00", "1.05")}
    market.step(week[0], 99, quotes, {("rev", "P"): [put], ("rev", "C"): [under, over]})
    assert market.outcome("REV-1", "P") == "entered_this_week"  # the call was this week's entry
    decided = [e.payload for e in market.events if e.type == "entry.decided" and e.payload["right"] == "C"][
        -1
    ]
    assert decided["passed"][0]["refused"] == "below_adjusted_basis"
    assert decided["chosen"] == over
    assert market.account("REV-1").shorts[over].contracts == 8


def test_without_a_call_at_the_basis_there_is_no_call_and_no_put_either():
    market, _ = assigned()
    monday = days(6)[5]
    low, put = contract("98", "C", date(2011, 1, 21)), contract(95, expiry=date(2011, 1, 21))
    quotes = {low: ("2.00", "2.05"), put: ("1.00", "1.05")}
    market.step(monday, 97, quotes, {("rev", "P"): [put], ("rev", "C"): [low]})
    assert market.outcome("REV-1", "C") == "below_adjusted_basis"
    assert market.outcome("REV-1", "P") == "on_call_side"


def called_away():
    market, _ = assigned()
    week = days(10)[5:]
    call = contract("99", "C", week[4])
    market.step(week[0], 99, {call: ("1.50", "1.55")}, {("rev", "C"): [call]})
    for day in week[1:4]:
        market.step(day, 100)
    return market, market.step(week[4], "99.01"), days(11)[10]


def test_shares_called_away_pay_the_strike_on_the_next_session():
    market, events, monday = called_away()
    account = market.account("REV-1")
    away = of(events, "option.assigned")[0]
    assert (away["right"], away["proceeds"], away["settles_on"]) == ("C", "79200.00", monday.isoformat())
    assert account.shares_held("AAPL") == 0
    assert account.balance(LedgerAccount.RECEIVABLES) == Decimal("79200.00")
    # strike + call premium - cost (strike of the put less its premium)
    assert account.balance(LedgerAccount.REALISED_GAIN) == -(
        Decimal("79200") + Decimal("1200") - Decimal("78800")
    )
    before = account.cash
    settled = market.step(monday, 99)
    assert of(settled, "cash.settled")[0]["amount"] == "79200.00"
    assert market.account("REV-1").cash == before + Decimal("79200.00")
    assert market.account("REV-1").receivables == ()


def test_unsettled_proceeds_are_not_deployed():
    market, _, monday = called_away()
    decided = market.account("REV-1")
    assert decided.cash < Decimal("300000") - Decimal("75000")
    put = contract(99, expiry=date(2011, 1, 28))
    market.step(monday, 100, {put: ("1.50", "1.55")}, {("rev", "P"): [put]})
    facts = [e.payload for e in market.events if e.type == "entry.decided"][-1]
    assert Decimal(facts["deployable"]) > Decimal("285000")  # settled at that session's open


def test_profit_is_taken_when_the_ask_has_decayed_enough_and_not_a_cent_before():
    for ask, taken in (("0.53", False), ("0.52", True)):  # 35 % of 1.50 is 0.525
        market = sold_put()
        events = market.step(TUE, 103, {P100: ("0.40", ask)})
        assert ("order.filled" in types(events)) is taken
    assert market.account("REV-1").balance(LedgerAccount.REALISED_GAIN) == -(Decimal("1200") - Decimal("416"))


def test_profit_is_taken_at_exactly_the_decay_that_is_asked_for():
    market = MiniMarket()
    market.step(MON, 101, {P100: ("2.00", "2.10")}, {("rev", "P"): [P100]})
    events = market.step(TUE, 103, {P100: ("0.60", "0.70")})  # 35 % of 2.00
    assert "order.filled" in types(events)


def test_nothing_is_bought_back_in_the_session_that_sold_it():
    market = sold_put()
    market.state = replace(market.state, last_closed=None)
    cheap = {P100: ("0.01", "0.02")}
    assert types(market.step(MON, 103, cheap)).count("order.created") == 0
    assert types(market.step(TUE, 103, cheap)).count("order.created") == 1


def test_gen_acc_writes_calls_on_assigned_shares_only():
    """Bought shares are no reason for a Gen call; a kind without that rule writes on them."""
    for assigned_only, outcome in ((True, "no_uncovered_lot"), (False, "order")):
        market = MiniMarket(
            config(
                accounts__gen__first_share_purchase=True,
                accounts__gen__calls__after_assignment_only=assigned_only,
            )
        )
        call = contract(105, "C")
        market.step(MON, 100, {call: ("1.00", "1.05")}, {("gen", "C"): [call]})
        assert market.account("GEN-1").shares_held("AAPL") == 3800
        assert market.outcome("GEN-1", "C") == outcome


def test_a_call_at_exactly_the_adjusted_basis_is_allowed():
    market, _ = assigned()
    monday = days(6)[5]
    at_basis = contract("98.5", "C", date(2011, 1, 21))
    market.step(monday, 97, {at_basis: ("2.00", "2.05")}, {("rev", "C"): [at_basis]})
    assert market.outcome("REV-1", "C") == "order"


def test_call_premium_lowers_the_basis_and_buying_back_raises_it_again():
    market, _ = assigned()
    week = days(10)[5:]
    call = contract("99", "C", week[4])
    market.step(week[0], 99, {call: ("1.50", "1.55")}, {("rev", "C"): [call]})
    assert market.account("REV-1").adjusted_basis("AAPL") == Decimal("97")  # 98.50 less 1.50
    market.step(week[1], 97, {call: ("0.40", "0.50")})
    assert market.account("REV-1").adjusted_basis("AAPL") == Decimal("97.5")


def test_com_acc_sells_puts_only_while_free_cash_is_over_its_share():
    poor = MiniMarket(config(accounts__com__first_share_purchase=True))
    poor.step(MON, 100, {P100: ("1.50", "1.55")}, {("com", "P"): [P100]})
    assert poor.outcome("COM-1", "P") == "free_cash_low"
    rich = MiniMarket()
    rich.step(MON, 100, {P100: ("1.50", "1.55")}, {("com", "P"): [P100]})
    assert rich.outcome("COM-1", "P") == "order"


def test_com_acc_may_sell_puts_on_a_ticker_it_holds():
    market = MiniMarket(
        config(accounts__com__first_share_purchase=True, accounts__com__put_free_cash_share=0.01)
    )
    market.step(MON, 100, {P100: ("1.50", "1.55")}, {("com", "P"): [P100]})
    assert market.account("COM-1").shares_held("AAPL") == 2800
    assert market.outcome("COM-1", "P") == "size_zero"  # 5,000 left, and not "on_call_side"


def test_a_dividend_is_earned_on_the_ex_date_and_paid_later():
    market = MiniMarket(config(accounts__com__first_share_purchase=True, paper__dividend_pay_sessions=2))
    market.step(MON, 100)
    cash = market.account("COM-1").cash
    events = market.step(TUE, 99, dividends="0.25")
    assert of(events, "dividend.accrued")[0]["amount"] == "700.00"  # 2,800 shares
    assert market.account("COM-1").balance(LedgerAccount.DIVIDENDS) == Decimal("-700.00")
    assert market.account("COM-1").cash == cash
    market.step(WED, 99)
    market.step(THU, 99)
    assert market.account("COM-1").cash == cash + Decimal("700.00")


def test_a_split_that_leaves_fractions_stops_with_a_clear_error():
    market = MiniMarket(config(accounts__com__first_share_purchase=True))
    market.step(MON, 100)
    with pytest.raises(LedgerError, match=r"AAPL splits 1.5 to 1 on 2011-01-11 while COM-1 holds it"):
        market.step(TUE, 66, splits={"AAPL": Decimal("1.5")})


def test_a_held_share_without_a_price_keeps_its_last_one_and_is_told_of_once():
    market, _ = assigned()
    week = days(10)[5:]
    events = [event for day in week[:2] for event in market.step(day, None)]
    first, second = of(events, "session.closed")
    assert first["closes"] == {}
    assert first["stale"] == second["stale"] == {"AAPL": {"price": "99.99", "of": FRIDAY.isoformat()}}
    assert first["accounts"]["REV-1"]["shares_value"] == "79992.00"
    (alert,) = of(events, "alert.raised")
    assert (
        "AAPL has no bar on 2011-01-18: it is valued at its last price, 99.99 of 2011-01-14" in alert["text"]
    )
    assert of(market.step(week[2], 98), "session.closed")[0]["stale"] == {}
    # Another halt is another matter.
    assert of(market.step(week[3], None), "alert.raised")


def test_a_share_that_splits_while_it_is_halted_is_valued_in_the_new_shares():
    market, _ = assigned()
    closed = of(market.step(days(6)[5], None, splits={"AAPL": Decimal(2)}), "session.closed")[0]
    assert closed["stale"]["AAPL"]["price"] == "49.9950"
    assert closed["accounts"]["REV-1"]["shares_value"] == "79992.00"


def test_a_price_that_is_too_old_stops_the_book_with_a_clear_error():
    market, _ = assigned()
    for day in days(10)[5:]:
        market.step(day, None)
    with pytest.raises(
        MissingDataError, match="holds AAPL, and on 2011-01-25 it has had no price for 6 sess"
    ):
        market.step(days(11)[10], None)


def test_an_option_that_ends_while_its_share_is_halted_is_settled_at_the_first_close():
    market = sold_put()
    for day in (TUE, WED, THU):
        market.step(day, 101)
    assert not of(market.step(FRI, None), "option.expired")
    assert market.account("REV-1").put_collateral(100) == 80_000
    monday = days(6)[5]
    assert of(market.step(monday, 97), "option.assigned")[0]["settlement_price"] == "97"


def test_an_option_that_has_stopped_trading_is_not_bought_back():
    """Index options are quoted until 16:15, but one that expires today ended at 16:00."""
    market = sold_put()
    for day in (TUE, WED, THU):
        market.step(day, 101)
    events = market.step(FRI, 101, {P100: ("0.00", "0.01")})
    assert "order.created" not in types(events)
    assert of(events, "option.expired")


def test_every_close_carries_marks_balances_and_nav_for_every_account():
    market = sold_put()
    closed = of(market.events, "session.closed")[-1]
    assert closed["marks"][P100] == {"basis": "quote", "iv": "0.3", "price": "1.5500"}
    assert set(closed["accounts"]) == {"GEN-1", "REV-1", "COM-1"}
    assert closed["accounts"]["REV-1"]["short_options_value"] == "-1240.00"
    assert FRIDAY > MON


def test_a_short_that_lost_its_bid_is_marked_on_the_surface_of_that_close_and_then_at_its_volatility():
    market = sold_put()
    level = 0.6**2 * (FRIDAY - TUE).days / 365
    close = CALENDAR.close_time(TUE)
    surface = surface_rows(close, level=level).with_columns(
        expiry=FRIDAY, years_to_expiry=pl.lit((FRIDAY - TUE).days / 365), forward_price=pl.lit(101.0)
    )
    one_sided = {P100: ("0.00", "3.00")}
    closed = of(market.step(TUE, 101, one_sided, surfaces=surface), "session.closed")[-1]
    on_surface = closed["marks"][P100]
    assert (on_surface["basis"], on_surface["iv"]) == ("surface", "0.600000")
    # Without a surface its volatility is the last one known, not that of the quote before.
    later = of(market.step(WED, 101), "session.closed")[-1]["marks"][P100]
    assert (later["basis"], later["iv"]) == ("model", "0.600000")
    assert Decimal(later["price"]) < Decimal(on_surface["price"])
