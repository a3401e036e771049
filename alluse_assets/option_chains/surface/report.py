"""The report of a fit over many surfaces: how much was fitted, how near, and free of what.

Each expiry's own report is in its row of table surfaces; here is what one number each says of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class FitReport:
    """Shares are of the expiries that have a curve, but ``fitted_share``, which is of those with time left.

    ``median_rmse_points`` is in points of volatility; 0 where there is no curve.
    """

    expiries: int
    fitted_share: float
    butterfly_free_share: float
    calendar_free_share: float
    median_rmse_points: float


def fit_report(surfaces: pl.DataFrame) -> FitReport:
    """The report of ``surfaces`` (rows of table surfaces). Of none at all everything holds."""
    alive = surfaces.filter(pl.col("years_to_expiry") > 0)
    fitted = alive.filter(pl.col("svi_a").is_not_null())

    def share(name: str) -> float:
        return fitted.select(pl.col(name).mean().fill_null(1.0)).item() if fitted.height else 1.0

    return FitReport(
        expiries=alive.height,
        fitted_share=fitted.height / alive.height if alive.height else 1.0,
        butterfly_free_share=share("butterfly_free"),
        calendar_free_share=share("calendar_free"),
        median_rmse_points=fitted.select(pl.col("rmse_points").median().fill_null(0.0)).item(),
    )
