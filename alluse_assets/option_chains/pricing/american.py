"""American options: a Leisen-Reimer binomial tree with the European value as control variate.

Early exercise premium (American less European value on the same tree) plus the European closed form.
With the default steps the value is within 1e-4 of the spot of the converged one for options up to three
months, on average within 1e-5; the error falls with 1 / steps. Calls on shares without dividends,
and puts without interest, are European in closed form (Merton 1973).
Source: Leisen and Reimer 1996; Hull and White 1988 (control variate).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.kernels.american_rows import american_value_rows
from alluse_assets.option_chains.pricing.kernels.options import Floats
from alluse_assets.option_chains.pricing.rows import (
    common_shape,
    each_part,
    floats,
    odd_steps,
    option_columns,
)

DEFAULT_STEPS = 51


def american_value(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    steps: int = DEFAULT_STEPS,
    threads: int = 1,
) -> Floats:
    """Values in USD per share, of the shape the arguments broadcast to.

    Never below immediate exercise nor below the European value. At zero time it is the payoff. NaN
    where an argument is missing, not finite or negative (spot and strike: not positive), and where
    volatility * sqrt(years) is over 40, or over 600 / sqrt(steps), which no tree can hold.

    Raises:
        ValueError: ``steps`` below 3.
    """
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, True)
    vol = floats(volatility, shape)
    out = np.empty(vol.size)
    levels = odd_steps(steps)
    each_part(lambda part, rows: american_value_rows(part, vol[rows], levels, out[rows]), columns, threads)
    return out.reshape(shape)
