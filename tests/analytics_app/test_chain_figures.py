"""The numbers of the page of chains, against curves and counts that are known."""

import math

import polars as pl
import pytest

from alluse_assets.option_chains.surface.svi import total_variance
from alluse_assets.option_chains.surface.tables import FIT_STATUSES, SURFACES
from alluse_assets.option_chains.tables import IV_STATUSES
from analytics_app.chain_figures import (
    FIT_STATUS_TEXT,
    IV_STATUS_TEXT,
    expiries_with_time,
    fit_rows,
    fitted_smile,
    is_model_priced,
    mean_premiums,
    quoted_smile,
    strike_ladder,
    term_structure,
    without_volatility,
)
from tests.analytics_app.small_chain import (
    CURVE,
    EXPIRIES,
    SPOT,
    STRIKES,
    chain,
    snapshots,
    surface,
    two_roots,
)

NO_SURFACE = SURFACES.empty()


def volatility(k: float, years: float) -> float:
    variance = total_variance(CURVE.a, CURVE.b, CURVE.rho, CURVE.m, CURVE.sigma, k)
    return math.sqrt(float(variance) / years)


def test_every_status_has_words():
    assert set(IV_STATUS_TEXT) == set(IV_STATUSES)
    assert set(FIT_STATUS_TEXT) == set(FIT_STATUSES)


def test_contracts_without_a_volatility_are_counted_by_reason_the_commonest_first():
    mixed = chain().with_columns(
        iv_status=pl.when(pl.col("strike") == 80).then(pl.lit("no_vega")).otherwise("iv_status")
    )
    assert without_volatility(mixed) == [("the price hardly depends on volatility", 10), ("nobody bids", 5)]
    assert without_volatility(mixed.filter(pl.col("iv_status") == "ok")) == []


def test_a_source_says_in_its_name_that_a_model_priced_it():
    assert is_model_priced(chain(source="sample-model"))
    assert not is_model_priced(chain())


def test_an_expiry_without_time_is_not_drawn():
    expired = chain().with_columns(
        years_to_expiry=pl.when(pl.col("expiry") > EXPIRIES[0]).then("years_to_expiry").otherwise(0.0)
    )
    assert expiries_with_time(expired) == EXPIRIES[1:]


def test_the_quoted_smile_is_out_of_the_money_one_point_a_strike():
    smile = quoted_smile(chain(), surface(), EXPIRIES[:1])
    assert smile["strike"].to_list() == STRIKES[:-1]
    assert smile["right"].to_list() == ["P"] * 5 + ["C"] * 3
    assert smile["log_moneyness"][0] == pytest.approx(math.log(80 / SPOT), abs=1e-3)


def test_without_a_surface_rate_and_yield_give_the_same_forward():
    with_surface, without = (quoted_smile(chain(), one, EXPIRIES) for one in (surface(), NO_SURFACE))
    assert without["log_moneyness"].to_list() == pytest.approx(with_surface["log_moneyness"].to_list())


def test_the_fitted_smile_goes_through_the_quotes_that_lie_on_it():
    curve = fitted_smile(surface(), EXPIRIES[:2])
    assert curve["expiry"].unique().sort().to_list() == EXPIRIES[:2]
    assert curve["log_moneyness"].min() == pytest.approx(-0.2)
    assert curve["log_moneyness"].max() == pytest.approx(0.1)
    years = surface()["years_to_expiry"][0]
    own = curve.filter(pl.col("expiry") == EXPIRIES[0])
    expected = [volatility(k, years) for k in own["log_moneyness"]]
    assert own["iv_annual"].to_list() == pytest.approx(expected, abs=1e-4)


def test_an_expiry_without_a_curve_is_in_the_report_and_not_in_the_term_structure():
    assert fitted_smile(surface(), EXPIRIES[-1:]).is_empty()
    term = term_structure(surface())
    assert term["expiry"].to_list() == EXPIRIES[:-1]
    assert term["days_left"][0] == pytest.approx(4)
    assert term["iv_annual"][0] == pytest.approx(volatility(0, 4 / 365), abs=1e-4)
    fits = fit_rows(surface())
    assert fits["fit_status"].to_list() == ["SVI"] * 4 + ["nothing to fit"]
    assert fits["butterfly_free"].to_list() == ["yes"] * 4 + [None]
    assert fits["calendar_free"][0] == "no"


def test_the_ladder_has_calls_and_puts_of_a_strike_in_one_row():
    ladder = strike_ladder(chain(), EXPIRIES[0])
    assert ladder["strike"].to_list() == STRIKES
    assert ladder.row(-1, named=True) | {"put_iv_annual": 0} == {
        "call_bid": 0.0,
        "call_ask": 1.2,
        "call_iv_annual": None,
        "call_delta": 0.5,
        "call_volume": 7,
        "strike": 120.0,
        "put_bid": 1.0,
        "put_ask": 1.2,
        "put_iv_annual": 0,
        "put_delta": -0.5,
        "put_volume": 7,
    }


def test_a_strike_with_a_put_only_has_no_call():
    puts = chain().filter((pl.col("right") == "P") | (pl.col("strike") > 80))
    first = strike_ladder(puts, EXPIRIES[0]).row(0, named=True)
    assert first["strike"] == 80
    assert (first["call_bid"], first["put_bid"]) == (None, 1.0)


def test_roots_that_expire_on_one_day_are_rows_of_their_own_in_the_ladder():
    """SPX's calls stood beside SPXW's puts, and each strike there four times."""
    ladder = strike_ladder(two_roots(), EXPIRIES[1])
    assert ladder.height == 2 * len(STRIKES) - 1
    assert ladder.select("strike", "root").is_unique().all()
    assert set(ladder.filter(root="IDX")["call_ask"]) == set(ladder.filter(root="IDX")["put_ask"]) == {1.7}
    assert set(ladder.filter(root="IDXW")["call_ask"]) == set(ladder.filter(root="IDXW")["put_ask"]) == {1.2}
    assert "root" not in strike_ladder(chain(), EXPIRIES[1]).columns


def test_the_smile_is_of_the_root_that_the_surface_speaks_for():
    smile = quoted_smile(two_roots(), NO_SURFACE, EXPIRIES[1:2])
    alone = two_roots().filter(pl.col("contract_symbol").str.starts_with("IDXW"))
    assert smile.equals(quoted_smile(alone, NO_SURFACE, EXPIRIES[1:2]))
    assert smile["strike"].is_unique().all()


def test_the_mean_premium_is_of_contracts_that_were_always_bid_for():
    premiums = mean_premiums(snapshots())
    calls = premiums.filter(pl.col("right") == "C")
    assert calls["premium"].to_list() == pytest.approx([1.1, 1.2, 1.3])
    assert set(calls["contracts"]) == {len(STRIKES) - 1}
    late = snapshots().with_row_index().filter(pl.col("index") > 0).drop("index")
    assert set(mean_premiums(late).group_by("quote_ts").agg(pl.col("contracts").sum())["contracts"]) == {16}


def test_no_snapshots_have_no_mean():
    assert mean_premiums(snapshots().clear()).is_empty()
