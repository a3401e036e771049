"""The states of an order as one flat table: (state, event) -> state. What is not in it is refused.

Source: the order states of the execution specification. UNKNOWN is left only by what the broker says
when asked; a time-out is never a rejection.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from alluse_assets.base.errors import OrderError


class OrderState(StrEnum):
    """Where an order is."""

    CREATED = "CREATED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    SUBMITTING = "SUBMITTING"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class OrderStep(StrEnum):
    """What happens to an order."""

    ASK_APPROVAL = "ask_approval"
    APPROVE = "approve"
    DENY = "deny"
    SUBMIT = "submit"
    ACCEPT = "accept"
    FILL_PART = "fill_part"
    FILL = "fill"
    ASK_CANCEL = "ask_cancel"
    ASK_REPLACE = "ask_replace"
    CANCEL = "cancel"
    REPLACE = "replace"
    EXPIRE = "expire"
    REJECT = "reject"
    LOSE = "lose"
    """A time-out, a broken connection or a server error: we do not know."""


TERMINAL = frozenset(
    {
        OrderState.DENIED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.REPLACED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
    }
)

_S, _E = OrderState, OrderStep
_BROKER_SAYS = {
    _E.FILL_PART: _S.PARTIALLY_FILLED,
    _E.FILL: _S.FILLED,
    _E.CANCEL: _S.CANCELED,
    _E.EXPIRE: _S.EXPIRED,
}
_AT_BROKER = {
    **_BROKER_SAYS,
    _E.ASK_CANCEL: _S.PENDING_CANCEL,
    _E.ASK_REPLACE: _S.PENDING_REPLACE,
    _E.REJECT: _S.REJECTED,
    _E.LOSE: _S.UNKNOWN,
}
_ASKED_TO_CHANGE = {
    **_BROKER_SAYS,
    _E.ACCEPT: _S.ACCEPTED,  # the broker refused the change: the order works on
    _E.REPLACE: _S.REPLACED,
    _E.LOSE: _S.UNKNOWN,
}
_BY_STATE: Mapping[OrderState, Mapping[OrderStep, OrderState]] = {
    _S.CREATED: {_E.DENY: _S.DENIED, _E.ASK_APPROVAL: _S.PENDING_APPROVAL, _E.APPROVE: _S.APPROVED},
    _S.PENDING_APPROVAL: {_E.APPROVE: _S.APPROVED, _E.DENY: _S.DENIED, _E.EXPIRE: _S.EXPIRED},
    _S.APPROVED: {_E.SUBMIT: _S.SUBMITTING, _E.DENY: _S.DENIED, _E.EXPIRE: _S.EXPIRED},
    _S.SUBMITTING: {
        _E.ACCEPT: _S.ACCEPTED,
        _E.FILL_PART: _S.PARTIALLY_FILLED,
        _E.FILL: _S.FILLED,
        _E.REJECT: _S.REJECTED,
        _E.LOSE: _S.UNKNOWN,
    },
    _S.ACCEPTED: _AT_BROKER,
    _S.PARTIALLY_FILLED: _AT_BROKER,
    _S.PENDING_CANCEL: _ASKED_TO_CHANGE,
    _S.PENDING_REPLACE: _ASKED_TO_CHANGE,
    _S.UNKNOWN: {**_BROKER_SAYS, _E.ACCEPT: _S.ACCEPTED, _E.REPLACE: _S.REPLACED, _E.REJECT: _S.REJECTED},
}
TRANSITIONS: Mapping[tuple[OrderState, OrderStep], OrderState] = {
    (state, step): after for state, steps in _BY_STATE.items() for step, after in steps.items()
}


def advance(state: OrderState, step: OrderStep, intent_id: str = "") -> OrderState:
    """The state after ``step``.

    Raises:
        OrderError: the state has no such step; the message names both.
    """
    after = TRANSITIONS.get((state, step))
    if after is None:
        raise OrderError(f"order {intent_id}: {state} has no step {step!r}")
    return after
