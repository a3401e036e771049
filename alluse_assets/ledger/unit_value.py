"""The unit value: a time-weighted index of an account, deposits, withdrawals and transfers neutralised.

High-water marks and drawdowns are on it (protocol, section 1). One session's return is
NAV / (NAV before + what flowed in) - 1; the unit value is the product of 1 + return from the first session.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.base.money import ZERO

_RATIO = Decimal("0.000000000001")
"""Ratios are rounded to twelve decimals, in decimal arithmetic: the same bytes on every processor."""


@dataclass(frozen=True, slots=True)
class UnitValue:
    """Where the index stands after a close. It begins at 1 before the first session's result.

    Attributes:
        nav: NAV at the close, USD.
        capital: net of everything that has flowed in and out, USD.
        unit: the unit value.
        high: the highest so far, at least 1.
        gained: the session's return.
        flow: what flowed in since the close before, USD; negative when out.
    """

    nav: Decimal = ZERO
    capital: Decimal = ZERO
    unit: Decimal = Decimal(1)
    high: Decimal = Decimal(1)
    gained: Decimal = Decimal(0)
    flow: Decimal = ZERO

    def after(self, nav: Decimal, capital: Decimal) -> UnitValue:
        """The index after the next close, whose NAV and net capital are given."""
        flow = capital - self.capital
        began = self.nav + flow
        gained = (nav / began - 1).quantize(_RATIO) if began > 0 else Decimal(0)
        unit = (self.unit * (1 + gained)).quantize(_RATIO)
        return UnitValue(nav, capital, unit, max(self.high, unit), gained, flow)

    @property
    def drawdown(self) -> Decimal:
        """How far the unit value is from its high-water mark; zero or negative."""
        return (self.unit / self.high - 1).quantize(_RATIO)
