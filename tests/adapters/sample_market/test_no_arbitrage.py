"""The modelled chains cannot be traded against themselves: by construction, at their quotes, as fitted."""

from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.sample_market import DIVIDEND_YIELDS, SampleMarket
from alluse_assets.adapters.sample_market.volatility_model import (
    INDEX_SMILE,
    SHARE_SMILE,
    at_the_money,
    implied_volatility,
    total_variance_at_the_money,
)
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_market import QualityRules
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.option_chains.chain_rules import screen_chains
from alluse_assets.option_chains.chains import enrich
from alluse_assets.option_chains.surface.fill import fill, unquoted
from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.svi import density_factor, svi_of_ssvi

SHARES = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
SPAN = (date(2011, 1, 3), date(2012, 12, 31))
SERIES = ["session", "underlying", "expiry", "right"]
# Of the mid: bid and ask are each on a tick, of five cents at most, and the ask may be moved by one more.
MID_ERROR = 0.055


@cache
def quotes() -> pl.DataFrame:
    """Every twelfth session of the two years, and the index's chain of every fortieth."""
    market, sessions = SampleMarket(trading_calendar(), threads=2), trading_calendar().sessions(*SPAN)
    shares = [market.option_quotes(SHARES, day, day) for day in sessions[::12]]
    return pl.concat([*shares, *(market.option_quotes(["SPX"], day, day) for day in sessions[::40])])


def mids() -> pl.DataFrame:
    return (
        quotes()
        .filter(pl.col("underlying") != "SPX", pl.col("bid") > 0)
        .with_columns(mid=(pl.col("bid") + pl.col("ask")) / 2)
    )


@pytest.mark.parametrize("smile", [SHARE_SMILE, INDEX_SMILE], ids=["share", "index"])
@settings(max_examples=100, deadline=None)
@given(
    st.floats(0.002, 3.0),
    st.floats(0.002, 3.0),
    st.lists(st.integers(1, 520), min_size=2, max_size=9, unique=True),
)
def test_no_level_of_the_model_leaves_a_butterfly_or_a_calendar_free(smile, short, long, sessions) -> None:
    """Whatever was realised, at every term and far beyond the strikes that are listed."""
    time = np.array(sorted(sessions)) / 252
    level = at_the_money(smile, np.full(time.size, short), np.full(time.size, long), time)
    theta = total_variance_at_the_money(level, time)
    assert (np.diff(theta) > 0).all()
    k = np.linspace(-3, 3, 121)
    years = time  # a year of sessions is a year
    variance = [implied_volatility(smile, t, k, y) ** 2 * y for t, y in zip(theta, years, strict=True)]
    # A volatility is rounded to a millionth.
    rounding = 4e-6 * np.sqrt(np.max(variance)) * np.sqrt(years[-1])
    assert (np.diff(variance, axis=0) >= -rounding).all()
    for one in theta:
        assert density_factor(svi_of_ssvi(one, smile.rho, smile.eta / one**0.5), k).min() >= 0


def test_nothing_can_be_traded_for_a_certain_gain() -> None:
    """Bought at the ask, sold at the bid: verticals, butterflies, parity; the rules that judge any chain."""
    rows = quotes()
    assert rows.height > 100_000
    good, refused = screen_chains(rows, rows.clear(), frozenset({"SPX"}), QualityRules(), "sample")
    assert refused.is_empty()
    assert good.height == rows.height


def test_a_longer_option_on_a_share_is_never_offered_under_the_bid_of_a_shorter_one() -> None:
    shares = quotes().filter(pl.col("underlying") != "SPX").sort(*SERIES[:2], "right", "strike", "expiry")
    place = ["session", "underlying", "right", "strike"]
    pairs = shares.select(nearer=pl.col("bid").cum_max().shift(1).over(place), ask="ask").drop_nulls()
    assert pairs.height > 50_000
    assert (pairs["nearer"] <= pairs["ask"]).all()


def test_mids_are_monotone_and_convex_in_the_strike_to_a_tick() -> None:
    ordered = mids().sort(*SERIES, "strike")
    step = pl.col("mid").diff().over(SERIES)
    run = pl.col("strike").diff().over(SERIES)
    towards = pl.when(pl.col("right") == "C").then(-step).otherwise(step)
    found = ordered.with_columns(towards=towards, slope=step / run, run=run).with_columns(
        bend=pl.col("slope").diff().over(SERIES), width=pl.min_horizontal("run", pl.col("run").shift(1))
    )
    assert found["towards"].drop_nulls().min() >= -2 * MID_ERROR
    assert found.select((pl.col("bend") + 4 * MID_ERROR / pl.col("width")).min()).item() >= 0


def test_mids_do_not_fall_with_time_to_a_tick() -> None:
    place = ["session", "underlying", "right", "strike"]
    steps = mids().sort(*place, "expiry").select(step=pl.col("mid").diff().over(place)).drop_nulls()
    assert steps.height > 50_000
    assert steps["step"].min() >= -2 * MID_ERROR


@cache
def chains() -> pl.DataFrame:
    rates = SampleMarket(trading_calendar()).rates(*SPAN)
    return enrich(quotes(), rates, DIVIDEND_YIELDS, frozenset({"SPX"}), threads=2)


@cache
def surfaces() -> pl.DataFrame:
    return fit_surfaces(chains(), threads=2)


def test_fitted_surfaces_are_free_of_arbitrage_and_nearly_the_model_itself() -> None:
    fitted = surfaces()
    assert fitted.height > 1500
    assert fitted["butterfly_free"].mean() > 0.999
    assert fitted["calendar_free"].all()
    assert fitted["rmse_points"].median() < 0.05
    assert fitted["inside_spread_share"].mean() > 0.99


def test_what_nobody_bids_for_is_worth_no_more_on_the_surface_than_somebody_asks() -> None:
    """The model that made the quotes is the answer that a fill ought to give, beyond the quotes, too."""
    contracts = unquoted(chains(), QUARANTINE.empty(), frozenset({"SPX"}))
    values = fill(contracts, surfaces(), threads=2)
    asked = values.join(
        chains().select("quote_ts", "contract_symbol", "ask"), on=["quote_ts", "contract_symbol"]
    )
    assert asked.height == values.height > 4000
    assert (asked["model_value"] <= asked["ask"]).mean() > 0.999
    assert (asked["model_value"] - asked["ask"]).max() < 0.05
