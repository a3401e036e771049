"""The entry screen on a chain of one: each rule refuses what it must and nothing else."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.strategies.entry import screen, screened_by_session

SESSION = date(2011, 1, 3)
NOW = datetime(2011, 1, 3, 21, tzinfo=UTC)
CONFIG = with_values(ProtocolConfig(), {"entry.earnings_unknown": "allow"})


def chain(**changes):
    """A put that Rev-Acc would take: delta 35, yield 1.5 %, four days to expiry."""
    row = {
        "quote_ts": NOW,
        "session": SESSION,
        "underlying": "AAPL",
        "underlying_price": 101.0,
        "contract_symbol": "AAPL110107P00100000",
        "expiry": date(2011, 1, 7),
        "right": "P",
        "strike": 100.0,
        "bid": 1.50,
        "ask": 1.60,
        "last": None,
        "volume": None,
        "open_interest": None,
        "source": "test",
        "dte_days": 4,
        "years_to_expiry": 4 / 365,
        "mid": 1.55,
        "rate_annual": 0.0,
        "dividend_yield_annual": 0.0,
        "exercise_style": "american",
        "iv_annual": 0.3,
        "iv_status": "ok",
        "delta": -0.35,
        "gamma": 0.01,
        "theta_per_day": 0.0,
        "vega_per_point": 0.0,
        "rho_per_point": 0.0,
    }
    return row | changes


def bands(**changes):
    row = {
        "session": SESSION,
        "kind": "rev",
        "right": "P",
        "symbol": "AAPL",
        "dte_low": 2,
        "dte_high": 7,
        "only_expiry": None,
        "low_micro": 30_000_000,
        "high_micro": 40_000_000,
        "floor_ppm": 10_000,
    }
    schema = {
        "dte_low": pl.Int32, "dte_high": pl.Int32, "only_expiry": pl.Date, "low_micro": pl.Int64,
        "high_micro": pl.Int64, "floor_ppm": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame([row | changes], schema_overrides=schema)


def screened(*rows, calendar=None, config=CONFIG, earnings=None, decided_at=None):
    frame = OPTION_CHAINS.conform(pl.DataFrame(list(rows), infer_schema_length=None))
    return screen(frame, bands() if calendar is None else calendar, config, earnings or {}, decided_at)


def reasons(**changes):
    return screened(chain(**changes))["reasons"].to_list()[0]


def test_a_good_candidate_passes_and_is_ranked_first():
    found = screened(chain())
    assert found["reasons"].to_list() == [[]]
    assert found["rank"].to_list() == [1]
    assert found["credit"].to_list() == [1.5]
    assert found["premium_yield"].to_list() == [0.015]


def test_of_several_looks_at_a_chain_the_last_is_screened():
    morning = chain(quote_ts=NOW - timedelta(hours=6), bid=9.0, ask=9.1)
    assert screened(morning, chain()).equals(screened(chain()))
    assert screened(chain(), morning).equals(screened(chain()))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"delta": -0.2999999}, "delta_out_of_band"),
        ({"delta": -0.4000001}, "delta_out_of_band"),
        ({"delta": None}, "no_delta"),
        ({"bid": 0.99, "ask": 1.0}, "yield_under_floor"),
        ({"bid": 1.5, "ask": 1.66}, "spread_too_wide"),
        ({"open_interest": 499}, "open_interest_low"),
        ({"volume": 9}, "volume_too_thin"),
        ({"contract_symbol": "AAPL1110107P00100000"}, "not_standard"),
    ],
)
def test_one_thing_wrong_is_one_reason(changes, reason):
    assert reasons(**changes) == [reason]


@pytest.mark.parametrize(
    "changes",
    [
        {"delta": -0.30},
        {"delta": -0.40},
        {"bid": 1.0, "ask": 1.05},
        {"bid": 1.5, "ask": 1.65},  # more than 0.05, but under a tenth of mid
        {"bid": 1.0, "ask": 1.05, "mid": 1.025},
        {"open_interest": 500},
        {"volume": 10},
    ],
)
def test_at_the_limit_it_passes(changes):
    assert reasons(**changes) == []


def test_a_cheap_option_s_spread_of_five_cents_always_passes():
    low_floor = bands(floor_ppm=0)
    assert screened(chain(bid=0.05, ask=0.10), calendar=low_floor)["reasons"].to_list() == [[]]
    assert screened(chain(bid=0.05, ask=0.11), calendar=low_floor)["reasons"].to_list() == [
        ["spread_too_wide"]
    ]


def test_a_zero_bid_is_refused_with_everything_that_follows_from_it():
    assert set(reasons(bid=0.0, ask=0.05, delta=None)) == {"no_bid", "no_delta", "yield_under_floor"}


def test_all_reasons_of_a_candidate_are_given():
    found = set(reasons(delta=-0.5, bid=0.5, ask=0.9, open_interest=1))
    assert found == {"delta_out_of_band", "yield_under_floor", "spread_too_wide", "open_interest_low"}


@pytest.mark.parametrize(("days", "count"), [(1, 0), (2, 1), (7, 1), (8, 0)])
def test_days_to_expiry_decide_whether_it_is_a_candidate_at_all(days, count):
    assert screened(chain(dte_days=days)).height == count


def test_only_the_week_s_last_expiry_where_the_leg_says_so():
    friday, thursday = bands(only_expiry=date(2011, 1, 7)), bands(only_expiry=date(2011, 1, 6))
    assert screened(chain(), calendar=friday).height == 1
    assert screened(chain(), calendar=thursday).height == 0


def test_earnings_inside_the_option_s_life_refuse_and_both_ends_count():
    for day, refused in ((2, []), (3, ["earnings_inside"]), (7, ["earnings_inside"]), (8, [])):
        known = {"AAPL": frozenset({date(2011, 1, day)})}
        assert screened(chain(), earnings=known)["reasons"].to_list() == [refused]


def test_unknown_earnings_refuse_unless_the_profile_allows_them():
    assert screened(chain(), config=ProtocolConfig())["reasons"].to_list() == [["earnings_unknown"]]


def test_an_old_quote_is_refused_when_decided_later_than_it():
    late = pl.lit(NOW + timedelta(seconds=30))
    too_late = pl.lit(NOW + timedelta(seconds=30, milliseconds=1))
    assert screened(chain(), decided_at=late)["reasons"].to_list() == [[]]
    assert screened(chain(), decided_at=too_late)["reasons"].to_list() == [["quote_stale"]]


def test_index_options_settled_in_the_morning_are_never_opened():
    calendar = bands(symbol="SPX")
    pm = chain(underlying="SPX", contract_symbol="SPXW110107P00100000")
    am = chain(underlying="SPX", contract_symbol="SPX110107P00100000")
    foreign = chain(underlying="SPX", contract_symbol="SPXQ110107P00100000")
    assert screened(pm, calendar=calendar)["reasons"].to_list() == [[]]
    assert screened(am, calendar=calendar)["reasons"].to_list() == [["am_settled"]]
    assert screened(foreign, calendar=calendar)["reasons"].to_list() == [["not_standard"]]


def test_a_share_with_punctuation_in_its_ticker_is_standard_under_its_root():
    calendar = bands(symbol="BRK.B")
    for symbol, found in (("BRKB", []), ("BRK", ["not_standard"]), ("BRKB1", ["not_standard"])):
        row = chain(underlying="BRK.B", contract_symbol=f"{symbol}110107P00100000")
        assert screened(row, calendar=calendar)["reasons"].to_list() == [found]


def option(strike, delta, bid, expiry=date(2011, 1, 7)):
    symbol = f"AAPL{expiry:%y%m%d}P{int(strike * 1000):08d}"
    days = (expiry - SESSION).days
    return chain(
        contract_symbol=symbol,
        strike=strike,
        delta=delta,
        bid=bid,
        ask=bid + 0.05,
        expiry=expiry,
        dte_days=days,
    )


def test_ranking_is_nearest_the_middle_then_yield_then_expiry_then_strike():
    rows = [
        option(100.0, -0.36, 1.5),
        option(101.0, -0.34, 1.6),  # as far from 35, higher yield
        option(102.0, -0.35, 1.1),  # the middle itself
        option(103.0, -0.39, 9.0),
        option(100.0, -0.36, 1.5, date(2011, 1, 10)),  # later expiry
    ]
    found = screened(*rows).sort("rank")
    assert found["contract_symbol"].to_list() == [
        "AAPL110107P00102000", "AAPL110107P00101000", "AAPL110107P00100000", "AAPL110110P00100000",
        "AAPL110107P00103000",
    ]  # fmt: skip


def test_the_order_of_the_chain_s_rows_changes_nothing():
    rows = [option(100.0 + k, -0.30 - k / 100, 1.5) for k in range(8)]
    assert screened(*rows).equals(screened(*reversed(rows)))


def test_what_the_floor_alone_refused_is_counted_apart():
    rows = [option(100.0, -0.35, 0.5), option(101.0, -0.5, 0.5), option(102.0, -0.36, 1.6)]
    outcome = screened_by_session(screened(*rows))[SESSION][("rev", "P", "AAPL")]
    assert outcome.considered == 3
    assert outcome.floor_alone == 1
    assert outcome.refused == {"delta_out_of_band": 1, "yield_under_floor": 2}
    assert [c.contract for c in outcome.passed] == ["AAPL110107P00102000"]
    assert outcome.passed[0].delta_micro == 36_000_000


def test_what_the_floor_alone_refused_is_ranked_as_the_others_are():
    low = {"bid": 0.90, "ask": 0.95}
    rows = [
        chain(contract_symbol=f"AAPL110107P00{strike:03d}000", strike=float(strike), delta=delta, **quote)
        for strike, delta, quote in [
            (100, -0.31, low),
            (101, -0.36, low),
            (102, -0.34, {"bid": 0.95, "ask": 1.0}),  # as near the middle, but it yields more
            (103, -0.35, {"bid": 0.90, "ask": 1.2}),  # too wide as well
            (104, -0.39, {"bid": 1.50, "ask": 1.6}),  # passes
        ]
    ]
    found = screened_by_session(screened(*rows))[SESSION][("rev", "P", "AAPL")]
    assert [(c.strike, c.rank) for c in found.floor_only] == [(102, 1), (101, 2), (100, 3)]
    assert found.floor_alone == len(found.floor_only)
    assert [c.strike for c in found.passed] == [104]
