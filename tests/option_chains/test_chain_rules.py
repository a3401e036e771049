"""Quotes that are sound alone but cannot be true beside the others."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_market import QualityRules
from alluse_assets.option_chains.chain_rules import RULES, screen_chains
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.paths import SHARED

MONDAY = datetime(2024, 6, 3, 20, 0, tzinfo=UTC)
EXPIRY = date(2024, 6, 21)
SPOT = 100.0
NOTHING = OPTION_QUOTES.empty()


def chain(at=MONDAY, shift=0.0, **changes) -> pl.DataFrame:
    """Calls and puts around the money in parity, a dime wide; ``changes`` by contract: C100={"ask": 1}."""
    rows = []
    for strike in range(90, 111, 2):
        time_value = 4.0 - 0.3 * abs(strike - SPOT) + 0.01 * (strike - SPOT) ** 2 + shift
        for right, intrinsic in (("C", max(SPOT - strike, 0)), ("P", max(strike - SPOT, 0))):
            row = {
                "quote_ts": at,
                "session": at.date(),
                "underlying": "IBM",
                "underlying_price": SPOT,
                "contract_symbol": f"IBM240621{right}{strike * 1000:08d}",
                "expiry": EXPIRY,
                "right": right,
                "strike": float(strike),
                "bid": round(intrinsic + time_value - 0.05, 2),
                "ask": round(intrinsic + time_value + 0.05, 2),
                "source": "files",
            }
            rows.append(row | changes.get(f"{right}{strike}", {}))
    return OPTION_QUOTES.conform(pl.DataFrame(rows))


def screened(quotes, before=NOTHING, european=frozenset()):
    good, refused = screen_chains(quotes, before, european, QualityRules(), "files")
    assert good.height + refused.height == quotes.height
    return good, dict(zip(refused["row_key"].str.extract(r"([CP]\d+)$"), refused["rule"], strict=True))


def test_a_chain_in_order_passes_whole():
    assert screened(chain())[1] == {}
    assert screened(NOTHING)[1] == {}


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"C100": {"age_seconds": 3601.0}}, {"C00100000": "stale_quote"}),
        ({"C100": {"age_seconds": 3600.0}}, {}),
        ({"C110": {"bid": 2.05, "ask": 2.05}}, {"C00110000": "locked_market"}),
        ({"P110": {"bid": 0.0, "ask": 12.1}}, {"P00110000": "zero_bid_in_the_money"}),
        ({"P90": {"bid": 0.0}}, {}),
        ({"P90": {"bid": 90.1, "ask": 90.2}}, {"P00090000": "above_upper_bound"}),
        ({"C90": {"bid": 5.0, "ask": 5.1}}, {"C00090000": "below_intrinsic"}),
        ({"C102": {"bid": 6.1, "ask": 6.2}}, {"C00102000": "not_monotone"}),
        # Above one neighbour only, and by little: either may be wrong.
        ({"C102": {"bid": 4.1, "ask": 4.2}}, {"C00100000": "not_monotone", "C00102000": "not_monotone"}),
        ({"C104": {"bid": 3.2, "ask": 3.3}}, {"C00104000": "not_convex"}),
        ({"P98": {"bid": 0.5, "ask": 0.6}}, {"P00098000": "not_monotone"}),
        ({"C90": {"bid": 16.0, "ask": 16.1}}, {"C00090000": "above_width"}),
        ({"P110": {"bid": 16.0, "ask": 16.1}}, {"P00110000": "above_width"}),
    ],
)
def test_a_quote_that_cannot_be_is_refused_by_its_rule(changes, refused):
    assert screened(chain(**changes))[1] == refused


def test_a_spread_worth_more_than_its_width_needs_no_put_to_be_seen():
    """Without puts no parity says so: C90 bid 16.00, C92 asked 10.29, two dollars apart."""
    calls = chain(C90={"bid": 16.0, "ask": 16.1}).filter(pl.col("right") == "C")
    assert screened(calls)[1] == {"C00090000": "above_width"}


def test_a_bump_is_seen_over_strikes_that_nobody_bids_for():
    """Sell two C100 at 9.00, buy C90 at 14.00 and C110 at 3.50; the strikes between are asked far above."""
    idle = {f"C{strike}": {"bid": 0.01, "ask": 30.0} for strike in range(92, 110, 2)}
    bump = {
        "C90": {"bid": 13.4, "ask": 14.0},
        "C100": {"bid": 9.0, "ask": 9.2},
        "C110": {"bid": 3.3, "ask": 3.5},
    }
    calls = chain(**(idle | bump)).filter(pl.col("right") == "C")
    assert screened(calls)[1] == {"C00100000": "not_convex"}


def test_a_quote_that_is_wrong_alone_makes_no_other_look_wrong():
    """An ask of an hour ago, below the others' bids, is stale, and they are not to blame for it."""
    stale = chain(C98={"bid": 1.0, "ask": 1.1, "age_seconds": 9_999.0})
    assert screened(stale)[1] == {"C00098000": "stale_quote"}


def test_every_rule_is_listed():
    assert {
        "stale_quote",
        "locked_market",
        "off_parity",
        "repeated_chain",
        "not_convex",
        "above_width",
    } < set(RULES)


def test_a_chain_that_only_repeats_the_session_before_is_refused_whole():
    tuesday = chain(MONDAY + timedelta(days=1))
    good, refused = screened(tuesday, before=chain())
    assert good.is_empty()
    assert set(refused.values()) == {"repeated_chain"}
    assert screened(chain(MONDAY + timedelta(days=1), shift=0.01), before=chain())[1] == {}


def test_a_repeated_chain_is_seen_within_one_batch_too():
    both = pl.concat([chain(), chain(MONDAY + timedelta(days=1))])
    good, refused = screened(both)
    assert good["session"].unique().to_list() == [MONDAY.date()]
    assert len(refused) == 22


def test_two_snapshots_of_one_session_are_not_a_repetition():
    both = pl.concat([chain(MONDAY - timedelta(minutes=15)), chain()])
    assert screened(both)[1] == {}


def far(right, bid):
    """A strike beyond the others, which bound it by little."""
    symbol = f"IBM240621{right}00150000"
    return {"strike": 150.0, "contract_symbol": symbol, "bid": bid, "ask": round(bid + 0.1, 2)}


def test_a_call_and_a_put_that_only_disagree_with_each_other_both_go():
    assert screened(chain(C110=far("C", 0.5), P110=far("P", 50.5)))[1] == {}
    disagreeing = chain(C110=far("C", 1.1), P110=far("P", 48.9))
    assert screened(disagreeing)[1] == {"C00150000": "off_parity", "P00150000": "off_parity"}


def test_european_parity_is_closer_than_american():
    distant = chain(C110=far("C", 0.5), P110=far("P", 44.0)).with_columns(
        expiry=pl.lit(date(2025, 6, 20)),
        contract_symbol=pl.col("contract_symbol").str.replace("240621", "250620"),
    )
    assert screened(distant)[1] == {}
    assert set(screened(distant, european=frozenset({"IBM"}))[1].values()) == {"off_parity"}


def test_the_holidays_of_the_real_chains_repeat_the_session_before():
    """2019-05-27 carries the quotes of the Friday before; were it a session, this rule would tell."""
    raw = pl.read_parquet(SHARED / "data/spx_option_chains_2019.parquet")
    days = raw.with_columns(day=pl.col("quote_ts").dt.date())
    friday = days.filter(pl.col("day") == date(2019, 5, 24)).drop("day", "is_session")
    holiday = days.filter(pl.col("day") == date(2019, 5, 27)).drop("day", "is_session")
    as_tuesday = holiday.with_columns(pl.col("quote_ts") + pl.duration(days=1)).filter(
        pl.col("expiry") > date(2019, 5, 28)
    )
    before, _ = clean_option_quotes(friday, trading_calendar(), "files")
    repeated, _ = clean_option_quotes(as_tuesday, trading_calendar(), "files")
    good, refused = screen_chains(repeated, before, frozenset({"SPX"}), QualityRules(), "files")
    assert good.is_empty()
    assert set(refused["rule"]) == {"repeated_chain"}


def test_the_real_chains_hold_together():
    raw = pl.read_parquet(SHARED / "data/spx_option_chains_2019.parquet").filter("is_session")
    clean, _ = clean_option_quotes(raw, trading_calendar(), "files")
    good, refused = screen_chains(clean, NOTHING, frozenset({"SPX"}), QualityRules(), "files")
    assert refused.height == 0
    assert good.height == clean.height
