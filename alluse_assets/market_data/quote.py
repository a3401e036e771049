"""What a market shows for one instrument at one time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """A two-sided quote in USD per share; ``volume`` and ``open_interest`` None where unknown.

    ``iv`` is the implied volatility of the mid by our own model, None where it has none. ``spot``: the
    underlying's price that it came with, USD per share; None where unknown.
    """

    instrument: str
    at: datetime
    bid: Decimal
    ask: Decimal
    volume: int | None = None
    open_interest: int | None = None
    iv: Decimal | None = None
    spot: Decimal | None = None

    @property
    def is_two_sided(self) -> bool:
        """Whether somebody bids and somebody offers, uncrossed."""
        return 0 < self.bid <= self.ask
