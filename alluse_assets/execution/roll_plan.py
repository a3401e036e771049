"""What a roll under way is, from its decision alone: its two legs, and whether it is still due. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alluse_assets.execution.gate import ROLL_OPEN
from alluse_assets.execution.order import Action, ChainStart, OrderIntent
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.roll_state import RollUnderWay

ROLL_CLOSE = "roll_close"
"""Purpose of the buy-back that a roll begins with."""

Legs = tuple[OrderIntent, OrderIntent]
"""The close and the sale."""


def legs_of(state: BookState, key: str, roll: RollUnderWay, at: datetime, config: str) -> Legs:
    """The legs of a roll, whole, from its decision alone."""
    p: Any = roll.decided.payload
    chain = state.protection.chains[p["chain"]]
    close = OrderIntent(
        account=p["account"],
        instrument=p["contract"],
        symbol=p["symbol"],
        action=Action.BUY_TO_CLOSE,
        quantity=p["contracts"],
        limit_price=Decimal(p["cost_to_close"]),
        purpose=ROLL_CLOSE,
        session=date.fromisoformat(p["session"]),
        decided_at=at,
        cause=key,
        config_fingerprint=config,
        evidence={"net": p["net"], "in_recovery": p["in_recovery"]},
        chain=ChainStart(chain.id, chain.right, chain.anchor_price, chain.anchor_atr, chain.anchor_iv),
        parent=key,
    )
    return close, replace(
        close,
        instrument=p["to"],
        action=Action.SELL_TO_OPEN,
        limit_price=Decimal(p["limit_price"]),
        purpose=ROLL_OPEN,
    )


def why_not_due(roll: RollUnderWay, level: int) -> str:
    """Why a roll does not go on with its chain at ``level`` now; empty: it does.

    Rolls happen at their level only. Under it nothing is due any more, and at level 3 the option is closed
    and no put is sold. A roll before a dividend is due at any level.
    """
    p = roll.decided.payload
    if p.get("cause") != "level" or level == p["level"]:
        return ""
    return f"it was due at level {p['level']}, and {p['symbol']} is at level {level} now"
