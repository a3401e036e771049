"""European options: the Black-Scholes-Merton value.

Source: Haug, The Complete Guide to Option Pricing Formulas, 2nd ed., generalised Black-Scholes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from alluse_assets.option_chains.pricing.kernels.european_rows import european_value_rows
from alluse_assets.option_chains.pricing.kernels.options import Floats
from alluse_assets.option_chains.pricing.rows import common_shape, each_part, floats, option_columns


def european_value(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    threads: int = 1,
) -> Floats:
    """Values in USD per share, of the shape the arguments broadcast to.

    At zero time or volatility it is the discounted payoff of the forward. NaN where an argument is
    missing, not finite or negative (spot and strike: not positive).
    """
    shape = common_shape(spot, strike, years, rate, dividend_yield, volatility, is_call)
    columns = option_columns(shape, spot, strike, years, rate, dividend_yield, is_call, False)
    vol = floats(volatility, shape)
    out = np.empty(vol.size)
    each_part(lambda part, rows: european_value_rows(part, vol[rows], out[rows]), columns, threads)
    return out.reshape(shape)
