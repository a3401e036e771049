"""When which account kind may open what: one row per session, kind, right and symbol.

The week's market-mode guess moves the put band, never the size (protocol, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from alluse_assets.base.calendar import TradingCalendar, TradingWeek
from alluse_assets.base.config.model_accounts import LegRules
from alluse_assets.base.config.model_fields import WEEKDAYS, Kind
from alluse_assets.base.config.model_protocol import ProtocolConfig

KINDS: tuple[Kind, ...] = ("gen", "rev", "com")
MICRO = 1_000_000
_ANY_DAYS = 10_000
_SCHEMA = pl.Schema(
    {
        "session": pl.Date,
        "kind": pl.String,
        "right": pl.String,
        "symbol": pl.String,
        "dte_low": pl.Int32,
        "dte_high": pl.Int32,
        "only_expiry": pl.Date,
        "low_micro": pl.Int64,
        "high_micro": pl.Int64,
        "floor_ppm": pl.Int64,
    }
)


def delta_band(leg: LegRules, right: str, mode: str, config: ProtocolConfig) -> tuple[int, int]:
    """Both ends of the band in millionths of a point, the put band moved by the mode, floored."""
    shift = getattr(config.market_mode.delta_shift, mode.lower()) if right == "P" else 0.0
    floor = config.market_mode.delta_floor if shift else 0.0
    low, high = (round(max(end + shift, floor) * MICRO) for end in (leg.delta_low, leg.delta_high))
    return low, high


def entry_sessions(calendar: TradingCalendar, week: TradingWeek, leg: LegRules) -> tuple[date, ...]:
    """The sessions of the week on which the leg may be opened; holidays moved by the calendar's rule."""
    if not leg.enabled:
        return ()
    return calendar.entry_sessions(week, [WEEKDAYS.index(name) for name in leg.entry_weekdays])


def single_entry(
    session: date,
    kind: str,
    right: str,
    symbol: str,
    delta_low: float,
    delta_high: float,
    min_premium_yield: float = 0.0,
) -> pl.DataFrame:
    """A calendar of one row: a band, and a floor for entries; as for a roll, which no window binds."""
    low, high, floor = (round(one * MICRO) for one in (delta_low, delta_high, min_premium_yield))
    row = (session, kind, right, symbol, 0, _ANY_DAYS, None, low, high, floor)
    return pl.DataFrame([row], schema=_SCHEMA, orient="row")


def entry_calendar(
    weeks: Sequence[TradingWeek],
    modes: Mapping[str, str],
    calendar: TradingCalendar,
    config: ProtocolConfig,
) -> pl.DataFrame:
    """Bands, days to expiry and floors of every entry session of ``weeks``.

    ``modes``: week id -> guessed mode. Gen-Acc's calls run to the week's last expiry alone.
    """
    rows = []
    for week in weeks:
        for kind in KINDS:
            rules = config.accounts.of(kind)
            for right, leg in (("P", rules.puts), ("C", rules.calls)):
                low, high = delta_band(leg, right, modes[week.id], config)
                only = calendar.week_last_expiry(week) if leg.to_week_last_expiry else None
                floor = round(leg.min_premium_yield * MICRO)
                rows += [
                    (session, kind, right, symbol, leg.dte_low, leg.dte_high, only, low, high, floor)
                    for session in entry_sessions(calendar, week, leg)
                    for symbol in rules.tickers
                ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")
