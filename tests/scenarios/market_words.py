"""What a scenario says of the market, as the product reads it: a chain, the volatility index, a mode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.base.calendar import TradingWeek, trading_calendar
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.market_feed import QUOTE_COLUMNS
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.weeks.market_mode import MarketMode, ModeReading
from tests.scenarios.words import QuoteWords

CALENDAR = trading_calendar()


def chain_of(
    quotes: tuple[QuoteWords, ...], day: date, at: datetime, prices: Mapping[str, Decimal]
) -> pl.DataFrame:
    rows = [
        {
            "quote_ts": at,
            "session": day,
            "underlying": quote.underlying,
            "underlying_price": float(prices.get(quote.underlying, Decimal(1))),
            "contract_symbol": quote.contract.symbol,
            "expiry": quote.contract.expiry,
            "right": quote.contract.right,
            "strike": float(quote.contract.strike),
            "dte_days": (quote.contract.expiry - day).days,
            "delta": None
            if quote.delta is None
            else quote.delta / 100 * (-1 if quote.contract.right == "P" else 1),
            "bid": quote.bid,
            "ask": quote.ask,
            "volume": quote.volume,
            "open_interest": quote.open_interest,
            "iv_annual": quote.iv,
        }
        for quote in quotes
    ]
    schema = {name: kind for name, kind in OPTION_CHAINS.schema.items() if name in QUOTE_COLUMNS}
    return pl.DataFrame(rows, schema=schema).select(QUOTE_COLUMNS).sort("contract_symbol")


def vix_of(told: Any, day: date) -> tuple[VixReading | None, VixReading | None]:
    """The index at the open, which is the session before's, and at the quotes' time."""
    before = CALENDAR.previous_session(day)
    if not isinstance(told, Mapping):
        points = Decimal(str(told))
        return VixReading(points, before), VixReading(points, day)
    if "of" in told:
        reading = VixReading(Decimal(str(told["points"])), told["of"])
        return reading, reading
    if told.get("unknown"):
        return None, None
    return VixReading(Decimal(str(told["open"])), before), VixReading(Decimal(str(told["now"])), day)


def on(table: Mapping[str, Mapping[date, Any]], day: date) -> dict[str, Decimal]:
    return {symbol: Decimal(str(days[day])) for symbol, days in table.items() if day in days}


def reading_of(week: TradingWeek, mode: str) -> ModeReading:
    return ModeReading(week.id, MarketMode(mode), Decimal(1), Decimal(1), week.first, week.last)
