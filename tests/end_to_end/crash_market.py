"""A made-up crash: calm weeks, -35 per cent in ten sessions with VIX to 70, and the way back.

Nothing is drawn at random. Each share wavers a little on a sine of its own; in the crash all fall alike, the
last two days of it hardest; then they climb until they are where they began. BBB has no quotes on six
days of the crash, as when nobody makes a market: what is open then cannot be closed. Options are priced with
Black-Scholes at a volatility that follows the index, at a spread of two per cent.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date

from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.config.model_protocol import ProtocolConfig
from tests.made_market import CALENDAR, MadeMarket, ShareDay, make_market

FIRST = date(2011, 1, 10)
CALM, CRASH, BACK = 16, 10, 34
DEPTH = 0.35
UNQUOTED = ("BBB", range(CALM + 1, CALM + 7))
_WARM_UP = 45
_SHARES = {"AAA": (110.0, 1.0), "BBB": (62.0, 0.8), "CCC": (38.0, 1.2)}
"""By symbol: price at the start, USD, and how much more than the index it wavers."""
_FALLS = (-0.012, -0.022, -0.03, -0.04, -0.035, -0.03, -0.045, -0.05, -0.06, -0.085)


def crash_config(**changes: object) -> ProtocolConfig:
    """The protocol's own rules on three shares, with floors that calm weeks pay. ``__`` stands for a dot."""
    values: dict[str, object] = {
        "accounts.gen.tickers": ["AAA", "BBB"],
        "accounts.rev.tickers": ["AAA", "BBB", "CCC"],
        "accounts.com.tickers": ["AAA", "BBB", "CCC"],
        "market.source": "files",
        "market.flat_rate_annual": 0.01,
        "market.warm_up_sessions": _WARM_UP,
        "entry.earnings_unknown": "allow",
        # Where a person is asked, as before a level-3 close, the answer is yes.
        "approvals.replay_answer": "yes",
        "book.lump_sum_usd": 2_000_000,
    }
    for kind in ("gen", "rev", "com"):
        values[f"accounts.{kind}.puts.min_premium_yield"] = 0.002
        values[f"accounts.{kind}.calls.min_premium_yield"] = 0.001
    return with_values(ProtocolConfig(), values | {k.replace("__", "."): v for k, v in changes.items()})


def crash_market(
    config: ProtocolConfig | None = None, minutes_to_close: int = 0, dividends: Collection[int] = ()
) -> MadeMarket:
    """The market, its candidates screened for ``config``.

    Args:
        config: the book's.
        minutes_to_close: how long before the close options are quoted.
        dividends: places of the sessions, 0 the first, on which each share pays two per cent.
    """
    config = config or crash_config()
    start = CALENDAR.previous_session(FIRST, _WARM_UP)
    last = CALENDAR.next_session(FIRST, CALM + CRASH + BACK - 1)
    days = CALENDAR.sessions(start, last)
    # Falls are scaled so that they come to the depth exactly.
    scale = math.log(1 - DEPTH) / sum(math.log(1 + fall) for fall in _FALLS)
    moves = {CALM + n: (1 + fall) ** scale - 1 for n, fall in enumerate(_FALLS)}
    climb = (1 / (1 - DEPTH)) ** (1 / BACK) - 1
    paths: dict[str, dict[date, ShareDay]] = {"SPY": {}, **{symbol: {} for symbol in _SHARES}}
    points: dict[date, float] = {}
    closes = {symbol: price for symbol, (price, _) in _SHARES.items()} | {"SPY": 130.0}
    for place, day in enumerate(days, start=-_WARM_UP):
        points[day] = _vix(place)
        trend = moves.get(place, climb if place >= CALM + CRASH else 0.0)
        for number, symbol in enumerate(paths):
            waver = 0.006 * (_SHARES[symbol][1] if symbol in _SHARES else 0.7)
            own = waver * math.sin(1.7 * place + number) - waver * math.sin(1.7 * (place - 1) + number)
            began = closes[symbol] * (1 + trend / 4)
            ended = closes[symbol] * (1 + trend) * (1 + own)
            quoted = not (symbol == UNQUOTED[0] and place in UNQUOTED[1])
            paths[symbol][day] = ShareDay(
                open=round(began, 2),
                high=round(max(began, ended) * (1 + waver / 2), 2),
                low=round(min(began, ended) * (1 - waver / 2), 2),
                close=round(ended, 2),
                volatility=points[day] / 100 * 1.2,
                dividend=round(ended * 0.02, 2) if place in dividends and symbol in _SHARES else 0.0,
                is_quoted=quoted,
            )
            closes[symbol] = ended
    return make_market(paths, points, FIRST, last, config, minutes_to_close)


def _vix(place: int) -> float:
    """18 in calm weeks, 70 at the end of the crash, down again in the weeks after it."""
    if place < CALM:
        return 18.0
    if place < CALM + CRASH:
        return round(18 + (70.4 - 18) * (place - CALM + 1) / CRASH, 2)
    return round(max(20.0, 70.4 - 3.5 * (place - CALM - CRASH + 1)), 2)
