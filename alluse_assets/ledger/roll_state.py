"""A roll whose legs are not at their end, as part of a book's state. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType


@dataclass(frozen=True, slots=True)
class RollUnderWay:
    """Contracts to roll, bought back, and sold again so far."""

    decided: Event
    """Its ``roll.decided``: enough to go on with it after a restart."""
    closed: int = 0
    opened: int = 0
    has_close: bool = False
    """Whether its buy-back has been ordered."""
    ordered: int = 0
    """Contracts whose sale has been ordered, whatever became of that."""
    approved: str = ""
    """Hash of what a person has approved of it, and that was used: both legs."""
    why: str = ""
    """Why a leg of it was not placed, or not filled."""


def with_leg_ordered(roll: RollUnderWay, action: str, quantity: int) -> RollUnderWay:
    """The roll after a leg of it, or a part of one, was ordered."""
    if action == "BUY_TO_CLOSE":
        return replace(roll, has_close=True)
    return replace(roll, ordered=roll.ordered + quantity)


def with_leg_filled(roll: RollUnderWay, action: str, quantity: int) -> RollUnderWay:
    """The roll after contracts of a leg were filled."""
    if action == "BUY_TO_CLOSE":
        return replace(roll, closed=roll.closed + quantity)
    return replace(roll, opened=roll.opened + quantity)


def with_leg_ended(roll: RollUnderWay, action: str, instrument: str, event: Event) -> RollUnderWay:
    """The roll with why a leg came to nothing, or is to be cancelled."""
    p: Any = event.payload
    refused = [f"{one['rule']}: {one['why']}" for one in p.get("gate", {}).get("refused", ())]
    if event.type == EventType.ORDER_FILLED or (event.type == EventType.ORDER_DENIED and not refused):
        return roll  # nothing came to nothing, or the other leg says why
    reasons = refused or ([p["text"]] if "text" in p else [])
    said = f"{action} {instrument} {p['state']}" + (f": {'; '.join(reasons)}" if reasons else "")
    return replace(roll, why=f"{roll.why}; {said}" if roll.why else said)
