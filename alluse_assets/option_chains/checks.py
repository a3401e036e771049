"""What must hold of clean option quotes before anything is made from them, and of surfaces after."""

import dagster as dg

from alluse_assets.option_chains.surface.report import fit_report
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_QUOTES
from alluse_assets.orchestration.check_factory import description_check, rows_of_run, table_checks
from alluse_assets.orchestration.partitions import SESSIONS
from alluse_assets.orchestration.resources import Desk

quotes_description_holds, quotes_quarantined_share = table_checks(OPTION_QUOTES, SESSIONS)
forwards_description_holds = description_check(IMPLIED_FORWARDS, SESSIONS)
surfaces_description_holds = description_check(SURFACES, SESSIONS)
values_description_holds = description_check(MODEL_VALUES, SESSIONS)


class FitLimits(dg.Config):
    """What a fit is expected to reach; the real SPX chains of 2019 reach 1.0, 1.0, 0.99 and 0.34."""

    least_fitted_share: float = 0.98
    least_butterfly_free_share: float = 0.995
    least_calendar_free_share: float = 0.95
    largest_median_rmse_points: float = 1.0


@dg.asset_check(
    asset=SURFACES.name,
    name="fit_report",
    blocking=False,
    description=(
        "Nearly every expiry with time left has a curve, nearly none leaves a butterfly or a calendar free, "
        "and curves are near their quotes. It warns and does not block: marks fall back to the last "
        "volatility."
    ),
    required_resource_keys={"desk"},
)
def surfaces_fit_report(context: dg.AssetCheckExecutionContext, config: FitLimits) -> dg.AssetCheckResult:
    """The report of the run's surfaces against the limits."""
    desk: Desk = context.resources.desk
    report = fit_report(rows_of_run(context, desk, SURFACES, SESSIONS))
    return dg.AssetCheckResult(
        passed=report.fitted_share >= config.least_fitted_share
        and report.butterfly_free_share >= config.least_butterfly_free_share
        and report.calendar_free_share >= config.least_calendar_free_share
        and report.median_rmse_points <= config.largest_median_rmse_points,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "expiries": report.expiries,
            "fitted share": round(report.fitted_share, 6),
            "butterfly-free share": round(report.butterfly_free_share, 6),
            "calendar-free share": round(report.calendar_free_share, 6),
            "median rmse, points of volatility": round(report.median_rmse_points, 6),
        },
    )
