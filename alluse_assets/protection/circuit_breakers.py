"""Circuit breakers on the volatility index (protocol, section 4).

Over 50 half of deployable is used; over 65 every account is SAFE; over 80 CLOSE_ONLY. A tier is left two
points lower, next session. A stale value counts one tier tighter, at least SAFE: what is not known is never
taken for calm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum

from alluse_assets.base.config.model_protection import CircuitBreakerRules


class Tier(IntEnum):
    """How tight."""

    NONE = 0
    HALF = 1
    SAFE = 2
    CLOSE_ONLY = 3


@dataclass(frozen=True, slots=True)
class VixReading:
    """The volatility index as known at a moment: points, and the session that the value is of."""

    points: Decimal
    session: date


def is_stale(reading: VixReading | None, sessions: Sequence[date], now: date, max_sessions: int) -> bool:
    """Whether the value is older than ``max_sessions`` sessions, or there is none.

    Args:
        reading: the latest value.
        sessions: the sessions before ``now``, the latest last; as many as can matter.
        now: the session of the question.
        max_sessions: how many sessions old it may be.
    """
    if reading is None:
        return True
    age = sum(1 for session in (*sessions, now) if session > reading.session)
    return age > max_sessions


def tier_by_value(
    tier: Tier, reading: VixReading | None, new_session: bool, rules: CircuitBreakerRules
) -> Tier:
    """The tier that the value alone asks for; the one before where there is no value.

    Args:
        tier: the one that the value asked for until now.
        reading: the latest value.
        new_session: whether this is the first look in a session: only then is a tier left.
        rules: the edges.
    """
    if not rules.enabled:
        return Tier.NONE
    if reading is None:
        return tier
    slack = Decimal(str(rules.leave_points)) if new_session else None
    found = Tier.NONE
    for one, edge in (
        (Tier.HALF, rules.half_over_vix),
        (Tier.SAFE, rules.safe_over_vix),
        (Tier.CLOSE_ONLY, rules.close_only_over_vix),
    ):
        exact = Decimal(str(edge))
        kept = one <= tier and (slack is None or reading.points > exact - slack)
        if reading.points > exact or kept:
            found = one
    return found


def tier_in_force(by_value: Tier, stale: bool, rules: CircuitBreakerRules) -> Tier:
    """The tier that holds: a stale value counts one tighter, at least SAFE."""
    if not rules.enabled or not stale:
        return by_value
    return max(Tier(min(by_value + 1, Tier.CLOSE_ONLY)), Tier.SAFE)
