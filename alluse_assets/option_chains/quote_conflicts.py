"""Quotes of one expiry that cannot all be true, and which of them to stop believing.

Buying at the ask and selling at the bid must not make money for certain: a call is not worth more at a
higher strike, a put not at a lower one, and no strike more than its neighbours allow (convexity). Each
breach is a conflict between two or three quotes. Whoever is in most conflicts goes first; of a pair that
disagrees with nobody else both go, because neither can be told to be right; of three in a breach of
convexity the middle one, whose bid is too high. Source: Merton 1973, theorems 4 to 6, with spreads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Quotes are in cents: a sum of two of them is exact to far less than this.
_ROUNDING_USD = 1e-9


@dataclass(frozen=True, slots=True)
class Conflict:
    """Quotes (by their place) that cannot all hold, and those to blame when they quarrel with nobody else."""

    members: tuple[int, ...]
    blamed_alone: tuple[int, ...]
    rule: str


def conflicts(strike: Floats, bid: Floats, ask: Floats, is_call: bool) -> list[Conflict]:
    """Every breach among quotes of one expiry and right, sorted by strike, without repeated strikes."""
    dear_to_cheap = np.arange(strike.size) if is_call else np.arange(strike.size)[::-1]
    bids, asks = bid[dear_to_cheap], ask[dear_to_cheap]
    found = []
    for dear, cheap in np.argwhere(np.triu(bids[None, :] > asks[:, None] + _ROUNDING_USD, k=1)):
        pair = (int(dear_to_cheap[dear]), int(dear_to_cheap[cheap]))
        found.append(Conflict(pair, pair, "not_monotone"))
    for place in range(1, strike.size - 1):
        share = (strike[place + 1] - strike[place]) / (strike[place + 1] - strike[place - 1])
        wings = share * ask[place - 1] + (1 - share) * ask[place + 1]
        if bid[place] > wings + _ROUNDING_USD:
            found.append(Conflict((place - 1, place, place + 1), (place,), "not_convex"))
    return found


def blamed(found: Sequence[Conflict]) -> dict[int, str]:
    """The fewest quotes, greedily, without which no conflict is left, each with the rule it broke."""
    guilty: dict[int, str] = {}
    left = list(found)
    while left:
        counts = Counter(place for conflict in left for place in conflict.members)
        most = max(counts.values())
        if most > 1:
            gone = {place for place, count in counts.items() if count == most}
        else:
            gone = {place for conflict in left for place in conflict.blamed_alone}
        for conflict in left:
            guilty.update({p: conflict.rule for p in conflict.members if p in gone and p not in guilty})
        left = [conflict for conflict in left if not gone & set(conflict.members)]
    return guilty
