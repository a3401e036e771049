"""Makes a roll: one order where the broker takes it, else close, confirm, sell, under one parent.

ROLLING ends as ROLLED (all that was bought back was sold again), CLOSED_ONLY (some was not), or UNCHANGED
(nothing was bought back). Where every order asks, each leg does so on its own, the sale once the other is
done; a book that only advises tells of both at once.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alluse_assets.base.events import Event
from alluse_assets.execution.engine import OrderEngine
from alluse_assets.execution.order import Action, ChainStart, OrderIntent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, RollUnderWay


def place_roll(engine: OrderEngine, close: OrderIntent, opening: OrderIntent) -> None:
    """Send a roll whose decision has been recorded."""
    mode = engine.asking.rules.mode
    if mode == "advise" or (mode == "auto" and engine.broker.takes_combined):
        engine.place_combined(close, opening)
        return
    engine.place(close)
    continue_rolls(engine, close.decided_at)


def continue_rolls(engine: OrderEngine, at: datetime) -> None:
    """Sell what has been bought back for a roll and not been sold again."""
    for key, roll in sorted(engine.recorder.state.rolls.items()):
        left = roll.closed - roll.opened
        if left <= 0:
            continue
        intent = _opening(engine.recorder.state, key, roll, left, at)
        if intent.intent_id not in engine.recorder.state.intents_of_session:
            engine.place(intent)


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
                "account": roll.decided.payload["account"],
                "chain": roll.decided.payload["chain"],
                "state": _outcome(roll),
                "contracts": roll.decided.payload["contracts"],
                "closed": roll.closed,
                "opened": roll.opened,
            },
            cause=key,
        )
        for key, roll in sorted(state.rolls.items())
    ]


def _opening(state: BookState, key: str, roll: RollUnderWay, quantity: int, at: datetime) -> OrderIntent:
    p: Any = roll.decided.payload
    chain = state.protection.chains[p["chain"]]
    return OrderIntent(
        account=p["account"],
        instrument=p["to"],
        symbol=p["symbol"],
        action=Action.SELL_TO_OPEN,
        quantity=quantity,
        limit_price=Decimal(p["limit_price"]),
        purpose="roll_open",
        session=date.fromisoformat(p["session"]),
        decided_at=at,
        cause=key,
        config_fingerprint=state.config_fingerprint,
        evidence={"net": p["net"], "in_recovery": p["in_recovery"]},
        chain=ChainStart(chain.id, chain.right, chain.anchor_price, chain.anchor_atr, chain.anchor_iv),
        parent=key,
    )


def _outcome(roll: RollUnderWay) -> str:
    if not roll.closed:
        return "UNCHANGED"
    return "ROLLED" if roll.opened >= roll.closed else "CLOSED_ONLY"
