"""Which of a position's own exits goes first. Pure.

Two orders cannot close the same contracts. So before a stronger exit is placed, what works or waits of a
weaker one on the same contract is called off.
"""

from __future__ import annotations

from collections.abc import Iterable

from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.order import OrderIntent
from alluse_assets.execution.roll_plan import ROLL_CLOSE
from alluse_assets.ledger.book_state import WorkingOrder

_RANKS = {"take_profit": 1, "near_strike": 2, ROLL_CLOSE: 3, "dividend_risk": 4}
_LEVEL_CLOSE = 5
CAN_BE_CALLED_OFF = (OrderState.PENDING_APPROVAL, OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
"""Where an order is that nothing was sent of yet, or that the broker can be asked to cancel."""


def rank(purpose: str) -> int | None:
    """How strong an exit is: level close, dividend risk, roll, near strike, profit; None: it has no rank."""
    is_level_close = purpose.startswith("level_") and purpose.endswith("_close")
    return _LEVEL_CLOSE if is_level_close else _RANKS.get(purpose)


def weaker_than(intent: OrderIntent, orders: Iterable[WorkingOrder]) -> list[WorkingOrder]:
    """Of ``orders``, those that an exit calls off: weaker ones on its contract, that can be."""
    mine = rank(intent.purpose)
    if mine is None:
        return []
    found = []
    for order in orders:
        if (order.account, order.instrument) != (intent.account, intent.instrument) or order.created is None:
            continue
        its = rank(str(order.created.payload["purpose"]))
        if its is not None and its < mine and order.state in CAN_BE_CALLED_OFF:
            found.append(order)
    return found
