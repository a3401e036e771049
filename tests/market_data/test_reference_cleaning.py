from datetime import date

import polars as pl

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.market_data.reference_cleaning import (
    clean_corporate_actions,
    clean_earnings_dates,
    clean_rates,
)

FRIDAY, SATURDAY = date(2021, 11, 5), date(2021, 11, 6)


def judged(clean, rows):
    """Rows that are good, and the rules that refused the others in their order."""
    good, refused = clean(pl.DataFrame(rows), trading_calendar(), "vendor")
    assert good.height + refused.height == len(rows)
    return good.height, refused["rule"].to_list()


def action(day=FRIDAY, kind="dividend", ratio=None, amount=None):
    return {"ex_date": day, "symbol": "AAPL", "kind": kind, "ratio": ratio, "amount": amount}


def test_an_action_needs_the_number_that_it_is_about():
    assert judged(clean_corporate_actions, [action(amount=0.22), action(kind="split", ratio=4.0)]) == (2, [])
    assert judged(clean_corporate_actions, [action(ratio=2.0)]) == (0, ["dividend_without_amount"])
    assert judged(clean_corporate_actions, [action(kind="split", amount=1.0)]) == (0, ["split_without_ratio"])


def test_an_action_of_another_day_or_kind_is_refused():
    assert judged(clean_corporate_actions, [action(SATURDAY, amount=1.0)]) == (0, ["not_a_session"])
    assert judged(clean_corporate_actions, [action(kind="merger", amount=1.0)]) == (0, ["allowed.kind"])


def test_a_rate_in_percent_is_refused():
    rows = [{"ts": FRIDAY, "tenor_days": days, "rate_annual": rate} for days, rate in ((30, 0.05), (90, 5.0))]
    assert judged(clean_rates, rows) == (1, ["range.rate_annual"])


def test_a_company_may_report_on_any_day():
    row = {"report_date": SATURDAY, "symbol": "BRK.B", "moment": "before_open", "is_confirmed": True}
    assert judged(clean_earnings_dates, [row]) == (1, [])
    assert judged(clean_earnings_dates, [row, {**row, "is_confirmed": False}]) == (
        0,
        ["conflicting_duplicate", "conflicting_duplicate"],
    )
