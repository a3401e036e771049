"""Quotes of one expiry that cannot all be true, and which of them to stop believing.

Buying at the ask and selling at the bid must not make money for certain: a call is not worth more at a
higher strike, a put not at a lower one, no spread of two strikes more than they are apart, and no strike
more than others around it allow (convexity). Each breach is a conflict between two or three quotes. Whoever
is in most conflicts goes first; of a pair that disagrees with nobody else both go, because neither can be
told to be right; of three in a breach of convexity the middle one, whose bid is too high. Then those that
are left are asked again. Source: Merton 1973, theorems 4 to 6, with spreads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alluse_assets.option_chains.quote_conflict_kernels import ROUNDING_USD, TICK_USD, lower_hull

Floats = NDArray[np.float64]
RULES = ("not_monotone", "above_width", "not_convex")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Quotes (by their place) that cannot all hold, and those to blame when they quarrel with nobody else."""

    members: tuple[int, ...]
    blamed_alone: tuple[int, ...]
    rule: str


def contradictory(reach: Floats, bid: Floats, ask: Floats, stretch: float = 1.0) -> dict[int, str]:
    """Quotes without which the others of their expiry and right can all be true, each with its rule.

    Args:
        reach: strikes, for puts negative, so that a higher one is worth less; ascending, none twice.
        bid: USD.
        ask: USD.
        stretch: what a dollar of width may be worth at most: more than one where rates may be negative.
    """
    guilty: dict[int, str] = {}
    kept = np.arange(reach.size)
    # A quote that goes may have hidden what is wrong between those beside it.
    while found := conflicts(reach[kept], bid[kept], ask[kept], stretch):
        gone = blamed(found)
        guilty.update({int(kept[place]): rule for place, rule in gone.items()})
        kept = np.delete(kept, list(gone))
    return guilty


def conflicts(reach: Floats, bid: Floats, ask: Floats, stretch: float = 1.0) -> list[Conflict]:
    """Breaches between pairs and between neighbours; where there is none, those of strikes further apart.

    Far ones last: a wrong quote breaks with its neighbours, and is told by how many of them. Only where wide
    quotes stand between, which say nothing, are strikes beyond them asked, by more than a tick.
    """
    found = []
    pairs = {
        "not_monotone": bid[None, :] > ask[:, None] + ROUNDING_USD,
        "above_width": bid[:, None] - ask[None, :]
        > stretch * (reach[None, :] - reach[:, None]) + ROUNDING_USD,
    }
    for rule, broken in pairs.items():
        for dear, cheap in np.argwhere(np.triu(broken, k=1)).tolist():
            found.append(Conflict((dear, cheap), (dear, cheap), rule))
    places = range(reach.size)
    found += _not_convex(reach, bid, ask, zip(places, places[1:], places[2:], strict=False), ROUNDING_USD)
    return found or _not_convex(reach, bid, ask, _corners_around(reach, ask), TICK_USD)


def _not_convex(
    reach: Floats, bid: Floats, ask: Floats, triples: Iterable[tuple[int, int, int]], room: float
) -> list[Conflict]:
    found = []
    for left, place, right in triples:
        share = (reach[right] - reach[place]) / (reach[right] - reach[left])
        if bid[place] > share * ask[left] + (1 - share) * ask[right] + room:
            found.append(Conflict((left, place, right), (place,), "not_convex"))
    return found


def _corners_around(reach: Floats, ask: Floats) -> Iterator[tuple[int, int, int]]:
    """Each place between the two whose asks make the cheapest wings around it."""
    hull = np.empty(reach.size, np.int64)
    corners = hull[: lower_hull(reach, ask, hull)].tolist()
    for left, right in pairwise(corners):
        yield from ((left, place, right) for place in range(left + 1, right))


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
