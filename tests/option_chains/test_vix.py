"""The VIX method on the real SPX chains of 2019, and on chains whose answer is known."""

import math
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.vix import StrikeQuote, expiry_variance, volatility_index
from tests.paths import KNOWN_ANSWERS, SHARED

# Conventions of the known answers: SPXW Fridays, whole days over 365, one rate for every day.
RATE = 0.024


@cache
def spx() -> pl.DataFrame:
    new_york = pl.col("quote_ts").dt.convert_time_zone("America/New_York")
    expiry = (
        pl.col("expiry")
        .dt.combine(pl.time(16))
        .dt.replace_time_zone("America/New_York")
        .dt.convert_time_zone("UTC")
    )
    return (
        pl.scan_parquet(SHARED / "data" / "spx_option_chains_2019.parquet")
        .with_columns(session=new_york.dt.date(), rate_annual=pl.lit(RATE))
        .with_columns(
            dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days(),
            years_to_expiry=(expiry - pl.col("quote_ts")).dt.total_seconds() / (365 * 86_400),
        )
        .filter(pl.col("dte_days").is_between(15, 50))
        .collect()
    )


def known_answers() -> pl.DataFrame:
    return pl.read_csv(KNOWN_ANSWERS / "vix_from_spx_2019_chains_vs_published.csv", try_parse_dates=True)


def test_every_known_answer_is_met() -> None:
    ours = volatility_index(spx(), root="SPXW", time_basis="days")
    both = known_answers().join(ours, left_on="ts", right_on="session", how="left")
    assert both.height == 58
    assert both["status"].unique().to_list() == ["ok"]
    assert (both["vix"] - both["vix_from_chain"]).abs().max() <= 1e-6


def test_it_lies_in_the_published_range_of_every_session() -> None:
    ours = volatility_index(spx(), root="SPXW")
    both = known_answers().drop_nulls("in_range").join(ours, left_on="ts", right_on="session")
    assert both.height == 56
    inside = both["vix"].is_between(both["low"], both["high"])
    assert inside.equals(both["in_range"].rename(inside.name))


def test_minutes_and_days_differ_by_less_than_a_hundredth_of_a_point() -> None:
    minutes, days = (volatility_index(spx(), root="SPXW", time_basis=basis) for basis in ("minutes", "days"))
    gap = (minutes["vix"] - days["vix"]).abs()
    assert 0 < gap.max() < 0.01


def test_two_roots_on_one_friday_ask_which_one_is_meant() -> None:
    one_day = spx().filter(pl.col("session") == date(2019, 5, 16))
    twin = one_day.filter(pl.col("dte_days") == 29).with_columns(
        pl.col("contract_symbol").str.replace("SPXW", "SPX")
    )
    with pytest.raises(DataError, match="which root"):
        volatility_index(pl.concat([one_day.filter(pl.col("contract_symbol").str.starts_with("SPXW")), twin]))


def test_rows_in_any_order_give_the_same_bytes() -> None:
    few = spx().filter(pl.col("session") < date(2019, 5, 4))
    shuffled = few.sample(fraction=1.0, shuffle=True, seed=3)
    assert volatility_index(shuffled, "SPXW").equals(volatility_index(few, "SPXW"))


def flat_chain(vol: float, expiry_days: tuple[int, ...], spot: float = 1000.0) -> pl.DataFrame:
    """Quotes without a spread at one volatility on strikes 2.5 apart, on a Friday's close."""
    session = date(2011, 4, 1)
    parts = []
    for days in expiry_days:
        strikes = np.arange(500.0, 1600.0, 2.5)
        for right in ("C", "P"):
            value = european_value(spot, strikes, days / 365, 0.01, 0.0, vol, right == "C").round(6)
            parts.append(
                pl.DataFrame({"strike": strikes, "bid": value, "ask": value}).with_columns(
                    quote_ts=pl.lit(datetime(2011, 4, 1, 20, tzinfo=UTC)).dt.cast_time_unit("us"),
                    session=pl.lit(session),
                    underlying=pl.lit("IDX"),
                    contract_symbol=pl.lit(f"IDX110401{right}00001000"),
                    expiry=pl.lit(session + timedelta(days=days)),
                    right=pl.lit(right),
                    dte_days=pl.lit(days),
                    years_to_expiry=pl.lit(days / 365),
                    rate_annual=pl.lit(0.01),
                )
            )
    return pl.concat(parts)


@pytest.mark.parametrize("vol", [0.12, 0.25])
def test_a_chain_of_one_volatility_has_that_volatility(vol: float) -> None:
    row = volatility_index(flat_chain(vol, (28, 35))).row(0, named=True)
    assert row["vix"] == pytest.approx(100 * vol, abs=0.05)


def test_only_the_last_expiry_of_a_week_counts() -> None:
    whole = flat_chain(0.2, (26, 28, 31, 33, 35))
    assert volatility_index(whole).equals(volatility_index(flat_chain(0.2, (28, 35))))


def test_a_chain_without_an_expiry_on_either_side_says_so() -> None:
    assert volatility_index(flat_chain(0.2, (35, 42)))["status"].to_list() == ["no_near_expiry"]
    assert volatility_index(flat_chain(0.2, (21, 28)))["status"].to_list() == ["no_next_expiry"]
    few = flat_chain(0.2, (28, 35)).filter(pl.col("strike") == 1000.0)
    assert volatility_index(few).select("vix", "status").rows() == [(None, "too_few_strikes")]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="lacks rate_annual"):
        volatility_index(flat_chain(0.2, (28, 35)).drop("rate_annual"))


def test_after_two_strikes_without_a_bid_no_further_one_counts() -> None:
    """By hand: strikes 80 to 110; 85 and 90 have no put bid, so the 80 put is out though it has one."""

    def strike(k: float, call: float, put: float) -> StrikeQuote:
        return StrikeQuote(k, call, call, put, put)

    quotes = [
        strike(80, 21, 1),
        StrikeQuote(85, 16, 16, 0, 0.4),
        StrikeQuote(90, 11, 11, 0, 0.5),
        strike(95, 7, 2),
        strike(100, 4, 4),
        strike(105, 2, 7),
        strike(110, 1, 11),
    ]
    years, rate = 0.1, 0.0
    terms = [5 / 95**2 * 2, 5 / 100**2 * 4, 5 / 105**2 * 2, 5 / 110**2 * 1]
    by_hand = 2 / years * math.fsum(terms)
    assert expiry_variance(quotes, years, rate) == pytest.approx(by_hand, rel=1e-12)
    without = expiry_variance(quotes[1:], years, rate)
    assert without == pytest.approx(by_hand, rel=1e-12)
    bid_for_90 = [*quotes[:2], strike(90, 11, 0.5), *quotes[3:]]
    by_hand = 2 / years * math.fsum([10 / 80**2 * 1, 7.5 / 90**2 * 0.5, *terms])
    assert expiry_variance(bid_for_90, years, rate) == pytest.approx(by_hand, rel=1e-12)
