"""The configuration that a scenario is walked under: the protocol's own, and what it sets."""

from __future__ import annotations

from typing import Any

from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from tests.scenarios.words import Scenario

_KINDS = {"GEN-1": "gen", "REV-1": "rev", "COM-1": "com"}


def config_of(scenario: Scenario) -> ProtocolConfig:
    """The whole of it."""
    values: dict[str, Any] = {"accounts.com.first_share_purchase": False}
    if scenario.accounts:
        total = sum(scenario.accounts.values())
        shares = {_KINDS[name]: round(amount / total, 9) for name, amount in scenario.accounts.items()}
        values["book.lump_sum_usd"] = total
        values |= {f"book.split.{kind}": shares.get(kind, 0.0) for kind in _KINDS.values()}
    values |= {
        path: [*value] if isinstance(value, list) else value for path, value in scenario.config.items()
    }
    return with_values(ProtocolConfig(), values)
