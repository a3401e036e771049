"""Green, Red or Chop: the guess before a week and the confirmation after it (protocol, section 3).

With m = (last close - previous week's close) / (ATR x sqrt(sessions)) and path efficiency
e = |net move| / sum of |daily moves|: Green when m >= 0.35 and e >= 0.3; Red when m <= -0.35 and
e >= 0.3; else Chop. The guess applies the same rule to the trailing weeks before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from alluse_assets.base.calendar import TradingWeek
from alluse_assets.base.config.model_market import MarketModeRules
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.events import Json


class MarketMode(StrEnum):
    """How a week trends."""

    GREEN = "Green"
    RED = "Red"
    CHOP = "Chop"


@dataclass(frozen=True, slots=True)
class ModeReading:
    """A mode and what it was read from. ``move`` is m, ``efficiency`` e, both rounded to six decimals."""

    week: str
    mode: MarketMode
    move: Decimal
    efficiency: Decimal
    first: date
    last: date
    """Sessions whose closes were used, the previous week's close before ``first`` aside."""

    def payload(self) -> dict[str, Json]:
        """As the journal keeps it."""
        return {
            "week": self.week,
            "mode": self.mode.value,
            "move": str(self.move),
            "efficiency": str(self.efficiency),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class ModeSeries:
    """Closes (USD per share) and ATR (USD) of the mode symbol by session."""

    closes: Mapping[date, float]
    atr_usd: Mapping[date, float]


def read_mode(
    week: str,
    sessions: Sequence[date],
    before: date,
    series: ModeSeries,
    rules: MarketModeRules,
) -> ModeReading:
    """The mode over ``sessions``, whose previous close is that of session ``before``.

    Raises:
        MissingDataError: a close or the ATR of the last session is missing.
    """
    missing = [day for day in (before, *sessions) if day not in series.closes]
    if missing or series.atr_usd.get(sessions[-1]) is None:
        lacking = f"close on {missing[0]}" if missing else f"ATR on {sessions[-1]}"
        raise MissingDataError(
            f"market mode of week {week}: the mode symbol has no {lacking}; "
            "ingest earlier bars or start the book later"
        )
    closes = [series.closes[day] for day in (before, *sessions)]
    net = closes[-1] - closes[0]
    path = math.fsum(abs(b - a) for a, b in itertools.pairwise(closes))
    atr = series.atr_usd[sessions[-1]]
    move = net / (atr * math.sqrt(len(sessions))) if atr > 0 else 0.0
    efficiency = abs(net) / path if path > 0 else 0.0
    m, e = Decimal(f"{move:.6f}"), Decimal(f"{efficiency:.6f}")
    threshold, least = Decimal(str(rules.threshold)), Decimal(str(rules.path_efficiency))
    mode = MarketMode.CHOP
    if e >= least and abs(m) >= threshold:
        mode = MarketMode.GREEN if m > 0 else MarketMode.RED
    return ModeReading(week, mode, m, e, sessions[0], sessions[-1])


def guess(
    week: TradingWeek,
    trailing: Sequence[TradingWeek],
    before: date,
    series: ModeSeries,
    rules: MarketModeRules,
) -> ModeReading:
    """The guess for ``week`` from ``trailing`` weeks; ``before`` is the session before the first of them."""
    sessions = [session for past in trailing for session in past.sessions]
    return read_mode(week.id, sessions, before, series, rules)


def confirm(week: TradingWeek, before: date, series: ModeSeries, rules: MarketModeRules) -> ModeReading:
    """The mode that ``week`` itself turned out to have; ``before`` is the previous week's last session."""
    return read_mode(week.id, week.sessions, before, series, rules)
