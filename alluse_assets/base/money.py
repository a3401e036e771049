"""Exact money. Ledger amounts are ``Decimal`` US dollars in whole cents; columns hold ``float64``.

Every conversion between the two is here, so that a rounding can be found.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")
PRICE_QUANTUM = Decimal("0.0001")
ZERO = Decimal("0.00")


def to_cents(amount: Decimal) -> Decimal:
    """``amount`` rounded half-even to whole cents."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def price(value: float | str | Decimal) -> Decimal:
    """A price per share with four decimals, from a column's float or a text.

    Floats are rounded to four decimals first: the same price comes out whatever last bits a
    processor's vector unit left in it.
    """
    if isinstance(value, float):
        value = f"{value:.4f}"
    return Decimal(value).quantize(PRICE_QUANTUM, rounding=ROUND_HALF_EVEN)


def price_words(price_per_share: Decimal) -> str:
    """A price as people write it: in cents, with more digits only where it has them."""
    cents = price_per_share.quantize(CENT)
    return text(cents) if cents == price_per_share else f"{price_per_share.normalize():f}"


def extended(price_per_share: Decimal, quantity: int) -> Decimal:
    """Price times quantity in whole cents."""
    return to_cents(price_per_share * quantity)


def pro_rata(total: Decimal, part: int, whole: int) -> Decimal:
    """The share of ``total`` that ``part`` of ``whole`` units carries, in whole cents.

    Taking the last unit takes all that is left, so parts always add up to the total.
    """
    return total if part == whole else to_cents(total * part / whole)


def is_under(price: Decimal, reference: Decimal, share: float) -> bool:
    """Whether ``price / reference - 1 < -share``, exactly: without a division that would round."""
    return price < reference * (1 - Decimal(str(share)))


def text(amount: Decimal) -> str:
    """Canonical text of an amount or price: plain notation, as many decimals as its quantum has."""
    return format(amount, "f")
