"""The loop over columns for American options with cash dividends."""

from __future__ import annotations

import math

from alluse_assets.option_chains.pricing.kernels.american_block import Rows
from alluse_assets.option_chains.pricing.kernels.american_grid import grid_value
from alluse_assets.option_chains.pricing.kernels.american_limits import riskless_american
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.options import (
    DEVIATION_LIMIT,
    DEVIATION_LOW,
    Floats,
    OptionColumns,
    is_priceable,
    option_at,
)


@compiled
def dividend_rows(
    columns: OptionColumns, vol: Floats, first: Rows, times: Floats, amounts: Floats, out: Floats
) -> None:
    """Values with cash dividends; row i's are those from ``first[i]`` to ``first[i + 1]``."""
    for i in range(out.size):
        option = option_at(columns, i)
        deviation = vol[i] * math.sqrt(option.years)
        start, stop = first[i], first[i + 1]
        if not is_priceable(option, vol[i]) or deviation > DEVIATION_LIMIT:
            out[i] = math.nan
        elif option.years == 0.0:
            out[i] = riskless_american(option)
        elif deviation < DEVIATION_LOW:
            out[i] = math.nan
        else:
            out[i] = grid_value(option, vol[i], times[start:stop], amounts[start:stop])
