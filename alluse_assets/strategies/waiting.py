"""What of a book does not wait for the next look: a yes that can be used, orders that are to be ended.

Pure, and from the state alone: nothing is stored about looks, so what a killed process left undone is found
by the next one.
"""

from __future__ import annotations

from datetime import datetime

from alluse_assets.accounts.states import allows_entries, allows_exits, allows_rolls, status_of
from alluse_assets.execution.approvals import order_approval
from alluse_assets.execution.lifecycle import OrderState
from alluse_assets.execution.order import Action
from alluse_assets.ledger.book_state import BookState, WorkingOrder
from alluse_assets.strategies.steps import Waiting

_ORDER, _CONFIG = "order", "config"
"""A yes to a changed configuration makes the version at once; no step has to use it."""
_ENDABLE = (OrderState.PENDING_APPROVAL, OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


def waiting_in(state: BookState, now: datetime) -> Waiting:
    """What waits in ``state`` at ``now``."""
    return Waiting(has_usable_yes(state, now), any(is_to_end(state, o) for o in state.orders.values()))


def has_usable_yes(state: BookState, now: datetime) -> bool:
    """Whether somebody said yes, in time, to what a look has to do."""
    asking = {
        order_approval(order.intent_id)
        for order in state.orders.values()
        if order.state == OrderState.PENDING_APPROVAL
    }
    ended = {name for name, asked in state.approvals.items() if asked.kind == _ORDER and name not in asking}
    return any(
        asked.answer == "yes" and asked.kind != _CONFIG and name not in ended and not asked.has_expired(now)
        for name, asked in state.approvals.items()
    )


def is_to_end(state: BookState, order: WorkingOrder) -> bool:
    """Whether an order was refused by a person, or its account may not have it working any more."""
    if order.state not in _ENDABLE:
        return False
    asked = state.approvals.get(order_approval(order.intent_id)) or state.approvals.get(order.parent)
    if order.state == OrderState.PENDING_APPROVAL and asked is not None and asked.answer == "no":
        return True
    status = status_of(state.protection, order.account)
    if Action(order.action).is_exit:
        return not allows_exits(status)
    return not (allows_rolls(status) if order.parent else allows_entries(status))
