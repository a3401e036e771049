"""The average true range as it was known before each session, in the shares of that session.

True ranges are taken in the shares of the first bar, so a later split leaves no trace in an earlier value,
not even in its last decimal: what a decision saw does not change when the history behind it grows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from operator import mul

import polars as pl

from alluse_assets.market_data.indicators import atr


@dataclass(frozen=True, slots=True)
class AtrSeries:
    """One symbol's. ``values`` are in the shares of the first bar, USD per share.

    ``shares[n]``: how many shares one of the first bar has become with the split of ``split_days[n]``.
    """

    days: Sequence[date]
    values: Sequence[float]
    split_days: Sequence[date]
    shares: Sequence[float]

    def before(self, session: date) -> Decimal | None:
        """The ATR after the last bar before ``session``; None while it warms up."""
        place = bisect_left(self.days, session)
        if not place:
            return None
        splits = bisect_right(self.split_days, session)
        known = Decimal(f"{self.values[place - 1] / (self.shares[splits - 1] if splits else 1.0):.6f}")
        return known if known > 0 else None


def atr_series(bars: pl.DataFrame, splits: Mapping[date, float], window: int) -> AtrSeries:
    """The series of one symbol.

    Args:
        bars: its ts, high, low and close as traded, sorted by ts, at least one.
        splits: new shares for one old one, by ex-date.
        window: sessions of Wilder's average.
    """
    days: list[date] = bars["ts"].to_list()
    split_days = sorted(day for day in splits if day > days[0])
    shares = list(accumulate((splits[day] for day in split_days), mul))
    places = [bisect_right(split_days, day) for day in days]
    factor = pl.Series([shares[n - 1] if n else 1.0 for n in places], dtype=pl.Float64)
    high, low, close = ((bars[name] * factor).to_numpy() for name in ("high", "low", "close"))
    values = atr(high, low, close, window)
    warm = [(day, float(value)) for day, value in zip(days, values, strict=True) if value > 0]
    return AtrSeries([day for day, _ in warm], [value for _, value in warm], split_days, shares)
