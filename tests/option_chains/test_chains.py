"""Enrichment of quotes: what each row gets, and that it gets it whatever the other rows are."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from alluse_assets.base.errors import DataError, MissingDataError
from alluse_assets.base.table_catalog import Column
from alluse_assets.option_chains.chains import enrich, with_terms
from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.implied_volatility import STATUS_NAMES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES
from tests.paths import SHARED

SPX_FILE = SHARED / "data" / "spx_option_chains_2019.parquet"
YIELDS = {"SPX": 0.019, "XYZ": 0.0}
EUROPEAN = frozenset({"SPX"})
RATES = pl.DataFrame(
    {
        "ts": [date(2011, 1, 3), date(2011, 1, 3), date(2011, 6, 1), date(2019, 1, 2)],
        "tenor_days": [30, 90, 30, 30],
        "rate_annual": [0.01, 0.02, 0.03, 0.024],
        "source": ["test"] * 4,
    },
    schema_overrides={"tenor_days": pl.Int32},
)


def quote(**changes: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "quote_ts": datetime(2011, 3, 1, 21, 0, tzinfo=UTC),
        "session": date(2011, 3, 1),
        "underlying": "XYZ",
        "underlying_price": 100.0,
        "contract_symbol": "XYZ110401P00095000",
        "expiry": date(2011, 4, 1),
        "right": "P",
        "strike": 95.0,
        "bid": 1.9,
        "ask": 2.1,
        "source": "test",
    }
    return OPTION_QUOTES.conform(pl.DataFrame([{**row, **changes}]))


def one(frame: pl.DataFrame, rates: pl.DataFrame = RATES) -> dict[str, object]:
    return enrich(frame, rates, YIELDS, EUROPEAN).row(0, named=True)


def spx(session: date) -> pl.DataFrame:
    rows = pl.scan_parquet(SPX_FILE).filter(pl.col("quote_ts").dt.date() == session, pl.col("ask") > 0)
    return OPTION_QUOTES.conform(rows.with_columns(session=session, source=pl.lit("cboe delayed")).collect())


def test_time_runs_to_four_in_new_york_on_the_expiry_also_across_daylight_saving() -> None:
    """From 16:00 EST on 1 March to 16:00 EDT on 1 April: 31 days less the hour that was skipped."""
    row = one(quote())
    assert row["dte_days"] == 31
    assert row["years_to_expiry"] == pytest.approx((31 - 1 / 24) / 365, abs=1e-12)


def test_options_that_settle_at_the_open_have_less_time() -> None:
    """The day before, SPX and SPXW of one strike and expiry once had volatilities a quarter apart."""
    day_before = {"quote_ts": datetime(2019, 5, 16, 20, 0, tzinfo=UTC), "session": date(2019, 5, 16)}
    rows = [
        quote(
            underlying="SPX", contract_symbol=f"{root}190517P02800000", expiry=date(2019, 5, 17), **day_before
        )
        for root in ("SPX", "SPXW")
    ]
    terms = with_terms(pl.concat(rows), RATES, YIELDS, EUROPEAN, ["SPX"])
    assert [round(years * 365 * 24, 6) for years in terms["years_to_expiry"]] == [17.5, 24.0]


def test_on_the_last_afternoon_no_time_is_left_and_the_status_says_so() -> None:
    row = one(quote(quote_ts=datetime(2011, 4, 1, 20, 15, tzinfo=UTC), session=date(2011, 4, 1)))
    assert row["years_to_expiry"] == 0
    assert row["iv_status"] == "zero_time"
    assert row["iv_annual"] is None
    assert row["delta"] is None


def test_the_value_at_the_implied_volatility_is_the_mid() -> None:
    row = one(quote())
    assert row["mid"] == 2.0
    assert row["iv_status"] == "ok"
    assert row["exercise_style"] == "american"
    market = (100.0, 95.0, row["years_to_expiry"], row["rate_annual"], 0.0, row["iv_annual"], False)
    assert float(american_value(*market)) == pytest.approx(2.0, abs=1e-5)
    assert -0.5 < row["delta"] < -0.2
    assert row["gamma"] > 0 > row["theta_per_day"]
    assert row["vega_per_point"] > 0 > row["rho_per_point"]


def test_without_a_bid_there_is_no_mid_and_no_volatility() -> None:
    row = one(quote(bid=0.0, ask=0.05))
    assert row["mid"] is None
    assert row["iv_status"] == "no_quote"
    assert row["iv_annual"] is None


def test_a_mid_below_intrinsic_gives_null_and_says_so() -> None:
    assert one(quote(strike=110.0, bid=9.5, ask=9.9))["iv_status"] == "below_intrinsic"


@pytest.mark.parametrize(
    ("session", "expiry", "rate"),
    [
        (date(2011, 1, 3), date(2011, 1, 21), 0.01),
        (date(2011, 3, 1), date(2011, 6, 17), 0.02),
        (date(2011, 3, 1), date(2011, 4, 30), 0.015),
        (date(2011, 5, 31), date(2011, 6, 17), 0.01),
        (date(2011, 6, 1), date(2011, 12, 16), 0.03),
    ],
)
def test_the_rate_is_the_latest_day_s_and_there_between_the_tenors(
    session: date, expiry: date, rate: float
) -> None:
    quoted = datetime(session.year, session.month, session.day, 20, tzinfo=UTC)
    assert one(quote(session=session, quote_ts=quoted, expiry=expiry))["rate_annual"] == rate


def test_a_session_before_the_first_rate_says_what_to_do() -> None:
    early = quote(session=date(2010, 12, 31), quote_ts=datetime(2010, 12, 31, 21, tzinfo=UTC))
    with pytest.raises(MissingDataError, match=r"2010-12-31.*2011-01-03.*ingest rates"):
        enrich(early, RATES, YIELDS, EUROPEAN)
    with pytest.raises(MissingDataError, match="none at all"):
        enrich(early, RATES.clear(), YIELDS, EUROPEAN)


def test_an_underlying_without_a_dividend_yield_is_named() -> None:
    with pytest.raises(DataError, match="no dividend yield for ABC"):
        enrich(quote(underlying="ABC"), RATES, YIELDS, EUROPEAN)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="missing column underlying_price"):
        enrich(quote().drop("underlying_price"), RATES, YIELDS, EUROPEAN)


def test_no_quotes_give_an_empty_chain() -> None:
    assert enrich(quote().clear(), RATES, YIELDS, EUROPEAN).schema == OPTION_CHAINS.schema


def test_order_company_and_threads_change_no_value() -> None:
    frame = spx(date(2019, 5, 1)).sample(fraction=0.4, seed=1)
    half_american = frame.with_columns(
        underlying=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("SPX")).otherwise(pl.lit("XYZ"))
    )
    whole = enrich(half_american, RATES, YIELDS, EUROPEAN, threads=2)
    assert whole["contract_symbol"].equals(frame["contract_symbol"])
    shuffled = half_american.with_row_index().sample(fraction=1.0, shuffle=True, seed=2)
    again = enrich(shuffled, RATES, YIELDS, EUROPEAN).with_columns(shuffled["index"]).sort("index")
    assert again.drop("index").equals(whole)
    few = half_american.gather_every(37)
    assert enrich(few, RATES, YIELDS, EUROPEAN).equals(whole.gather_every(37))


def within(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    ok = pl.lit(True)
    if column.low is not None:
        ok &= value >= column.low
    if column.high is not None:
        ok &= value <= column.high
    if column.allowed:
        ok &= value.is_in(column.allowed)
    return ok.fill_null(column.nullable).all().alias(column.name)


def test_a_real_chain_keeps_the_table_s_bounds_and_agrees_with_the_vendor() -> None:
    session = date(2019, 5, 1)
    chain = enrich(spx(session), RATES, YIELDS, EUROPEAN)
    live = chain.filter(pl.col("dte_days") >= 0)
    kept = live.select(within(c) for c in OPTION_CHAINS.columns).row(0, named=True)
    assert [name for name, ok in kept.items() if not ok] == []
    assert (chain["iv_annual"].is_null() == (chain["iv_status"] != "ok")).all()
    assert set(chain["iv_status"]) <= set(STATUS_NAMES)
    vendor = pl.read_parquet(SPX_FILE, columns=["quote_ts", "contract_symbol", "iv", "delta"])
    both = chain.join(vendor, on=["quote_ts", "contract_symbol"], suffix="_vendor").filter(
        pl.col("dte_days").is_between(3, 90), pl.col("delta").abs().is_between(0.05, 0.95), pl.col("iv") > 0
    )
    assert both.height > 2000
    # The vendor's rate, dividends and instant of the spot are unknown: the middle of the rows is close.
    assert (both["iv_annual"] - both["iv"]).abs().median() < 0.005
    assert (both["delta"] - both["delta_vendor"]).abs().median() < 0.01


def test_statuses_of_the_table_are_those_of_the_solver() -> None:
    assert OPTION_CHAINS.column("iv_status").allowed == STATUS_NAMES
