"""The defaults are the protocol's numbers, written down here a second time from its text."""

from datetime import time
from decimal import Decimal

import pytest

from alluse_assets.base.config import KINDS, ProtocolConfig

CONFIG = ProtocolConfig()


@pytest.mark.parametrize(
    (
        "kind",
        "share",
        "puts",
        "calls",
        "put_dte",
        "call_dte",
        "put_days",
        "call_days",
        "floor",
        "cap",
        "pivot",
    ),
    [
        ("gen", 0.40, (40, 50), (40, 50), (0, 1), None, "Thu", "Mon Tue", 0.015, 0.50, 0.15),
        ("rev", 0.30, (30, 40), (30, 40), (2, 7), (2, 7), "Mon Tue Wed", "Mon Tue Wed", 0.010, 0.30, 0.10),
        ("com", 0.30, (20, 30), (20, 25), (3, 7), (3, 7), "Mon", "Mon", 0.004, 0.30, 0.07),
    ],
)
def test_the_account_table_of_section_2(
    kind, share, puts, calls, put_dte, call_dte, put_days, call_days, floor, cap, pivot
):
    rules = CONFIG.accounts.of(kind)
    assert getattr(CONFIG.book.split, kind) == share
    assert rules.buffer_share == 0.05
    assert (rules.puts.delta_low, rules.puts.delta_high) == puts
    assert (rules.calls.delta_low, rules.calls.delta_high) == calls
    assert (rules.puts.dte_low, rules.puts.dte_high) == put_dte
    assert call_dte is None or (rules.calls.dte_low, rules.calls.dte_high) == call_dte
    assert rules.calls.to_week_last_expiry is (kind == "gen")
    assert rules.calls.after_assignment_only is (kind == "gen")
    assert rules.puts.entry_weekdays == tuple(put_days.split())
    assert rules.calls.entry_weekdays == tuple(call_days.split())
    assert rules.puts.min_premium_yield == rules.calls.min_premium_yield == floor
    assert rules.max_symbol_share == cap
    assert rules.drawdown_pivot == pivot
    assert rules.take_profit_decay == 0.65
    assert rules.put_free_cash_share == (0.20 if kind == "com" else 0)
    assert rules.first_share_purchase is (kind == "com")
    assert rules.recovery_calls.enabled is False
    assert (rules.recovery_calls.delta_low, rules.recovery_calls.delta_high) == (20, 30)


def test_the_tickers_of_section_2():
    assert CONFIG.accounts.gen.tickers == ("TSLA", "NVDA")
    assert CONFIG.accounts.rev.tickers == ("AAPL", "MSFT", "AMZN", "GOOG")
    assert CONFIG.accounts.com.tickers == ("AAPL", "MSFT", "AMZN", "GOOG", "NVDA", "TSLA", "META")


def test_the_entry_screen_and_windows_of_section_2():
    entry = CONFIG.entry
    assert (entry.window_start, entry.window_end) == (time(10), time(11))
    assert entry.early_close_window_start == time(9, 45)
    assert entry.quote_max_age_seconds == 30
    assert (entry.max_spread_share_of_mid, entry.max_spread_usd) == (0.10, Decimal("0.05"))
    assert (entry.min_open_interest, entry.max_order_share_of_volume) == (500, 0.10)
    assert entry.first_contract_over_cap is True
    assert entry.max_entries_per_week == 1
    assert CONFIG.settlement_days == 1


def test_the_market_mode_of_section_3():
    mode = CONFIG.market_mode
    assert (mode.threshold, mode.path_efficiency, mode.guess_weeks, mode.atr_window) == (0.35, 0.3, 4, 14)
    shift = mode.delta_shift
    assert (shift.green, shift.red, shift.chop, mode.delta_floor) == (0, -5, -10, 10)
    assert CONFIG.market.mode_symbol == "SPY"
    assert CONFIG.week_end.manage_minutes_before_close == 90


def test_the_protection_of_section_4():
    protection = CONFIG.protection
    assert (protection.level_1_atr, protection.level_2_atr, protection.level_3_atr) == (1, 2, 3)
    assert (protection.hysteresis_atr, protection.cool_off_sessions) == (0.25, 5)
    assert protection.new_entry_size_share == 0.5
    assert protection.hedge.share_of_nav == 0.01
    triggers = protection.triggers
    switches = (triggers.iv_rise_enabled, triggers.delta_enabled, triggers.trailing_stop_enabled)
    assert switches == (False, False, False)
    assert (triggers.iv_rise_share, triggers.delta_over) == (0.5, 75)
    for kind in KINDS:
        actions = protection.actions.of(kind)
        assert actions.puts.level_2 == ("alert_high", "roll", "refuse_new_entries")
        assert {"close", "account_safe", "alert_critical"} <= set(actions.puts.level_3)
        assert {"keep", "refuse_new_puts", "ask_person"} <= set(actions.calls.level_3)
        assert "hedge" not in (*actions.puts.level_2, *actions.calls.level_2)
    rolls = CONFIG.rolls
    assert (rolls.at_level, rolls.weeks_out_low, rolls.weeks_out_high) == (2, 1, 2)
    assert rolls.max_debit_share_of_credit == 0.5
    assert (CONFIG.drawdown.within_share_of_mark, CONFIG.drawdown.resume_put_size_share) == (0.05, 0.5)
    assert CONFIG.drawdown.deep_buffer_multiple == 2
    breakers = CONFIG.circuit_breakers
    assert (breakers.half_over_vix, breakers.safe_over_vix, breakers.close_only_over_vix) == (50, 65, 80)
    assert (breakers.half_deployable_share, breakers.leave_points, breakers.max_stale_sessions) == (0.5, 2, 1)


def test_the_week_types_of_section_5():
    types = CONFIG.week_types
    assert (types.deep_drawdown, types.assigned_within) == (0.15, 0.05)
    assert (types.recovery, types.rolled, types.strong) == (0.10, 0.05, 0.05)


def test_the_forks_merges_and_reinvestment_of_section_6():
    gen, rev = CONFIG.fork.gen, CONFIG.fork.rev
    assert (gen.surplus_usd, rev.surplus_usd) == (50_000, 500_000)
    assert (gen.child_split.gen, gen.child_split.rev, gen.child_split.com) == (0.5, 0, 0.5)
    assert (rev.child_split.gen, rev.child_split.rev, rev.child_split.com) == (0.4, 0.3, 0.3)
    assert (gen.group_merges, rev.group_merges) == (True, False)
    assert CONFIG.merge.group_nav_usd == 500_000
    assert CONFIG.reinvest.months == (1, 4, 7, 10)
    assert CONFIG.reinvest.basis == "post_tax"
    assert (CONFIG.reinvest.rev.contracts_share, CONFIG.reinvest.rev.leaps_share) == (0.75, 0.25)
    assert (CONFIG.reinvest.com.shares_share, CONFIG.reinvest.com.leaps_share) == (0.75, 0.25)
    leaps = CONFIG.leaps
    assert (leaps.dte_low, leaps.dte_high, leaps.delta_low, leaps.delta_high) == (365, 730, 70, 80)
    assert (leaps.min_open_interest, leaps.roll_under_dte) == (100, 90)


def test_the_approvals_of_section_7_answer_no_and_expire_with_the_window():
    approvals = CONFIG.approvals
    assert approvals.replay_answer == "no"
    assert approvals.expires_after_minutes is None
    assert approvals.live_approver_is_another is True
    assert all((approvals.under_floor, approvals.level_3_close, approvals.fork, approvals.merge))


def test_the_order_prices_of_the_execution_specification():
    execution = CONFIG.execution
    assert (execution.entry_worst_share_of_mid, execution.entry_worst_ticks) == (0.05, 1)
    assert execution.entry_worst_share_of_spread == 0.5
    assert execution.unknown_not_found_answers == 2
    assert execution.client_order_id_length == 48
    assert execution.average_price_tolerance_share == 0.0001
    assert (CONFIG.assignment_threshold_usd, CONFIG.multiplier) == (Decimal("0.01"), 100)
    assert CONFIG.paper.fee_per_contract_usd == Decimal("0.65")
