"""When two decisions of a session come to the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def what_follows(decided: Mapping[str, Any]) -> str:
    """What a decision comes to: its outcome, and of what is ordered or asked also contract and number."""
    outcome = str(decided.get("outcome", "order"))
    if outcome not in ("order", "asked_under_floor"):
        return outcome
    contract = decided.get("chosen") or decided.get("to") or decided.get("contract")
    return f"{outcome} {decided.get('contracts')} {contract}"
