"""The SVI curve of one expiry, its SSVI special case, and what makes it free of butterfly arbitrage.

Total variance w is volatility squared times years; k is ln(strike / forward). Raw SVI is
``w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))``: two straight wings joined by a bend. Prices of
one expiry are free of arbitrage where Gatheral's g is not negative: g is the probability density of the
underlying at expiry but for a positive factor. Fitting belongs to ``fit``.
Source: Gatheral and Jacquier, Arbitrage-free SVI volatility surfaces, 2014 (sections 3 and 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = Floats | float

# Beyond this slope of a wing the option far out would be worth more than its underlying (Lee 2004).
STEEPEST_WING = 2.0


@dataclass(frozen=True, slots=True)
class Svi:
    """Raw SVI of one expiry: level ``a``, wings ``b`` and ``rho`` (-1 to 1), place ``m``, bend ``sigma``."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float


def total_variance(
    a: Values, b: Values, rho: Values, m: Values, sigma: Values, log_moneyness: Values
) -> Floats:
    """Total variance of raw SVI at ``log_moneyness``, ln(strike / forward); arguments broadcast."""
    offset = log_moneyness - np.asarray(m)
    level: Floats = a + b * (rho * offset + np.sqrt(offset * offset + np.square(sigma)))
    return level


def total_variance_slope(b: Values, rho: Values, m: Values, sigma: Values, log_moneyness: Values) -> Floats:
    """Change of raw SVI's total variance per unit of ``log_moneyness``."""
    offset = log_moneyness - np.asarray(m)
    slope: Floats = b * (rho + offset / np.sqrt(offset * offset + np.square(sigma)))
    return slope


def lowest_at(rho: Values, m: Values, sigma: Values) -> Floats:
    """The log-moneyness at which raw SVI has its least total variance."""
    place: Floats = m - rho * np.asarray(sigma) / np.sqrt(1.0 - np.square(rho))
    return place


def ssvi_total_variance(theta: Values, rho: Values, phi: Values, log_moneyness: Values) -> Floats:
    """Total variance of SSVI: ``theta`` at the money, tilt ``rho``, bend ``phi``; arguments broadcast.

    Free of butterfly arbitrage where theta phi (1 + abs(rho)) < 4 and theta phi^2 (1 + abs(rho)) <= 4. With
    phi = eta / sqrt(theta) it is free of calendar arbitrage, too, as long as theta does not fall with time.
    """
    bent = phi * np.asarray(log_moneyness)
    root = np.sqrt(np.square(bent + rho) + (1.0 - np.square(rho)))
    level: Floats = 0.5 * theta * (1.0 + rho * bent + root)
    return level


def svi_of_ssvi(theta: float, rho: float, phi: float) -> Svi:
    """The same curve as raw SVI."""
    side = (1.0 - rho * rho) ** 0.5
    return Svi(0.5 * theta * (1.0 - rho * rho), 0.5 * theta * phi, rho, -rho / phi, side / phi)


def density_factor(curve: Svi, log_moneyness: Values) -> Floats:
    """Gatheral's g at ``log_moneyness``: negative where a butterfly of the curve's prices would be free."""
    k = np.asarray(log_moneyness)
    offset = k - curve.m
    root = np.sqrt(offset * offset + curve.sigma**2)
    w = curve.a + curve.b * (curve.rho * offset + root)
    slope = curve.b * (curve.rho + offset / root)
    bend = curve.b * curve.sigma**2 / root**3
    g: Floats = (1.0 - 0.5 * k * slope / w) ** 2 - 0.25 * slope**2 * (1.0 / w + 0.25) + 0.5 * bend
    return g
