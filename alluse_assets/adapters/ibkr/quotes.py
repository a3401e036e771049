"""Rows of quotes from the library's tickers. A price that the gateway does not know makes no row.

Pure over tickers: who asks for them, and when, is in ``snapshots`` and ``stream``. The gateway writes -1
for "none at this moment", which is not zero.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING

from alluse_assets.adapters.ibkr.contracts import ListedOption

if TYPE_CHECKING:
    from ib_async import Ticker

# By what the gateway says it sent, which need not be what was asked for.
SOURCES = {1: "ibkr", 2: "ibkr-frozen", 3: "ibkr-delayed", 4: "ibkr-delayed-frozen"}
_LIVE, _DELAYED = 1, 3
# Delayed data is 10 to 15 minutes old by the exchanges' rules, and more it may not be called.
_DELAY_SECONDS = 900.0
_LOT = 100


def known_price(value: float | None) -> float | None:
    """A price, or None for NaN, -1 and everything else that is not above zero."""
    return value if value is not None and math.isfinite(value) and value > 0 else None


def known_size(value: float | None, scale: int = 1) -> int | None:
    """A count, or None where there is none."""
    return round(value * scale) if value is not None and math.isfinite(value) and value >= 0 else None


def two_sided(ticker: Ticker) -> tuple[float, float] | None:
    """Bid and ask when both are known; crossed or not is for cleaning to judge."""
    bid, ask = known_price(ticker.bid), known_price(ticker.ask)
    return None if bid is None or ask is None else (bid, ask)


def spot_price(ticker: Ticker) -> float | None:
    """The underlying's price now: the mid of a quote that is not crossed, else the last trade.

    An index has no quote. Yesterday's close is no price of this moment.
    """
    sides = two_sided(ticker)
    if sides is not None and sides[0] <= sides[1]:
        return (sides[0] + sides[1]) / 2
    return known_price(ticker.last)


def share_row(
    symbol: str, ticker: Ticker, quote_ts: datetime, session: date, in_lots: bool
) -> dict[str, object] | None:
    """A row of share_quotes, or None while bid or ask is unknown."""
    sides = two_sided(ticker)
    if sides is None:
        return None
    scale = _LOT if in_lots else 1
    return {
        "session": session,
        "quote_ts": quote_ts,
        "symbol": symbol,
        "bid": sides[0],
        "ask": sides[1],
        "bid_size": known_size(ticker.bidSize, scale),
        "ask_size": known_size(ticker.askSize, scale),
        "last": known_price(ticker.last),
        "source": SOURCES.get(ticker.marketDataType, "ibkr-unknown"),
    }


def option_row(
    option: ListedOption, ticker: Ticker, spot: float, seen_at: datetime, quote_ts: datetime, session: date
) -> dict[str, object] | None:
    """A row of option_quotes, or None while bid or ask is unknown.

    Args:
        spot: price of the underlying when the quote was seen, USD per share.
        seen_at: when the quote was seen.
        quote_ts: the instant of the whole snapshot, not before ``seen_at``.
    """
    sides = two_sided(ticker)
    if sides is None:
        return None
    named = option.named
    interest = ticker.callOpenInterest if named.right == "C" else ticker.putOpenInterest
    age: float | None = (quote_ts - seen_at).total_seconds()
    if ticker.marketDataType == _DELAYED and age is not None:
        age += _DELAY_SECONDS
    elif ticker.marketDataType != _LIVE:
        age = None
    return {
        "quote_ts": quote_ts,
        "session": session,
        "underlying": option.underlying,
        "underlying_price": spot,
        "contract_symbol": named.symbol,
        "expiry": named.expiry,
        "right": named.right,
        "strike": float(named.strike),
        "bid": sides[0],
        "ask": sides[1],
        "last": known_price(ticker.last),
        "volume": known_size(ticker.volume),
        "open_interest": known_size(interest),
        "age_seconds": age,
        "source": SOURCES.get(ticker.marketDataType, "ibkr-unknown"),
    }
