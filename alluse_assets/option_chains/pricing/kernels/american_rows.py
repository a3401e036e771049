"""The loops over columns for American options; rows of another exercise style are left as they are.

Options that never pay to exercise early come as European ones (``rows.option_columns``). Nearly all others go
through blocks along their boundary; those with two boundaries go to the grid one by one.
"""

from __future__ import annotations

import math

import numpy as np

from alluse_assets.option_chains.pricing.kernels.american_block import (
    BLOCK_SIZE,
    LANES,
    WORK_SIZE,
    Rows,
    as_put,
    copied,
    put_in,
)
from alluse_assets.option_chains.pricing.kernels.american_boundary import boundary, is_steep
from alluse_assets.option_chains.pricing.kernels.american_greeks import (
    LANES_AN_OPTION,
    bumped_in,
    greeks_at,
    grid_greeks,
)
from alluse_assets.option_chains.pricing.kernels.american_grid import two_boundary_value
from alluse_assets.option_chains.pricing.kernels.american_limits import riskless_american
from alluse_assets.option_chains.pricing.kernels.american_premium import (
    premium_and_slopes,
    value_at,
    work_out,
)
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.options import (
    DAYS_A_YEAR,
    DEVIATION_LIMIT,
    DEVIATION_LOW,
    POINTS,
    Floats,
    GreekColumns,
    Option,
    OptionColumns,
    is_priceable,
    option_at,
)

_OPTIONS_A_BLOCK = LANES // LANES_AN_OPTION


@compiled
def american_value_rows(columns: OptionColumns, vol: Floats, out: Floats) -> None:
    """Values; NaN where none exists."""
    block, work = np.empty(BLOCK_SIZE), np.empty(WORK_SIZE)
    rows = np.empty(LANES, np.int64)
    # Options whose boundaries are found in one way share a block: another way costs all of it.
    for steep in (False, True):
        count = 0
        for i in range(out.size):
            if columns.is_american[i]:
                option = option_at(columns, i)
                deviation = vol[i] * math.sqrt(option.years)
                if not _has_one_boundary(option, vol[i], deviation):
                    if not steep:
                        out[i] = _value_without_boundary(option, vol[i], deviation)
                elif is_steep(as_put(option), deviation) == steep:
                    put_in(block, count, as_put(option), deviation)
                    rows[count] = i
                    count += 1
                    if count == LANES:
                        _value_block(columns, block, work, rows, count, out)
                        count = 0
        if count:
            _value_block(columns, block, work, rows, count, out)


@compiled
def american_greeks_rows(columns: OptionColumns, vol: Floats, out: GreekColumns) -> None:
    """Greeks; NaN where time, volatility or value is missing."""
    block, work = np.empty(BLOCK_SIZE), np.empty(WORK_SIZE)
    rows = np.empty(_OPTIONS_A_BLOCK, np.int64)
    count = 0
    for i in range(vol.size):
        if columns.is_american[i]:
            option = option_at(columns, i)
            deviation = vol[i] * math.sqrt(option.years)
            if _has_one_boundary(option, vol[i], deviation):
                bumped_in(block, LANES_AN_OPTION * count, option, vol[i])
                rows[count] = i
                count += 1
                if count == _OPTIONS_A_BLOCK:
                    _greeks_block(columns, vol, block, work, rows, count, out)
                    count = 0
            elif is_priceable(option, vol[i]) and DEVIATION_LOW <= deviation <= DEVIATION_LIMIT:
                _write(out, i, grid_greeks(option, vol[i]))
            else:
                _write(out, i, (math.nan, math.nan, math.nan, math.nan, math.nan))
    if count:
        _greeks_block(columns, vol, block, work, rows, count, out)


@compiled
def american_rounded_rows(columns: OptionColumns, places: float, out: Floats) -> None:
    """``out`` rounded to 1 / ``places``."""
    for i in range(out.size):
        if columns.is_american[i]:
            out[i] = np.rint(out[i] * places) / places


@compiled
def _has_one_boundary(option: Option, vol: float, deviation: float) -> bool:
    """Whether the value is to be found from its boundary; the others are at their limits, or for the grid."""
    if not is_priceable(option, vol) or not DEVIATION_LOW <= deviation <= DEVIATION_LIMIT:
        return False
    return as_put(option).rate >= 0.0


@compiled
def _value_without_boundary(option: Option, vol: float, deviation: float) -> float:
    if not is_priceable(option, vol) or deviation > DEVIATION_LIMIT:
        return math.nan
    if deviation < DEVIATION_LOW:
        return riskless_american(option)
    return two_boundary_value(option, vol)


@compiled
def _value_block(
    columns: OptionColumns, block: Floats, work: Floats, rows: Rows, count: int, out: Floats
) -> None:
    work_out(block, work, count)
    for lane in range(count):
        out[rows[lane]] = value_at(block, work, lane, as_put(option_at(columns, rows[lane])))


@compiled
def _greeks_block(
    columns: OptionColumns,
    vol: Floats,
    block: Floats,
    work: Floats,
    rows: Rows,
    count: int,
    out: GreekColumns,
) -> None:
    for lane in range(LANES_AN_OPTION * count, LANES):
        copied(block, 0, lane)
    boundary(block, work)
    premium_and_slopes(block, work)
    for k in range(count):
        row = rows[k]
        _write(out, row, greeks_at(block, work, LANES_AN_OPTION * k, option_at(columns, row), vol[row]))


@compiled
def _write(out: GreekColumns, i: int, greeks: tuple[float, float, float, float, float]) -> None:
    out.delta[i] = greeks[0]
    out.gamma[i] = greeks[1]
    out.theta_per_day[i] = greeks[2] / DAYS_A_YEAR
    out.vega_per_point[i] = greeks[3] / POINTS
    out.rho_per_point[i] = greeks[4] / POINTS
