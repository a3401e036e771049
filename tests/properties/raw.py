"""What can be read off a made market by hand: contracts, prices at a moment, ATR, the volatility index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from tests.made_market import CALENDAR, MadeMarket


@dataclass(frozen=True)
class Contract:
    root: str
    expiry: date
    right: str
    strike: Decimal


@lru_cache(maxsize=4096)
def parse(symbol: str) -> Contract:
    """By position, without the product's parser."""
    root, digits = symbol[:-15], symbol[-15:]
    expiry = date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    return Contract(root, expiry, digits[6], Decimal(int(digits[7:])) / 1000)


def _exact(value: float) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.0001"))


def price_at_quotes(market: MadeMarket, symbol: str, session: date) -> Decimal:
    """The share's price when its options are quoted."""
    day = market.paths[symbol][session]
    if not market.minutes_to_close:
        return _exact(day.close)
    return _exact(round((day.open + day.close) / 2, 2))


def known_price(market: MadeMarket, moment: str, session: date) -> dict[str, Decimal]:
    """Prices at the open, or at the quotes' time; a share that is not quoted early has its open."""
    found = {}
    for symbol, path in market.paths.items():
        day = path[session]
        if moment == "open":
            if day.has_bar:
                found[symbol] = _exact(day.open)
        elif day.is_quoted and symbol in market.traded:
            found[symbol] = price_at_quotes(market, symbol, session)
        elif day.has_bar:
            early = market.minutes_to_close and any(
                market.paths[one][session].is_quoted for one in market.traded
            )
            found[symbol] = _exact(day.open if early else day.close)
    return found


def wilder_atr(market: MadeMarket, symbol: str, session: date, window: int = 14) -> Decimal:
    """The ATR after the session before, in the shares of ``session``; each true range in its own shares."""
    ranges: list[float] = []
    before, value = None, 0.0
    for day, one in market.paths[symbol].items():
        if one.split > 1:
            ranges = [each / one.split for each in ranges]
            value /= one.split
            before = None if before is None else before / one.split
        if day == session:
            return Decimal(f"{value:.6f}")
        if not one.has_bar:
            continue
        high, low = one.high, one.low
        reach = high - low if before is None else max(high, before) - min(low, before)
        ranges.append(reach)
        value = sum(ranges) / window if len(ranges) <= window else value + (reach - value) / window
        before = one.close
    raise KeyError(session)


def vix_forbids(market: MadeMarket, session: date, at: datetime) -> bool:
    """Whether the index as known at ``at`` is over 65, or older than one session."""
    knows_today = at >= CALENDAR.close_time(session)
    known = [day for day in market.vix if day < session or (knows_today and day == session)]
    if not known:
        return True
    newest = max(known)
    age = len([day for day in CALENDAR.sessions(newest, session) if day > newest])
    return age > 1 or market.vix[newest] > 65
