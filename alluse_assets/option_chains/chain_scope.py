"""Which of the listed contracts a scope asks for: near expiries, LEAPS tenors, strikes around the spot.

Pure over a listing that a source already has. How a listing is got, and what a contract's quote is, are
the sources' matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import ChainScope


def select_expiries(listed: Iterable[date], session: date, scope: ChainScope) -> list[date]:
    """The expiries of ``scope``, ascending, each once; those before ``session`` are never among them.

    A LEAPS tenor takes the listed expiry nearest to it, the earlier one of two that are equally near.
    """
    alive = sorted({expiry for expiry in listed if expiry >= session})
    if not alive:
        return []
    last_near = session + timedelta(days=scope.near_days)
    chosen = {expiry for expiry in alive if expiry <= last_near}
    for days in scope.leaps_days:
        wanted = session + timedelta(days=days)
        chosen.add(min(alive, key=lambda expiry: (abs((expiry - wanted).days), expiry)))
    return sorted(chosen)


def select_contracts(listing: pl.DataFrame, spot: float, session: date, scope: ChainScope) -> pl.DataFrame:
    """The rows of ``listing`` that ``scope`` asks for, in the order in which they came.

    Args:
        listing: contracts of one underlying: ``expiry`` (Date), ``strike`` (USD per share); what else it
            has comes back as it was.
        spot: price of the underlying, USD per share; strikes are counted from it.
        session: day from which expiries are counted.
        scope: an expiry's strikes are counted over calls and puts together, so both rights of a strike
            come or neither; a strike that is the spot itself comes beside those of each side.

    Raises:
        DataError: strikes are to be counted from a spot that is no price.
    """
    in_time = listing.filter(pl.col("expiry").is_in(select_expiries(listing["expiry"], session, scope)))
    if scope.strikes_each_side is None:
        return in_time
    if not (math.isfinite(spot) and spot > 0):
        raise DataError(f"strikes cannot be counted from a spot of {spot}: ask for all, or give a price")
    ladders = in_time.select("expiry", "strike").unique()
    above = pl.col("strike") - spot
    place = above.abs().rank("ordinal").over("expiry", above.sign())
    nearest = ladders.filter((above == 0) | (place <= scope.strikes_each_side))
    return in_time.join(nearest, on=["expiry", "strike"], how="semi", maintain_order="left")
