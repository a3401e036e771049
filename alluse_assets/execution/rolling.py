"""Makes a roll: one order where the broker takes it, else close, confirm, sell, under one parent.

ROLLING ends as ROLLED (all that was bought back was sold again), CLOSED_ONLY (some was not), or UNCHANGED
(nothing was bought back).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from alluse_assets.base.events import Event
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.order import OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, RollUnderWay


def place_roll(engine: OrderEngine, close: OrderIntent, opening: OrderIntent) -> list[OrderIntent]:
    """Send a roll whose decision has been recorded; the orders that were placed."""
    if engine.broker.takes_combined:
        engine.place_combined(close, opening)
        return [close, opening]
    engine.place(close)
    roll = engine.recorder.state.rolls[close.parent]
    left = roll.closed - roll.opened
    if not left:
        return [close]
    rest = replace(opening, quantity=left)
    engine.place(rest)
    return [close, rest]


def ended_rolls(state: BookState, at: datetime) -> list[Event]:
    """The end of every roll that no order of the session can carry further."""
    return [
        Event(
            EventType.ROLL_ENDED,
            at,
            "rule:roll",
            f"{key}/ended",
            {
                "roll": key,
                "account": roll.account,
                "chain": roll.chain,
                "state": _outcome(roll),
                "contracts": roll.contracts,
                "closed": roll.closed,
                "opened": roll.opened,
            },
            cause=key,
        )
        for key, roll in sorted(state.rolls.items())
    ]


def _outcome(roll: RollUnderWay) -> str:
    if not roll.closed:
        return "UNCHANGED"
    return "ROLLED" if roll.opened >= roll.closed else "CLOSED_ONLY"
