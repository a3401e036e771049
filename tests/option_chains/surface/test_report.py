"""The report of many fits: shares of the right expiries."""

import polars as pl

from alluse_assets.option_chains.surface.fit import fit_surfaces
from alluse_assets.option_chains.surface.report import FitReport, fit_report
from tests.option_chains.surface.model_chains import ORDINARY, chains, quotes, scaled
from tests.option_chains.surface.spx import spx_chains


def test_each_share_is_of_the_expiries_it_speaks_of():
    crossing = quotes({30: scaled(ORDINARY, 2), 60: ORDINARY})
    silent = quotes({90: ORDINARY}).with_columns(bid=pl.lit(0.0))
    ended = quotes({91: ORDINARY}).with_columns(expiry=pl.col("session"))
    report = fit_report(fit_surfaces(chains(pl.concat([crossing, silent, ended]))))
    assert report.expiries == 3
    assert report.fitted_share == 2 / 3
    assert (report.butterfly_free_share, report.calendar_free_share) == (1.0, 0.5)
    assert 0 < report.median_rmse_points < 1


def test_of_no_surface_at_all_everything_holds():
    assert fit_report(fit_surfaces(spx_chains().clear())) == FitReport(0, 1.0, 1.0, 1.0, 0.0)


def test_real_chains_keep_the_limits_of_the_check():
    from alluse_assets.option_chains.checks import FitLimits

    limits, report = FitLimits(), fit_report(fit_surfaces(spx_chains()))
    assert report.fitted_share >= limits.least_fitted_share
    assert report.butterfly_free_share >= limits.least_butterfly_free_share
    assert report.calendar_free_share >= limits.least_calendar_free_share
    assert report.median_rmse_points <= limits.largest_median_rmse_points
