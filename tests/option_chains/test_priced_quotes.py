from datetime import UTC, date, datetime

import polars as pl
import pytest

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.chains import enrich
from alluse_assets.option_chains.priced_quotes import ANSWERS, PricingTerms, price_quotes
from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.european import european_value
from tests.paths import SHARED

TERMS = PricingTerms(rate=0.03, dividend_yield=0.01)


def least(**columns: object) -> pl.DataFrame:
    terms = {"spot": [100.0, 100.0], "strike": [90.0, 110.0], "right": ["P", "C"], "years": [0.5, 0.25]}
    return pl.DataFrame({**terms, **columns})


@pytest.mark.parametrize(("model", "value"), [("american", american_value), ("european", european_value)])
def test_the_least_a_price_needs_is_enough_and_the_value_is_the_price_again(model: str, value) -> None:
    price = value(100.0, [90.0, 110.0], [0.5, 0.25], 0.03, 0.01, 0.3, [False, True])
    priced = price_quotes(least(price=price), PricingTerms(model, 0.03, 0.01))
    assert priced.columns == ["spot", "strike", "right", "years", "price", *ANSWERS]
    assert priced["iv_annual"].to_list() == pytest.approx([0.3, 0.3], abs=1e-6)
    assert priced["value"].to_list() == pytest.approx(price.tolist(), abs=2e-5)
    assert priced["delta"][0] < 0 < priced["delta"][1]


def test_columns_of_the_table_give_what_the_pipeline_gives() -> None:
    quotes = pl.read_parquet(SHARED / "data/spy_option_chains_2021_sparse.parquet")
    quotes = quotes.with_columns(session=pl.col("quote_ts").dt.date(), source=pl.lit("test"))
    rates = pl.DataFrame(
        {"ts": [date(2021, 1, 1)], "tenor_days": [30], "rate_annual": [0.03], "source": ["test"]},
        schema_overrides={"tenor_days": pl.Int32},
    )
    chains = enrich(quotes, rates, {"SPY": 0.01}, frozenset())
    priced = price_quotes(quotes, TERMS)
    assert chains["iv_status"].value_counts(sort=True)["iv_status"][0] == "ok"
    for name in ANSWERS[:-1]:
        assert priced[name].equals(chains[name]), name


def test_rows_say_their_own_rate_yield_and_style() -> None:
    price = [
        float(american_value(100.0, 90.0, 0.5, 0.06, 0.0, 0.3, False)),
        float(european_value(100.0, 110.0, 0.25, 0.0, 0.05, 0.3, True)),
    ]
    own = {
        "rate_annual": [0.06, 0.0],
        "dividend_yield_annual": [0.0, 0.05],
        "exercise_style": ["american", "european"],
    }
    priced = price_quotes(least(price=price, **own), TERMS)
    assert priced["iv_annual"].to_list() == pytest.approx([0.3, 0.3], abs=1e-6)
    with pytest.raises(DataError, match="exercise_style: bermudan"):
        price_quotes(least(price=price, exercise_style=["american", "bermudan"]), TERMS)


def test_texts_from_a_csv_are_read_as_dates_and_instants() -> None:
    frame = least(bid=[3.0, 1.0], ask=[3.2, 1.2]).drop("years")
    text = frame.with_columns(expiry=pl.lit("2021-06-18"), quote_ts=pl.lit("2021-03-18T20:00:00+00:00"))
    typed = frame.with_columns(
        expiry=pl.lit(date(2021, 6, 18)), quote_ts=pl.lit(datetime(2021, 3, 18, 20, tzinfo=UTC))
    )
    priced = price_quotes(text, TERMS)
    assert priced["iv_status"].to_list() == ["ok", "ok"]
    assert priced.select(ANSWERS).equals(price_quotes(typed, TERMS).select(ANSWERS))


def test_a_row_that_lacks_something_says_so_and_spoils_no_other() -> None:
    rows = [
        {"spot": 100.0, "strike": 90.0, "right": "put", "years": 0.5, "price": 4.0},
        {"spot": 100.0, "strike": 90.0, "right": "x", "years": 0.5, "price": 4.0},
        {"spot": None, "strike": 90.0, "right": "P", "years": 0.5, "price": 4.0},
        {"spot": 100.0, "strike": 90.0, "right": "P", "years": None, "price": 4.0},
        {"spot": 100.0, "strike": 90.0, "right": None, "years": 0.5, "price": 4.0},
        {"spot": 100.0, "strike": 90.0, "right": "P", "years": 0.5, "price": None},
        {"spot": 100.0, "strike": 90.0, "right": "C", "years": 0.5, "price": 4.0},
    ]
    priced = price_quotes(pl.DataFrame(rows), TERMS)
    bad = ["bad_input"] * 4
    assert priced["iv_status"].to_list() == ["ok", *bad, "no_quote", "below_intrinsic"]
    numbers = [name for name in ANSWERS if name != "iv_status"]
    assert priced.select(numbers)[1:].null_count().row(0) == (6,) * 7


def test_everything_that_a_table_lacks_is_named_at_once() -> None:
    with pytest.raises(
        DataError, match=r"or spot; strike; right; .*expiry with quote_ts; price or mid or bid"
    ):
        price_quotes(pl.DataFrame({"bid": [1.0]}), TERMS)


def test_a_column_of_another_type_is_named_with_what_is_needed() -> None:
    with pytest.raises(DataError, match="column strike: String: numbers are needed"):
        price_quotes(least(price=[1.0, 1.0]).with_columns(strike=pl.lit("90")), TERMS)
    naive = (
        least(price=[1.0, 1.0])
        .drop("years")
        .with_columns(expiry=date(2021, 6, 18), quote_ts=datetime(2021, 3, 18, 20, tzinfo=UTC))
        .with_columns(pl.col("quote_ts").dt.replace_time_zone(None))
    )
    with pytest.raises(DataError, match=r"quote_ts: .*time zone"):
        price_quotes(naive, TERMS)
