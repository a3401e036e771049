"""What a yes would do, in lines for people: the command and the app say it alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alluse_assets.base.config.canonical_form import value_text
from alluse_assets.execution.approvals import in_words
from alluse_assets.ledger.config_history import changes_from


def would_lines(kind: str, subject: Mapping[str, Any]) -> list[str]:
    """A line an order; of a configuration what changes, a line a setting; else the thing in words.

    Args:
        kind: of the request.
        subject: exactly what is asked.
    """
    if kind == "config":
        back = subject["rolled_back_to"]
        to = f", back to version {back}" if back else ""
        changes = changes_from(subject["changes"])
        return [
            f"change version {subject['based_on']} of the configuration{to}:",
            *(f"{one.path} from {value_text(one.before)} to {value_text(one.after)}" for one in changes),
        ]
    if "orders" in subject:
        return [
            f"{order['action']} {order['quantity']} {order['instrument']} at {order['limit_price']} USD in "
            f"{order['account']} ({order['purpose']})"
            for order in subject["orders"]
        ]
    return [in_words(kind, subject)]
