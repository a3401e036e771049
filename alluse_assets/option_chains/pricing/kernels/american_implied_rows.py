"""The loop over columns for the volatilities behind American prices."""

from __future__ import annotations

import math

import numpy as np

from alluse_assets.option_chains.pricing.kernels.american_block import (
    BLOCK_SIZE,
    DEVIATION,
    LANES,
    WORK_SIZE,
    Rows,
    as_put,
    copied,
    put_in,
)
from alluse_assets.option_chains.pricing.kernels.american_grid import two_boundary_value
from alluse_assets.option_chains.pricing.kernels.american_premium import (
    is_coming_in,
    value_at,
    work_out,
)
from alluse_assets.option_chains.pricing.kernels.american_search import (
    SEARCHING,
    Search,
    advanced,
    begun,
    keep,
    kept,
)
from alluse_assets.option_chains.pricing.kernels.compilation import compiled
from alluse_assets.option_chains.pricing.kernels.options import (
    NO_VEGA,
    OK,
    Codes,
    Floats,
    Option,
    OptionColumns,
    judged,
    option_at,
)


@compiled
def american_implied_rows(price: Floats, columns: OptionColumns, out: Floats, status: Codes) -> None:
    """Implied volatilities; NaN wherever ``status`` is not OK."""
    block, work = np.empty(BLOCK_SIZE), np.empty(WORK_SIZE)
    rows, searches = np.empty(LANES, np.int64), np.empty((LANES, 7))
    row = active = 0
    while row < out.size or active:
        # A lane that has found its root takes the next row.
        while row < out.size and active < LANES:
            if columns.is_american[row]:
                option = option_at(columns, row)
                search, code = begun(price[row], option, judged(price[row], option))
                if code == SEARCHING and as_put(option).rate < 0.0:
                    search, code = _searched_on_grid(price[row], option, search)
                if code == SEARCHING:
                    put_in(block, active, as_put(option), search.now * math.sqrt(option.years))
                    keep(searches, active, search)
                    rows[active] = row
                    active += 1
                else:
                    out[row] = search.now if code == OK else math.nan
                    status[row] = code
            row += 1
        if active:
            active = _search_block(price, columns, block, work, rows, searches, active, out, status)


@compiled
def _search_block(
    price: Floats,
    columns: OptionColumns,
    block: Floats,
    work: Floats,
    rows: Rows,
    searches: Floats,
    active: int,
    out: Floats,
    status: Codes,
) -> int:
    """Advance every search by a step; how many go on, in the first lanes."""
    work_out(block, work, active)
    going_on = 0
    for lane in range(active):
        row = rows[lane]
        option = option_at(columns, row)
        value = value_at(block, work, lane, as_put(option))
        search, code = advanced(kept(searches, lane), value, price[row], option)
        if code == OK and is_coming_in(block, lane):
            code = NO_VEGA
        if code == SEARCHING:
            copied(block, lane, going_on)
            block[DEVIATION + going_on] = search.now * math.sqrt(option.years)
            keep(searches, going_on, search)
            rows[going_on] = row
            going_on += 1
        else:
            out[row] = search.now if code == OK else math.nan
            status[row] = code
    return going_on


@compiled
def _searched_on_grid(price: float, option: Option, search: Search) -> tuple[Search, int]:
    code = SEARCHING
    while code == SEARCHING:
        value = two_boundary_value(option, search.now)
        search, code = advanced(search, value, price, option)
    return search, code
