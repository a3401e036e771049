"""What whole replays came to when somebody last looked: statistics, decisions, a hash of the order list.

A rule that changes a replay on purpose changes its pin. ``UPDATE_PINS=1 pytest tests/end_to_end`` writes what
is so now; the difference in ``pins.json`` is what has to be looked at.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alluse_assets.base.events import Event

PINS = Path(__file__).with_name("pins.json")
_ORDER = ("session", "account", "purpose", "action", "instrument", "quantity", "limit_price")
_DECISIONS = ("entry.decided", "exit.decided", "roll.decided")


def figures(events: Iterable[Event]) -> dict[str, Any]:
    """The pinned figures of a journal. The order list is in the order of its placing, each with its end."""
    events = list(events)
    closed = [event.payload for event in events if event.type == "session.closed"]
    types = Counter(str(event.type) for event in events)
    decisions = Counter(
        f"{event.type} {event.payload.get('right', event.payload.get('rule'))} {event.payload['outcome']}"
        for event in events
        if event.type in _DECISIONS
    )
    ends = {
        event.payload["intent"]: event.payload["state"]
        for event in events
        if event.type.startswith("order.") and "state" in event.payload
    }
    orders = [event.payload for event in events if event.type == "order.created"]
    lines = [" ".join([*(str(order[name]) for name in _ORDER), ends[order["intent"]]]) for order in orders]
    return {
        "sessions": len(closed),
        "nav": {name: values["nav"] for name, values in sorted(closed[-1]["accounts"].items())},
        "events": dict(sorted(types.items())),
        "decisions": dict(sorted(decisions.items())),
        "orders": len(orders),
        "order_list_sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }


def assert_pinned(name: str, events: Iterable[Event]) -> None:
    """The figures are those in ``pins.json``; with ``UPDATE_PINS=1`` they become them."""
    found = figures(events)
    if os.environ.get("UPDATE_PINS"):
        # Workers of one run update different replays at the same time.
        with PINS.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            pins = json.loads(file.read() or "{}") | {name: found}
            file.seek(0)
            file.truncate()
            file.write(json.dumps(pins, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(PINS.read_text()).get(name)
