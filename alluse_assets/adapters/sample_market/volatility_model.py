"""The modelled implied volatility: from past closes only, over term and strike.

Level: realised variance of the last 20, 60 and 252 sessions. Over term it returns from the short to the
long level, as an instantaneous variance under mean reversion averages (Heston 1993). Over strikes it
is a parabola in standardised log-moneyness, ln(K / F) / (sigma sqrt(t)), tilted towards low strikes.
Buyers of options pay more than what is realised: the variance-risk premium is a factor on volatility.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

SESSIONS_A_YEAR = 252
_MIN_RETURNS = 20
_REVERSION_A_YEAR = 6.0
_DECIMALS = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Smile:
    """Shape of the smile and bounds of the level; volatilities per year, slopes per standard deviation."""

    premium: float
    skew: float
    curvature: float
    lowest: float
    highest: float
    wing: float = 4.0


SHARE_SMILE = Smile(premium=1.12, skew=0.06, curvature=0.015, lowest=0.12, highest=1.5)
INDEX_SMILE = Smile(premium=1.15, skew=0.16, curvature=0.015, lowest=0.08, highest=0.9)


def variance_levels(closes: pl.DataFrame) -> pl.DataFrame:
    """Short and long variance per year of each symbol and session, from returns up to that session.

    Args:
        closes: ts, symbol, close, split_ratio (1 without a split), by symbol and session.

    Returns:
        ``closes`` with ``short_variance`` and ``long_variance``, only sessions with 20 returns behind them.
    """
    log_return = (pl.col("close") * pl.col("split_ratio") / pl.col("close").shift(1)).log()
    square = (log_return**2).over("symbol").alias("square")

    def realised(window: int) -> pl.Expr:
        mean = pl.col("square").rolling_mean(window, min_samples=_MIN_RETURNS).over("symbol")
        return (mean * SESSIONS_A_YEAR).round(8)

    month, quarter, year = realised(20), realised(60), realised(252)
    return (
        closes.with_columns(square)
        .with_columns(
            short_variance=(0.5 * month + 0.5 * quarter), long_variance=(0.5 * quarter + 0.5 * year)
        )
        .drop("square")
        .filter(pl.col("short_variance").is_not_null())
    )


def at_the_money(
    smile: Smile, short_variance: Floats, long_variance: Floats, trading_years: Floats
) -> Floats:
    """Volatility per year of trading time for an option at the forward, bounded by the smile's levels."""
    pull = _REVERSION_A_YEAR * trading_years
    weight = -np.expm1(-pull) / pull
    level: Floats = np.sqrt(long_variance + (short_variance - long_variance) * weight) * smile.premium
    return np.clip(level, smile.lowest, smile.highest).round(_DECIMALS)


def implied_volatility(
    smile: Smile, level: Floats, log_moneyness: Floats, trading_years: Floats, years: Floats
) -> Floats:
    """Volatility per calendar year, as pricing takes it, of options with ln(K / F) ``log_moneyness``.

    Prices move on sessions, not on weekends: the variance of the sessions left is spread over the
    calendar time left, so an option over one night counts as much on Thursday as on Monday.
    """
    deviations = np.clip(log_moneyness / (level * np.sqrt(trading_years)), -smile.wing, smile.wing)
    # Beyond its lowest point the parabola stays flat: calls far out are not dearer than nearer ones.
    lowest_at = smile.skew / (2 * smile.curvature) if smile.curvature else math.inf
    bent = np.minimum(deviations, lowest_at)
    shape = 1 - smile.skew * bent + smile.curvature * bent**2
    annual: Floats = np.round(level * shape * np.sqrt(trading_years / years), _DECIMALS)
    return annual
