"""A million options as a data vendor's file would hold them, to measure pricing on.

The mix, the same for every run: spots from a penny stock's to an index's; from hours to three years left, as
many below a month as above; volatilities about 30%, from 5% to 300%; rates to 5.5%, yields to 3%; two thirds
of the strikes within about two deviations of the forward, one third two and a half to five deviations away,
half of these nearly worthless, half deep in the money, none over e**2 times away; as many puts as calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# The promises on accuracy hold where a price moves at least a cent by a volatility of one.
VEGA_USD = 0.01


@dataclass(frozen=True, slots=True)
class Options:
    """Columns of one length in the units of ``option_chains.pricing``."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    dividend_yield: Floats
    volatility: Floats
    is_call: NDArray[np.bool_]

    def market(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Spot, strike, years, rate and yield: what pricing functions take before the volatility."""
        return self.spot, self.strike, self.years, self.rate, self.dividend_yield

    def head(self, count: int) -> Options:
        """The first ``count``, which are a fair sample: rows are in no order."""
        return Options(*(getattr(self, name)[:count] for name in self.__slots__))


def realistic_options(count: int = 1_000_000, seed: int = 20_110_103) -> Options:
    """The mix above; the same ``seed`` gives the same rows."""
    rng = np.random.default_rng(seed)
    spot = np.exp(rng.uniform(np.log(2), np.log(6_000), count)).round(2)
    years = np.exp(rng.uniform(np.log(2 / 24 / 365), np.log(3), count))
    volatility = np.clip(np.exp(rng.normal(np.log(0.3), 0.5, count)), 0.05, 3)
    rate = rng.uniform(0, 0.055, count).round(4)
    dividend_yield = rng.uniform(0, 0.03, count).round(4)
    deviations = rng.normal(0, 1, count)
    far = rng.random(count) < 1 / 3
    deviations[far] = rng.choice([-1.0, 1.0], far.sum()) * rng.uniform(2.5, 5, far.sum())
    forward = spot * np.exp((rate - dividend_yield) * years)
    # Exchanges list no strike farther than that, whatever the volatility.
    distance = np.clip(deviations * volatility * np.sqrt(years), -2.0, 2.0)
    strike = np.maximum((forward * np.exp(distance)).round(2), 0.01)
    return Options(spot, strike, years, rate, dividend_yield, volatility, rng.random(count) < 0.5)
