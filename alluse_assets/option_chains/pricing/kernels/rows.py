"""The loops over columns: each row judged, priced by its exercise style, and answered."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.american import american, american_greeks
from alluse_assets.option_chains.pricing.kernels.american_root import american_implied
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.european import european, european_greeks
from alluse_assets.option_chains.pricing.kernels.european_root import european_implied
from alluse_assets.option_chains.pricing.kernels.options import (
    BAD_INPUT,
    NO_QUOTE,
    ZERO_TIME,
    Floats,
    OptionColumns,
    is_priceable,
    option_at,
)


@compiled
def value_rows(columns: OptionColumns, vol: Floats, steps: int, out: Floats) -> None:
    """Values row by row; NaN where no value exists."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.size):
        option = option_at(columns, i)
        if not is_priceable(option, vol[i]):
            out[i] = math.nan
        elif columns.is_american[i]:
            out[i] = american(option, vol[i], steps, scratch)
        else:
            out[i] = european(option, vol[i])


@compiled
def implied_volatility_rows(
    price: Floats, columns: OptionColumns, steps: int, out: Floats, status: NDArray[np.int8]
) -> None:
    """Implied volatilities row by row; NaN wherever ``status`` is not OK."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.size):
        option = option_at(columns, i)
        vol = math.nan
        if math.isnan(price[i]):
            code = NO_QUOTE
        elif not is_priceable(option, 0.0) or not math.isfinite(price[i]):
            code = BAD_INPUT
        elif option.years == 0.0:
            code = ZERO_TIME
        elif columns.is_american[i]:
            vol, code = american_implied(price[i], option, steps, scratch)
        else:
            vol, code = european_implied(price[i], option)
        out[i] = vol
        status[i] = code


@compiled
def greeks_rows(columns: OptionColumns, vol: Floats, steps: int, out: Floats) -> None:
    """Greeks row by row into the (rows, 5) array ``out``; NaN where time, volatility or value is missing."""
    scratch = np.zeros((4, max(steps + 1, 4)))
    for i in range(out.shape[0]):
        option = option_at(columns, i)
        if not is_priceable(option, vol[i]) or option.years == 0.0 or vol[i] == 0.0:
            out[i, :] = math.nan
        elif columns.is_american[i]:
            american_greeks(option, vol[i], steps, scratch, out[i])
        else:
            european_greeks(option, vol[i], out[i])
