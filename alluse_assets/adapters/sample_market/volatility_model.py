"""The modelled implied volatility: from past closes only, over term and strike, free of arbitrage.

Level: realised variance of the last 20, 60 and 252 sessions. Over term it returns from the short to the
long level, as an instantaneous variance under mean reversion averages (Heston 1993). Buyers of options pay
more than what is realised: the variance-risk premium is a factor on volatility.

Over strikes it is SSVI, of the same kind as the surfaces that are fitted to quotes. An expiry has total
variance at the money theta, one tilt rho, and a bend phi = eta / sqrt(theta), so that smiles of all expiries
are one curve in standardised log-moneyness. With eta squared times (1 + abs(rho)) at most 4 no butterfly is
free; theta does not fall with time, as it adds up variances, so no calendar is (Gatheral and Jacquier 2014,
theorems 4.1 and 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alluse_assets.option_chains.surface.svi import ssvi_total_variance

SESSIONS_A_YEAR = 252
_MIN_RETURNS = 20
_REVERSION_A_YEAR = 6.0
_DECIMALS = 6
_MONEYNESS_DECIMALS = 8

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Smile:
    """Shape of the smile and bounds of the level; volatilities per year.

    At the money volatility falls by rho eta / 2 of itself a standard deviation of log-moneyness.
    """

    premium: float
    rho: float
    eta: float
    lowest: float
    highest: float


SHARE_SMILE = Smile(premium=1.12, rho=-0.30, eta=0.42, lowest=0.12, highest=1.5)
INDEX_SMILE = Smile(premium=1.15, rho=-0.53, eta=0.62, lowest=0.08, highest=0.9)


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


def total_variance_at_the_money(level: Floats, trading_years: Floats) -> Floats:
    """Theta of an expiry: ``level`` (what ``at_the_money`` gives) squared, times the trading time left.

    Prices move on sessions, not on weekends: variance counts the sessions left, so an option over one night
    counts as much on Thursday as on Monday.
    """
    return level * level * trading_years


def implied_volatility(smile: Smile, theta: Floats, log_moneyness: Floats, years: Floats) -> Floats:
    """Volatility per calendar year, as pricing takes it, of options with ln(K / F) ``log_moneyness``.

    From rounded arguments it is the same on every processor: square roots and the four operations only.
    """
    phi = smile.eta / np.sqrt(theta)
    variance = ssvi_total_variance(theta, smile.rho, phi, np.round(log_moneyness, _MONEYNESS_DECIMALS))
    annual: Floats = np.sqrt(variance / years).round(_DECIMALS)
    return annual
