"""Greeks in a trader's units: per calendar day and per point.

European Greeks are closed forms (Haug, chapter 2); American ones add the tree's early exercise premium
(see ``kernels.american.american_greeks``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.american import DEFAULT_STEPS
from alluse_assets.option_chains.pricing.kernels.options import Floats
from alluse_assets.option_chains.pricing.kernels.rows import greeks_rows
from alluse_assets.option_chains.pricing.rows import (
    common_shape,
    each_part,
    floats,
    odd_steps,
    option_columns,
)

DAYS_A_YEAR = 365.0
POINTS = 100.0


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities of one long option on one share.

    ``delta`` per USD of spot, ``gamma`` delta per USD of spot, ``theta_per_day`` USD per calendar day
    that passes, ``vega_per_point`` and ``rho_per_point`` USD per 0.01 of volatility and of the rate.
    """

    delta: Floats
    gamma: Floats
    theta_per_day: Floats
    vega_per_point: Floats
    rho_per_point: Floats


def greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    is_american: ArrayLike,
    steps: int = DEFAULT_STEPS,
    threads: int = 1,
) -> Greeks:
    """Greeks of the shape the arguments broadcast to; NaN without time, volatility or valid arguments.

    Raises:
        ValueError: ``steps`` below 3.
    """
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call, is_american)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, is_american)
    vol = floats(volatility, shape)
    out = np.empty((vol.size, 5))
    levels = odd_steps(steps)
    each_part(lambda part, rows: greeks_rows(part, vol[rows], levels, out[rows]), columns, threads)
    delta, gamma, theta, vega, rho = (np.ascontiguousarray(out[:, i]).reshape(shape) for i in range(5))
    return Greeks(delta, gamma, theta / DAYS_A_YEAR, vega / POINTS, rho / POINTS)
