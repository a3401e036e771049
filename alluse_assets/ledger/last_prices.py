"""The last prices that a book's journal knows: what a share without a price is valued at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class LastPrice:
    """The last price known of a symbol, USD per share, and the session it is of."""

    price: Decimal
    session: date


def prices_after(closed: Mapping[str, Any]) -> dict[str, LastPrice]:
    """The prices that the payload of a ``session.closed`` values a book at."""
    session = date.fromisoformat(closed["session"])
    closes = {symbol: LastPrice(Decimal(close), session) for symbol, close in closed["closes"].items()}
    stale = {
        symbol: LastPrice(Decimal(last["price"]), date.fromisoformat(last["of"]))
        for symbol, last in closed["stale"].items()
    }
    return closes | stale
