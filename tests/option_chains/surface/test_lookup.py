"""Anywhere on a surface: the curve at its expiry, no calendar for free between, a reason where nothing."""

from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.lookup import POINT, lookup
from alluse_assets.option_chains.surface.svi import density_factor, lowest_at, total_variance
from alluse_assets.option_chains.surface.tables import LOOKUP_STATUSES
from tests.option_chains.surface.model_chains import (
    AT,
    ORDINARY,
    RATE,
    SESSION,
    SPOT,
    YIELD,
    chains,
    curve_of,
    quotes,
    scaled,
    years_to,
)
from tests.option_chains.surface.spx import spx_chains

DAYS = (10, 30, 60, 200)
STRIKES = np.arange(700.0, 1400.0, 20.0)


@cache
def surface() -> pl.DataFrame:
    return fit_surfaces(chains(quotes({days: scaled(ORDINARY, days / 30) for days in DAYS})))


@cache
def spx_surfaces() -> pl.DataFrame:
    return fit_surfaces(spx_chains())


def points(days: int | list[int], strikes=STRIKES, underlying="IDX") -> pl.DataFrame:
    places = [(SESSION + timedelta(days=d), k) for d in np.atleast_1d(days).tolist() for k in strikes]
    return pl.DataFrame(places, schema={"expiry": pl.Date, "strike": pl.Float64}, orient="row").with_columns(
        quote_ts=pl.lit(AT).cast(pl.Datetime("us", "UTC")), underlying=pl.lit(underlying)
    )


def variance(found: pl.DataFrame) -> np.ndarray:
    return (found["iv_annual"] ** 2 * found["years_to_expiry"]).to_numpy()


def test_at_a_fitted_expiry_it_is_the_curve():
    for row, days in zip(surface().iter_rows(named=True), DAYS, strict=True):
        found = lookup(surface(), points(days))
        assert found["surface_status"].unique().to_list() == ["ok"]
        assert (found["forward_price"] == row["forward_price"]).all()
        curve = curve_of(row)
        k = np.log(STRIKES / row["forward_price"])
        own = np.sqrt(total_variance(curve.a, curve.b, curve.rho, curve.m, curve.sigma, k) / years_to(days))
        quoted = found["beyond_strikes"].not_().to_numpy()
        assert quoted.sum() > 10
        np.testing.assert_allclose(found["iv_annual"].to_numpy()[quoted], own[quoted], atol=1e-6)


def test_the_volatilities_of_the_quotes_come_back():
    frame = chains(quotes({30: ORDINARY}, half_spread=0.005)).filter(
        pl.col("delta").abs().is_between(0.05, 0.95)
    )
    found = lookup(fit_surfaces(frame), frame)
    assert found.height > 20
    assert (found["iv_annual"] - frame["iv_annual"]).abs().max() < 0.002


def test_between_expiries_total_variance_is_on_a_line_at_equal_moneyness():
    """Asked at the strikes that have one log-moneyness in all three expiries."""
    k = np.linspace(-0.2, 0.15, 15)

    def at(days: int) -> pl.DataFrame:
        forward = SPOT * np.exp((RATE - YIELD) * years_to(days))
        return lookup(surface(), points(days, forward * np.exp(k)))

    near, between, far = at(30), at(45), at(60)
    assert between["surface_status"].unique().to_list() == ["between_expiries"]
    share = (years_to(45) - years_to(30)) / (years_to(60) - years_to(30))
    line = (1 - share) * variance(near) + share * variance(far)
    np.testing.assert_allclose(variance(between), line, rtol=2e-4)


def test_before_the_first_and_beyond_the_last_the_rules_hold():
    before, first = lookup(surface(), points(5)), lookup(surface(), points(10))
    assert before["surface_status"].unique().to_list() == ["before_first"]
    near = np.abs(STRIKES / SPOT - 1) < 0.1
    np.testing.assert_allclose(
        before["iv_annual"].to_numpy()[near], first["iv_annual"].to_numpy()[near], atol=2e-3
    )
    last, beyond = (lookup(surface(), points(d, [SPOT])) for d in (200, 400))
    assert beyond["surface_status"].to_list() == ["beyond_last"]
    # At the money volatility goes on as it was; the smile is flatter.
    assert beyond["iv_annual"][0] == pytest.approx(last["iv_annual"][0], abs=3e-3)

    def tilt(days: int) -> float:
        pair = lookup(surface(), points(days, [900.0, 1100.0]))["iv_annual"]
        return float(pair[0] - pair[1])

    assert 0 < tilt(400) < tilt(200)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=2, max_size=6, unique=True), st.floats(-0.25, 0.2))
def test_no_calendar_is_free_anywhere_on_a_surface_whose_flags_say_so(days: list[int], k: float) -> None:
    assert surface()["calendar_free"].all()
    forwards = [SPOT * np.exp((RATE - YIELD) * years_to(d)) for d in sorted(days)]
    parts = [
        lookup(surface(), points(d, [f * np.exp(k)])) for d, f in zip(sorted(days), forwards, strict=True)
    ]
    found = pl.concat(parts)
    assert found["iv_annual"].null_count() == 0
    assert (np.diff(variance(found)) > -1e-7).all()


@pytest.mark.parametrize("days", [3, 10, 20, 45, 130, 365, 700])
def test_no_butterfly_is_free_in_values_at_what_is_looked_up(days: int) -> None:
    found = lookup(surface(), points(days, np.arange(700.0, 1400.0, 10.0)))
    years = found["years_to_expiry"].to_numpy()
    call = european_value(
        SPOT, found["strike"].to_numpy(), years, RATE, YIELD, found["iv_annual"].to_numpy(), True
    )
    slopes = np.diff(call)
    assert (slopes <= 1e-4).all()
    assert (np.diff(slopes) >= -1e-3).all()


def test_real_surfaces_have_no_free_calendar_between_their_expiries():
    rows = spx_surfaces().filter(pl.col("svi_a").is_not_null())
    instants = rows.filter(pl.col("calendar_free").all().over("quote_ts"))["quote_ts"].unique().sort()
    assert instants.len() > 3
    expiries = rows.filter(pl.col("quote_ts") == instants[0])["expiry"].unique().sort()
    between = pl.date_range(expiries[0], expiries[-1], "5d", eager=True)
    grid = pl.DataFrame({"expiry": between}).join(
        pl.DataFrame({"k": np.linspace(-0.06, 0.04, 11)}), how="cross"
    )
    grid = grid.with_columns(quote_ts=pl.lit(instants[0]), underlying=pl.lit("SPX"), strike=pl.lit(1.0))
    forward = lookup(rows, grid)["forward_price"]
    found = lookup(rows, grid.with_columns(strike=forward * pl.col("k").exp()))
    assert found["surface_status"].is_in(["ok", "between_expiries"]).all()
    w = pl.Series("w", variance(found))
    steps = (
        found.with_columns(w, k=grid["k"])
        .sort("k", "years_to_expiry")
        .select(step=pl.col("w").diff().over("k"))
    )
    assert steps["step"].drop_nulls().min() > -1e-7


def test_where_the_surface_can_say_nothing_there_is_a_reason_and_no_number():
    crossing = fit_surfaces(chains(quotes({30: scaled(ORDINARY, 2), 60: ORDINARY})))
    silent = fit_surfaces(chains(quotes({30: ORDINARY}).with_columns(bid=pl.lit(0.0))))
    asked = {
        "no_surface": lookup(surface(), points(30, underlying="XYZ")),
        "zero_time": lookup(surface(), points(0)),
        "bad_strike": lookup(surface(), points(30, [0.0, -5.0, float("nan")])),
        "expiries_cross": lookup(crossing, points(45)),
    }
    for reason, found in asked.items():
        assert found["surface_status"].unique().to_list() == [reason]
        assert found["iv_annual"].null_count() == found["beyond_strikes"].null_count() == found.height
        assert reason in LOOKUP_STATUSES
    assert lookup(silent, points(30))["surface_status"].unique().to_list() == ["no_surface"]
    at_expiries = lookup(crossing, points([30, 60]))
    assert at_expiries["surface_status"].unique().to_list() == ["ok"]


def test_strikes_beyond_the_quotes_are_told():
    found = lookup(surface(), points(200, [300.0, 650.0, 1000.0, 1400.0, 3000.0]))
    assert found["beyond_strikes"].to_list() == [True, False, False, False, True]
    assert found["iv_annual"].null_count() == 0


def test_a_wing_that_nobody_quoted_is_not_steep():
    """A call offered at 0.03 was once worth 10.77: behind the quotes its curve rose by Lee's bound."""
    row = surface().row(0, named=True)
    steep = {"svi_a": -0.00001722, "svi_b": 0.995121, "svi_rho": 0.99762, "svi_m": 0.029983}
    steep |= {"svi_sigma": 0.001401, "lowest_k": -0.017334, "highest_k": 0.013821}
    bent = surface().head(1).with_columns(pl.lit(value).alias(name) for name, value in steep.items())
    years = row["years_to_expiry"]
    found = lookup(bent, points(DAYS[0], row["forward_price"] * np.exp([0.0, 0.0138, 0.0453, 0.07])))
    own = total_variance(*list(steep.values())[:5], np.array([0.0, 0.0138, 0.0453, 0.07]))
    np.testing.assert_allclose(variance(found)[:2], own[:2], rtol=2e-3)
    assert found["iv_annual"][3] < 1.5 * found["iv_annual"][1]
    assert own[3] > 500 * variance(found)[3] * years


def test_beyond_the_quotes_a_curve_that_falls_goes_on_and_then_stays_flat():
    row = surface().row(1, named=True)
    cut = surface()[1:2].with_columns(lowest_k=pl.lit(-0.02), highest_k=pl.lit(0.0))
    k = np.linspace(-0.3, 0.6, 181)
    w = variance(lookup(cut, points(DAYS[1], row["forward_price"] * np.exp(k))))
    curve = curve_of(row)
    own = total_variance(curve.a, curve.b, curve.rho, curve.m, curve.sigma, k)
    bottom = lowest_at(curve.rho, curve.m, curve.sigma)
    assert bottom > 0
    falls = (k >= -0.02) & (k <= bottom)
    np.testing.assert_allclose(w[falls], own[falls], rtol=1e-4)
    np.testing.assert_allclose(w[k > bottom], own.min(), rtol=1e-3)
    # To the left it is the tangent: under the curve, and rising.
    assert (w <= own * (1 + 1e-4)).all()
    assert (np.diff(w[k < -0.02]) < 0).all()


def test_order_and_company_change_nothing_and_rows_come_back_in_their_order():
    asked = points([5, 10, 20, 30, 45, 60, 300])
    found = lookup(surface(), asked)
    assert found.select("expiry", "strike").equals(asked.select("expiry", "strike"))
    shuffled = asked.sample(fraction=1.0, shuffle=True, seed=3)
    again = lookup(surface().sample(fraction=1.0, shuffle=True, seed=4), shuffled)
    key = ["expiry", "strike"]
    assert again.sort(key).equals(found.sort(key))
    assert lookup(surface(), asked[17:18]).equals(found[17:18])
    assert lookup(surface(), asked.clear()).is_empty()


def test_points_without_a_needed_column_are_refused():
    with pytest.raises(DataError, match="lack strike"):
        lookup(surface(), points(30).drop("strike"))
    assert POINT == ("quote_ts", "underlying", "expiry", "strike")


def test_the_wings_of_a_free_curve_stay_free_when_drawn_before_the_first_expiry():
    """Scaling total variance down keeps g above zero: what the lookup does before the first expiry."""
    row = surface().row(0, named=True)
    k = np.linspace(-0.5, 0.4, 200)
    for share in (0.05, 0.3, 0.8):
        assert density_factor(scaled(curve_of(row), share), k).min() >= 0
