"""One configuration, one text: the canonical form, its fingerprint, and what differs between two.

The journal keeps canonical forms, so they hold no binary float: every amount, share and delta is a
decimal string without trailing zeros. Bytes are RFC 8785's. Neither the profile's name nor the
machine is part of it: equal values give equal fingerprints.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

import rfc8785

from alluse_assets.base.config.model_fields import ConfigModel
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.config.settings_tree import settings, value_at


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs. ``before`` and ``after`` are canonical values."""

    path: str
    before: Any
    after: Any


def canonical(config: ProtocolConfig) -> dict[str, Any]:
    """The whole tree as JSON values without floats."""
    form = canonical_value(config)
    assert isinstance(form, dict)
    return form


def canonical_value(value: Any) -> Any:
    """One value, or one part of the tree, as JSON values without floats."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return "0" if value == 0 else f"{Decimal(str(value)).normalize():f}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, ConfigModel):
        return {name: canonical_value(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {key: canonical_value(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [canonical_value(item) for item in value]
    raise TypeError(f"a configuration holds no {type(value).__name__}")


def fingerprint(config: ProtocolConfig) -> str:
    """SHA-256 (hex) over the canonical form's RFC 8785 bytes."""
    return hashlib.sha256(rfc8785.dumps(canonical(config))).hexdigest()


def diff(before: ProtocolConfig, after: ProtocolConfig) -> list[Change]:
    """The settings whose values differ, in the model's order."""
    changes = []
    for path, setting in settings().items():
        old, new = (canonical_value(value_at(config, path)) for config in (before, after))
        if old != new:
            changes.append(Change(setting.name, old, new))
    return changes


def value_text(value: Any) -> str:
    """A canonical value in words."""
    if value is None:
        return "empty"
    return value if isinstance(value, str) else json.dumps(value)
