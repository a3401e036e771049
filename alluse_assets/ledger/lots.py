"""First-in first-out lots of shares and of options.

Sum of the lots' costs = balance of the ledger account; sum of their quantities = position. Taking from
lots never creates or loses a cent: the last unit of a lot carries what rounding left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from alluse_assets.base.errors import LedgerError
from alluse_assets.base.money import ZERO, pro_rata


@dataclass(frozen=True, slots=True)
class Lot:
    """``quantity`` units (shares or contracts, positive) acquired together.

    ``cost``: what they cost in all, for a short option the premium received, in USD.
    """

    quantity: int
    cost: Decimal
    acquired: date
    chain_id: str = ""
    """For short options: the chain of rolls the lot belongs to (its first order's intent)."""
    assigned: bool = False
    """For shares: whether an assigned put brought them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What left: the lots' parts, oldest first."""

    parts: tuple[Lot, ...]

    @property
    def cost(self) -> Decimal:
        """Cost (or premium) of all parts."""
        return sum((part.cost for part in self.parts), ZERO)


def quantity(lots: tuple[Lot, ...]) -> int:
    """Units in all lots."""
    return sum(lot.quantity for lot in lots)


def cost(lots: tuple[Lot, ...]) -> Decimal:
    """Cost of all lots."""
    return sum((lot.cost for lot in lots), ZERO)


def take(lots: tuple[Lot, ...], units: int) -> tuple[Taken, tuple[Lot, ...]]:
    """Take ``units`` from the oldest lots: what left, and the lots that remain.

    Raises:
        LedgerError: ``units`` is not positive or more than there is.
    """
    if units <= 0 or units > quantity(lots):
        raise LedgerError(f"cannot take {units} of {quantity(lots)} units")
    parts: list[Lot] = []
    rest = list(lots)
    while units:
        oldest = rest.pop(0)
        if oldest.quantity <= units:
            parts.append(oldest)
            units -= oldest.quantity
        else:
            part_cost = pro_rata(oldest.cost, units, oldest.quantity)
            parts.append(replace(oldest, quantity=units, cost=part_cost))
            rest.insert(0, replace(oldest, quantity=oldest.quantity - units, cost=oldest.cost - part_cost))
            units = 0
    return Taken(tuple(parts)), tuple(rest)
