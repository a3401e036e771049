from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.chains import enrich
from alluse_assets.option_chains.priced_quotes import ANSWERS, USED, PricingTerms, price_quotes, price_rows
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
    assert priced.columns == ["spot", "strike", "right", "years", "price", *USED, *ANSWERS]
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


def test_a_row_says_what_it_was_priced_with() -> None:
    """A file priced as European kept the word american in it."""
    frame = least(price=[3.0, 1.0], exercise_style="american", rate_annual=[0.02, 0.04])
    priced = price_quotes(frame, PricingTerms("european", 0.03, 0.01))
    assert priced["exercise_style"].to_list() == ["european"] * 2
    assert priced["rate_annual"].to_list() == [0.02, 0.04]
    assert priced["dividend_yield_annual"].to_list() == [0.01] * 2
    assert price_quotes(frame, TERMS)["exercise_style"].to_list() == ["american"] * 2


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"rate": 5.0}, r"rate: 5: .* from -0.05 to 0.5"),
        ({"rate": float("nan")}, "rate: nan"),
        ({"rate": -0.051}, "rate: -0.051"),
        ({"dividend_yield": 1.01}, r"dividend_yield: 1.01: .* from -1 to 1"),
        ({"dividend_yield": float("nan")}, "dividend_yield: nan"),
        ({"model": "bermudan"}, "there are american and european"),
    ],
)
def test_terms_that_cannot_be_are_refused(terms: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        PricingTerms(**terms)
    assert PricingTerms(rate=0.5, dividend_yield=-1.0)


@pytest.mark.parametrize(
    ("name", "wrong", "sound"),
    [
        ("rate_annual", 4.5, 0.045),
        ("rate_annual", float("nan"), -0.05),
        ("dividend_yield_annual", -1.5, 1.0),
        ("right", "Cash", "call"),
        ("right", "putative", " Put "),
        ("expiry", "06/18/2021", "2021-06-18"),
        ("quote_ts", "2021-03-18 20:00:00", "2021-03-18 20:00:00Z"),
        ("quote_ts", "2021-03-18", "2021-03-18T16:00:00-04:00"),
    ],
)
def test_a_value_in_a_wrong_form_spoils_its_row_and_nothing_but_such_the_table(
    name: str, wrong: object, sound: object
) -> None:
    frame = least(price=[12.0, 12.0], strike=100.0, right="C", expiry="2021-06-18").drop("years")
    frame = frame.with_columns(quote_ts=pl.lit("2021-03-18T20:00:00Z"))
    mixed = frame.with_columns(pl.Series(name, [wrong, sound]))
    priced = price_quotes(mixed, TERMS)
    assert priced["iv_status"].to_list() == ["bad_input", "ok"]
    assert priced.select(name).equals(mixed.select(name))
    with pytest.raises(DataError, match=f"column {name}: none of 2 values is "):
        price_quotes(mixed.with_columns(pl.Series(name, [wrong, wrong])), TERMS)


def test_a_column_without_values_is_no_reason_to_refuse_the_table() -> None:
    empty = least(price=[12.0, 12.0], rate_annual=pl.Series([None, None], dtype=pl.Float64))
    assert price_quotes(empty, TERMS)["iv_status"].to_list() == ["bad_input"] * 2


def test_counts_of_readable_values_add_up_over_tables() -> None:
    """A file is read in batches: one without a sound value is no reason to refuse the others."""
    frame = least(price=[12.0, 12.0])
    _, readable = price_rows(frame.with_columns(right=pl.lit("x")), TERMS)
    with pytest.raises(DataError, match="none of 2 values"):
        readable.require("here")
    _, more = price_rows(frame, TERMS)
    readable.add(more)
    readable.require("here")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("expiry", time(16), "column expiry: Time: dates are needed"),
        ("expiry", timedelta(30), "column expiry: Duration.*dates are needed"),
        ("right", ["C"], r"column right: List\(String\): text is needed"),
        ("exercise_style", b"american", "column exercise_style: Binary: text is needed"),
    ],
)
def test_a_type_that_can_never_do_is_named(name: str, value: object, says: str) -> None:
    frame = least(price=[1.0, 1.0]).drop("years").with_columns(expiry=date(2021, 6, 18))
    frame = frame.with_columns(quote_ts=pl.lit(datetime(2021, 3, 18, 20, tzinfo=UTC)))
    with pytest.raises(DataError, match=says):
        price_quotes(frame.with_columns(pl.lit(value).alias(name)), TERMS)
