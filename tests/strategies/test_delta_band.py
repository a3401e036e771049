"""The study of one rule finds the trades that going through the rows one by one finds."""

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.strategies.delta_band import DeltaBandRule, delta_band_trades

MONDAY = date(2024, 6, 3)
DAYS = [MONDAY + timedelta(days=n) for n in range(12)]
EXPIRIES = [date(2024, 6, 7), date(2024, 6, 14)]
RULE = DeltaBandRule("P", low=0.1, target=0.2, high=0.3, dte_low=1, dte_high=10)


def quote(session, expiry, strike, delta, bid, ask, right="P", underlying="IBM"):
    return {
        "underlying": underlying,
        "session": session,
        "expiry": expiry,
        "right": right,
        "strike": strike,
        "dte_days": (expiry - session).days,
        "delta": delta,
        "bid": bid,
        "ask": ask,
    }


def trades(rows, rule=RULE, sessions=None):
    schema = {"dte_days": pl.Int32, "delta": pl.Float64, "bid": pl.Float64, "ask": pl.Float64}
    frame = pl.DataFrame(rows, schema_overrides=schema)
    return delta_band_trades(frame.lazy(), rule, sessions)


def one_by_one(rows, rule, sessions):
    found = []
    keys = sorted({(r["underlying"], r["session"], r["expiry"]) for r in rows})
    for underlying, session, expiry in keys:
        offered = [
            r
            for r in rows
            if (r["underlying"], r["session"], r["expiry"]) == (underlying, session, expiry)
            and r["right"] == rule.right
            and r["delta"] is not None
            and rule.low <= abs(r["delta"]) <= rule.high
            and max(rule.dte_low, rule.exit_dte + 1) <= r["dte_days"] <= rule.dte_high
            and min(r["bid"], r["ask"]) > rule.above_usd
            and (sessions is None or session in sessions)
        ]
        if not offered:
            continue
        sold = min(offered, key=lambda r: (round(abs(abs(r["delta"]) - rule.target), 9), r["strike"]))
        same = ("underlying", "expiry", "right", "strike")
        for r in rows:
            if all(r[k] == sold[k] for k in same) and r["dte_days"] == rule.exit_dte:
                gain = (sold["bid"] + sold["ask"]) / 2, (r["bid"] + r["ask"]) / 2
                found.append((underlying, session, r["session"], expiry, sold["strike"], *gain))
    return found


def test_the_nearest_to_the_target_is_sold_and_bought_back_at_expiry():
    friday = EXPIRIES[0]
    rows = [
        quote(MONDAY, friday, 90.0, -0.12, 0.4, 0.6),
        quote(MONDAY, friday, 95.0, -0.21, 0.9, 1.1),
        quote(MONDAY, friday, 100.0, -0.45, 2.0, 2.2),
        quote(friday, friday, 95.0, None, 0.2, 0.3),
    ]
    assert trades(rows).select("strike", "entry", "exit", "gain").rows() == [(95.0, 1.0, 0.25, 0.75)]


def test_of_two_as_near_the_lower_strike_is_sold():
    friday = EXPIRIES[0]
    rows = [quote(MONDAY, friday, k, d, 0.9, 1.1) for k, d in ((95.0, -0.25), (90.0, -0.15))]
    rows += [quote(friday, friday, k, None, 0.2, 0.3) for k in (90.0, 95.0)]
    assert trades(rows)["strike"].to_list() == [90.0]


def test_what_has_no_quote_at_the_exit_is_left_out():
    assert trades([quote(MONDAY, EXPIRIES[0], 95.0, -0.2, 0.9, 1.1)]).is_empty()


def test_nothing_is_sold_outside_the_entry_sessions():
    friday = EXPIRIES[0]
    rows = [quote(day, friday, 95.0, -0.2, 0.9, 1.1) for day in DAYS[:3]]
    rows.append(quote(friday, friday, 95.0, None, 0.2, 0.3))
    assert trades(rows, sessions=[DAYS[1]])["entry_session"].to_list() == [DAYS[1]]
    assert trades(rows, sessions=[]).is_empty()


rows_of_quotes = st.lists(
    st.builds(
        quote,
        session=st.sampled_from(DAYS),
        expiry=st.sampled_from(EXPIRIES),
        strike=st.sampled_from([90.0, 95.0, 100.0]),
        delta=st.none() | st.integers(-40, 40).map(lambda n: n / 100),
        bid=st.integers(0, 8).map(lambda n: n / 20),
        ask=st.integers(1, 9).map(lambda n: n / 20),
        right=st.sampled_from("PC"),
        underlying=st.sampled_from(["IBM", "AAPL"]),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda r: (r["underlying"], r["session"], r["expiry"], r["right"], r["strike"]),
)


@settings(max_examples=60)
@given(rows_of_quotes, st.sampled_from(["P", "C"]), st.integers(0, 2), st.none() | st.just(DAYS[:5]))
def test_the_columns_find_what_one_by_one_finds(rows, right, exit_dte, sessions):
    rule = DeltaBandRule(right, 0.1, 0.2, 0.3, 1, 10, exit_dte)
    columns = ("underlying", "entry_session", "exit_session", "expiry", "strike", "entry", "exit")
    assert trades(rows, rule, sessions).select(columns).rows() == one_by_one(rows, rule, sessions)
