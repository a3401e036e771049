"""What is drawn where nobody quoted: no butterfly is free there either, nothing is steeper than needed."""

import numpy as np
import polars as pl
import pytest

from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.lookup import lookup
from alluse_assets.option_chains.surface.svi import Svi, total_variance
from alluse_assets.option_chains.surface.wings import drawn_variance
from tests.option_chains.surface.model_chains import curve_of
from tests.option_chains.surface.spx import spx_chains

_POINTS = 201


def drawn(curve: Svi, low: float, high: float, k: np.ndarray) -> np.ndarray:
    columns = tuple(np.full(k.size, x) for x in (curve.a, curve.b, curve.rho, curve.m, curve.sigma))
    return drawn_variance(columns, np.full(k.size, low), np.full(k.size, high), k)


def own(curve: Svi, k: np.ndarray) -> np.ndarray:
    return total_variance(curve.a, curve.b, curve.rho, curve.m, curve.sigma, k)


def a_quarter_wider(row: dict[str, float]) -> tuple[float, float]:
    beyond = 0.25 * (row["highest_k"] - row["lowest_k"])
    return row["lowest_k"] - beyond, row["highest_k"] + beyond


@pytest.fixture(scope="module")
def flagged() -> pl.DataFrame:
    return fit_surfaces(spx_chains()).filter(pl.col("butterfly_free"))


def test_no_butterfly_is_free_a_quarter_beyond_real_quotes_where_the_flag_says_so(
    flagged: pl.DataFrame,
) -> None:
    """Of 286 slices 46 once had a negative density there, and 17 a negative butterfly of listed strikes."""
    assert flagged.height > 250
    for row in flagged.iter_rows(named=True):
        forward, years = row["forward_price"], row["years_to_expiry"]
        strikes = np.linspace(*(forward * np.exp(k) for k in a_quarter_wider(row)), _POINTS)
        k = np.log(strikes / forward)
        volatility = np.sqrt(drawn(curve_of(row), row["lowest_k"], row["highest_k"], k) / years)
        value = european_value(forward, strikes, years, 0.0, 0.0, volatility, False)
        assert np.diff(value, 2).min() > -1e-6 * (strikes[1] - strikes[0]), row["expiry"]


def test_what_is_looked_up_is_what_is_drawn(flagged: pl.DataFrame) -> None:
    row = flagged.row(0, named=True)
    k = np.linspace(*a_quarter_wider(row), _POINTS)
    asked = pl.DataFrame({"strike": row["forward_price"] * np.exp(k)}).with_columns(
        pl.lit(row[name]).alias(name) for name in ("quote_ts", "underlying", "expiry")
    )
    asked = asked.with_columns(pl.col("quote_ts").cast(flagged.schema["quote_ts"]))
    found = lookup(flagged, asked)["iv_annual"].to_numpy()
    expected = np.sqrt(drawn(curve_of(row), row["lowest_k"], row["highest_k"], k) / row["years_to_expiry"])
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_what_is_drawn_has_no_jump_and_prices_that_fall_outwards(flagged: pl.DataFrame) -> None:
    """Quotes of one tick at every strike once left calls that were worth more the higher the strike."""
    for row in flagged.iter_rows(named=True):
        k = np.linspace(*a_quarter_wider(row), _POINTS)
        w = drawn(curve_of(row), row["lowest_k"], row["highest_k"], k)
        assert np.abs(np.diff(w, 2)).max() < 0.01 * w.max()
        years = row["years_to_expiry"]
        call = european_value(1.0, np.exp(k), years, 0.0, 0.0, np.sqrt(w / years), True)
        put = european_value(1.0, np.exp(k), years, 0.0, 0.0, np.sqrt(w / years), False)
        assert np.diff(call).max() < 1e-12
        assert np.diff(put).min() > -1e-12


def test_a_curve_whose_tangent_is_free_is_left_at_the_last_quote() -> None:
    curve = Svi(0.002, 0.04, -0.5, 0.01, 0.08)
    k = np.linspace(0.2, 0.6, 41)
    w = drawn(curve, -0.2, 0.2, k)
    assert np.abs(np.diff(w, 2)).max() < 1e-15
    assert w[0] == own(curve, k[:1])[0]
