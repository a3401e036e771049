"""The compiled look over all chains: which of them hold a contradiction at all. Most hold none.

Buying at the asks bounds what a price may be: by the asks themselves, by the straight lines between them,
and by a spread's width. Bids are held against the lowest of these bounds, strike by strike; who is to blame
is for ``quote_conflicts``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.pricing.kernels.compilation import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Quotes are in cents: a sum of a few of them is exact to far less than this.
ROUNDING_USD = 1e-9
# Over strikes far apart a bid on its tick may lie above the line between two asks on theirs: on the real SPX
# chains of 2019 three do, by a fraction of it, and none of them is wrong.
TICK_USD = 0.05


@compiled
def lower_hull(reach: Floats, ask: Floats, hull: Integers) -> int:
    """Places of the corners of the lowest lines between asks into ``hull``; how many. ``reach`` ascends."""
    size = 0
    for place in range(reach.size):
        while size > 0:
            last = hull[size - 1]
            if reach[last] == reach[place]:
                above = ask[last] >= ask[place]
                if not above:
                    break
            elif size > 1:
                first = hull[size - 2]
                rise = (ask[last] - ask[first]) * (reach[place] - reach[first])
                if rise < (ask[place] - ask[first]) * (reach[last] - reach[first]):
                    break
            else:
                break
            size -= 1
        if size == 0 or reach[hull[size - 1]] < reach[place]:
            hull[size] = place
            size += 1
    return size


@compiled
def contradicted(
    reach: Floats, bid: Floats, ask: Floats, stretch: Floats, starts: Integers, found: Flags
) -> None:
    """Whether each series has a bid above what buying others costs.

    Args:
        reach: strikes, for puts negative, so that a higher one is worth less; ascending within a series.
        bid: USD.
        ask: USD.
        stretch: what a dollar of width may be worth at most, by row.
        starts: where each series starts, and the end.
        found: a flag for each series.
    """
    hull = np.empty(reach.size, np.int64)
    for series in range(starts.size - 1):
        low, high = starts[series], starts[series + 1]
        cheapest = np.inf
        for place in range(low, high):
            if bid[place] > cheapest + ROUNDING_USD:
                found[series] = True
            cheapest = min(cheapest, ask[place])
        cheapest = np.inf
        for place in range(high - 1, low - 1, -1):
            width = stretch[place] * reach[place]
            if bid[place] + width > cheapest + ROUNDING_USD:
                found[series] = True
            cheapest = min(cheapest, ask[place] + width)
        for place in range(low + 1, high - 1):
            left, right = place - 1, place + 1
            share = (reach[right] - reach[place]) / (reach[right] - reach[left])
            if bid[place] > share * ask[left] + (1.0 - share) * ask[right] + ROUNDING_USD:
                found[series] = True
        size = lower_hull(reach[low:high], ask[low:high], hull)
        corner = 0
        for place in range(low, high):
            while corner < size - 1 and reach[low + hull[corner + 1]] <= reach[place]:
                corner += 1
            if corner == size - 1:
                break
            left, right = low + hull[corner], low + hull[corner + 1]
            share = (reach[right] - reach[place]) / (reach[right] - reach[left])
            if bid[place] > share * ask[left] + (1.0 - share) * ask[right] + TICK_USD:
                found[series] = True
