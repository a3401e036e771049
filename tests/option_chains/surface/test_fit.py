"""The fit: known curves are found, and whatever the quotes, no stored curve leaves a butterfly free."""

from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.svi import Svi, density_factor, total_variance
from alluse_assets.option_chains.surface.tables import FIT_STATUSES, SURFACES
from tests.option_chains.surface.model_chains import (
    ORDINARY,
    VOGT,
    chains,
    curve_of,
    quotes,
    scaled,
    years_to,
)
from tests.option_chains.surface.spx import spx_chains

K = np.linspace(-0.3, 0.2, 51)


def variance(curve: Svi, k: np.ndarray = K) -> np.ndarray:
    return total_variance(curve.a, curve.b, curve.rho, curve.m, curve.sigma, k)


def volatility_gap(found: Svi, true: Svi, days: int) -> float:
    """Largest distance in points of volatility."""
    years = years_to(days)
    return 100 * np.abs(np.sqrt(variance(found) / years) - np.sqrt(variance(true) / years)).max()


@cache
def term_structure() -> pl.DataFrame:
    return chains(quotes({days: scaled(ORDINARY, days / 30) for days in (3, 10, 30, 60, 200)}))


def test_a_known_curve_is_found() -> None:
    rows = fit_surfaces(chains(quotes({30: ORDINARY}, half_spread=0.005))).row(0, named=True)
    assert rows["fit_status"] == "svi"
    assert rows["butterfly_free"]
    assert rows["calendar_free"]
    assert rows["rmse_points"] < 0.05
    assert volatility_gap(curve_of(rows), ORDINARY, 30) < 0.1


def test_a_share_whose_root_is_not_its_ticker_has_a_surface() -> None:
    frame = chains(quotes({30: ORDINARY}, underlying="XYZ"))
    dotted = frame.with_columns(underlying=pl.lit("X.YZ"))
    assert fit_surfaces(dotted).drop("underlying").equals(fit_surfaces(frame).drop("underlying"))
    assert fit_surfaces(dotted)["fit_status"].to_list() == ["svi"]


def test_each_expiry_of_a_term_structure_is_found() -> None:
    fitted = fit_surfaces(term_structure())
    assert fitted["fit_status"].to_list() == ["svi"] * 5
    assert fitted["calendar_free"].all()
    for row, days in zip(fitted.iter_rows(named=True), (3, 10, 30, 60, 200), strict=True):
        assert row["inside_spread_share"] > 0.9
        near = np.abs(K) < 3 * np.sqrt(variance(curve_of(row), np.array([0.0])))
        gap = np.sqrt(variance(curve_of(row))) - np.sqrt(variance(scaled(ORDINARY, days / 30)))
        assert 100 * np.abs(gap[near] / np.sqrt(years_to(days))).max() < 0.3


def test_a_quote_that_stands_out_hardly_moves_the_curve() -> None:
    frame = quotes({30: ORDINARY}, half_spread=0.01)
    wrong = (pl.col("strike") == 950) & (pl.col("right") == "P")
    spoilt = frame.with_columns(
        pl.when(wrong).then(pl.col(side) * 1.4).otherwise(side) for side in ("bid", "ask")
    )
    row = fit_surfaces(chains(spoilt)).row(0, named=True)
    assert row["max_error_points"] > 2
    assert volatility_gap(curve_of(row), ORDINARY, 30) < 0.3


def test_a_curve_with_a_free_butterfly_is_replaced_by_one_without() -> None:
    curve = VOGT
    frame = chains(quotes({365: curve}, strikes=np.arange(300.0, 3000.0, 25.0), half_spread=0.005))
    row = fit_surfaces(frame).row(0, named=True)
    grid = np.linspace(-1.2, 1.09, 400)
    assert density_factor(curve, grid).min() < 0
    assert row["butterfly_free"]
    assert density_factor(curve_of(row), grid).min() >= 0
    assert row["rmse_points"] < 3


def test_expiries_that_cross_are_drawn_apart() -> None:
    """The shorter expiry's quotes are dearer in total than the longer's far out, by a little."""
    short, long = Svi(0.0052, 0.0515, -0.4, 0.0, 0.075), Svi(0.0055, 0.05, -0.4, 0.0, 0.08)
    assert (variance(short) > variance(long)).any()
    fitted = fit_surfaces(chains(quotes({30: short, 37: long})))
    near, far = (curve_of(row) for row in fitted.iter_rows(named=True))
    assert fitted["calendar_free"].to_list() == [True, True]
    assert (variance(near) <= variance(far)).all()


def test_expiries_that_cross_by_far_are_flagged_and_not_bent_to_fit() -> None:
    fitted = fit_surfaces(chains(quotes({30: scaled(ORDINARY, 2), 60: ORDINARY})))
    assert fitted["calendar_free"].to_list() == [False, True]
    assert fitted["butterfly_free"].all()


def test_few_strikes_get_simpler_curves_and_none_says_so() -> None:
    def fit(count: int, with_longer: bool) -> dict[str, object]:
        few = quotes({30: ORDINARY}, strikes=np.array([900.0, 950.0, 1050.0, 1100.0][:count]))
        longer = quotes({60: scaled(ORDINARY, 2)}) if with_longer else few.clear()
        terms = chains(pl.concat([few, longer]))
        return fit_surfaces(terms).row(0, named=True)

    assert fit(4, False)["fit_status"] == "ssvi"
    assert fit(2, False)["fit_status"] == "flat"
    scaled_down = fit(2, True)
    assert scaled_down["fit_status"] == "neighbour"
    assert scaled_down["calendar_free"]
    assert volatility_gap(curve_of(scaled_down), ORDINARY, 30) < 0.5  # type: ignore[arg-type]
    silent = chains(quotes({30: ORDINARY}).with_columns(bid=pl.lit(0.0)))
    row = fit_surfaces(silent).row(0, named=True)
    assert (row["fit_status"], row["svi_a"], row["butterfly_free"]) == ("no_points", None, None)


def test_rows_in_any_order_and_any_number_of_threads_give_the_same_bytes() -> None:
    frame = term_structure()
    fitted = fit_surfaces(frame)
    assert fit_surfaces(frame.sample(fraction=1.0, shuffle=True, seed=5), threads=2).equals(fitted)
    assert fitted.schema == SURFACES.schema


def test_what_is_not_a_chain_is_refused_by_its_missing_column() -> None:
    with pytest.raises(DataError, match="lack iv_annual"):
        fit_surfaces(term_structure().drop("iv_annual"))
    assert fit_surfaces(term_structure().clear()).is_empty()


_LEVEL = st.floats(0.05, 1.5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(_LEVEL, _LEVEL, _LEVEL, _LEVEL, _LEVEL), min_size=2, max_size=5))
def test_no_quotes_whatever_make_a_curve_with_a_free_butterfly(smiles: list[tuple[float, ...]]) -> None:
    """Five volatilities an expiry, at random: what is stored as free is free, and it is all stored so."""
    frame = term_structure().filter(pl.col("expiry").rank("dense") <= len(smiles))
    level = pl.lit(0.0)
    for at, smile in enumerate(smiles, start=1):
        place = ((pl.col("strike") - 600) / 180).floor().cast(pl.Int64).clip(0, 4)
        chosen = place.replace_strict(list(range(5)), list(smile), return_dtype=pl.Float64)
        level = pl.when(pl.col("expiry").rank("dense") == at).then(chosen).otherwise(level)
    fitted = fit_surfaces(frame.with_columns(iv_annual=level, vega_per_point=pl.lit(1.0)))
    for row in fitted.filter(pl.col("svi_a").is_not_null()).iter_rows(named=True):
        assert row["butterfly_free"]
        assert density_factor(curve_of(row), np.linspace(-0.5, 0.4, 500)).min() >= -1e-6


def test_real_chains_are_fitted_free_of_arbitrage_and_near_their_quotes() -> None:
    fitted = fit_surfaces(spx_chains()).filter(pl.col("fit_status") != "no_points")
    assert fitted.height > 200
    assert fitted["butterfly_free"].all()
    assert fitted["calendar_free"].mean() > 0.97
    assert (fitted["fit_status"] == "svi").mean() > 0.9
    assert fitted["rmse_points"].median() < 0.45
    assert set(fitted["fit_status"]) <= set(FIT_STATUSES)
    bounds = [c for c in SURFACES.columns if c.low is not None]
    for column in bounds:
        assert fitted[column.name].drop_nulls().min() >= column.low, column.name
