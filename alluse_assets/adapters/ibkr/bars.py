"""Bars of the past: which requests a range takes, and rows from what they bring.

The gateway adjusts past trades for splits, and for nothing else; ``as_traded`` undoes it, so that rows
are what our tables promise. Volume is in shares, or in lots of 100 where the gateway is set so.
Source: TWS API, "Historical Bar Data" and "Historical Data Limitations" (durations by bar size).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

import polars as pl

from alluse_assets.adapters.ibkr.contracts import INDEX_EXCHANGES, underlying_contract
from alluse_assets.adapters.ibkr.failures import is_no_data
from alluse_assets.adapters.ibkr.pacing import Claim
from alluse_assets.adapters.ibkr.session import GatewaySession, UnknownContractError, together
from alluse_assets.adapters.ibkr.settings import BarMinutes
from alluse_assets.base.calendar import NEW_YORK, TradingCalendar, new_york_instant
from alluse_assets.market_data.adjustments import adjusted
from alluse_assets.market_data.source import TABLE_OF

if TYPE_CHECKING:
    from ib_async import BarData, BarDataList, Contract

BarKind = Literal["bars", "intraday_bars"]
SOURCE = "ibkr"
_LOT = 100
_LOGGER = logging.getLogger("alluse.ibkr")
# Longer requests are refused, or answered so slowly that they run out of time.
_SESSIONS_A_REQUEST: dict[BarMinutes, int] = {
    1: 1, 2: 2, 3: 5, 5: 5, 10: 5, 15: 5, 20: 20, 30: 20, 60: 20,
}  # fmt: skip
_DAYS_OF_LONGEST_REQUEST = 365


@dataclass(frozen=True, slots=True)
class BarRequest:
    """One request: ``until`` is where it ends, None for now; ``duration`` and ``size`` as it is told."""

    until: datetime | None
    duration: str
    size: str


def bar_requests(
    kind: BarKind, start: date, end: date, minutes: BarMinutes, calendar: TradingCalendar, now: datetime
) -> list[BarRequest]:
    """The requests that bring all bars from ``start`` to ``end``; rows outside the range come as well."""
    sessions = [s for s in calendar.sessions(start, end) if calendar.open_time(s) < now]
    if not sessions:
        return []
    if kind == "bars":
        days = (sessions[-1] - sessions[0]).days + 1
        duration = (
            f"{days} D"
            if days <= _DAYS_OF_LONGEST_REQUEST
            else f"{math.ceil(days / _DAYS_OF_LONGEST_REQUEST)} Y"
        )
        return [BarRequest(_midnight_after(sessions[-1], now), duration, "1 day")]
    size = "1 hour" if minutes == 60 else f"{minutes} min{'s' if minutes > 1 else ''}"
    most = _SESSIONS_A_REQUEST[minutes]
    return [
        BarRequest(_midnight_after(part[-1], now), f"{len(part)} D", size)
        for part in (sessions[at : at + most] for at in range(0, len(sessions), most))
    ]


async def read_bars(
    session: GatewaySession,
    kind: BarKind,
    symbols: Sequence[str],
    start: date,
    end: date,
    calendar: TradingCalendar,
    now: datetime,
) -> pl.DataFrame:
    """Finished bars of ``symbols``, adjusted for splits as the gateway gives them.

    Raises:
        SourceError: a symbol is not subscribed, or the gateway did not answer. A part of what was asked
            for would look like sessions without trades. Unknown symbols are absent and told of.
    """
    requests = bar_requests(kind, start, end, session.settings.bar_minutes, calendar, now)
    if not requests:
        return TABLE_OF[kind].empty()
    parts = await together(_of_symbol(session, kind, symbol, requests) for symbol in symbols)
    rows = [
        row
        for symbol, bars in zip(symbols, parts, strict=True)
        for row in bar_rows(
            kind, symbol, bars, session.settings.bar_minutes, session.settings.stock_sizes == "lots"
        )
    ]
    table = TABLE_OF[kind]
    day = "ts" if kind == "bars" else "session"
    finished = [s for s in calendar.sessions(start, end) if calendar.close_time(s) <= now]
    frame = pl.DataFrame(rows, schema=table.schema).filter(pl.col(day).is_between(start, end))
    if kind == "bars":
        frame = frame.filter(pl.col("ts").is_in(finished))
    else:
        frame = frame.filter(pl.col("bar_ts") + pl.duration(minutes=pl.col("minutes")) <= now)
    return frame.unique(table.key, maintain_order=True).sort(table.key)


def bar_rows(
    kind: BarKind, symbol: str, bars: Iterable[BarData], minutes: int, in_lots: bool
) -> Iterator[dict[str, object]]:
    """Rows of ``bars``; one without a price is told of and left out."""
    for bar in bars:
        prices = {name: getattr(bar, name) for name in ("open", "high", "low", "close")}
        if not all(math.isfinite(price) and price > 0 for price in prices.values()):
            _LOGGER.warning(
                "Interactive Brokers: %s: a bar without a price is left out: %s", symbol, bar.date
            )
            continue
        row: dict[str, object] = {
            "symbol": symbol,
            **prices,
            "volume": _volume(symbol, bar.volume, in_lots),
            "source": SOURCE,
        }
        if isinstance(bar.date, datetime):
            session = bar.date.astimezone(NEW_YORK).date()
            row |= {"session": session, "bar_ts": bar.date, "minutes": minutes}
        else:
            row |= {"ts": bar.date, "session": bar.date}
        yield {name: row[name] for name in TABLE_OF[kind].names}


def as_traded(bars: pl.DataFrame, actions: pl.DataFrame, day: str) -> pl.DataFrame:
    """``bars`` with the adjustment for splits taken out again.

    A price is multiplied, and a volume divided, by the ratios of all splits after its session, up to
    the latest one known: the gateway adjusts for all that have happened, not for those in the range.

    Args:
        bars: rows with ``symbol``, prices and ``volume``; ``day`` names the column of the session.
        actions: rows of table corporate_actions; only splits matter.
    """
    undone = actions.filter(pl.col("kind") == "split").with_columns(ratio=1 / pl.col("ratio"))
    return adjusted(bars.rename({day: "ts"}), undone, date.max).drop("adjustment_factor").rename({"ts": day})


async def _of_symbol(
    session: GatewaySession, kind: BarKind, symbol: str, requests: Sequence[BarRequest]
) -> list[BarData]:
    try:
        contract = await session.qualify(underlying_contract(symbol), symbol)
    except UnknownContractError as error:
        _LOGGER.warning("%s; it has no %s", error, kind)
        return []
    parts = await together(_answer(session, kind, symbol, contract, r) for r in requests)
    return [bar for part in parts for bar in part]


async def _answer(
    session: GatewaySession, kind: BarKind, symbol: str, contract: Contract, request: BarRequest
) -> list[BarData]:
    from ib_async.wrapper import RequestError

    async def bars() -> BarDataList | list[BarData]:
        try:
            return await session.ib.reqHistoricalDataAsync(
                contract,
                request.until,
                request.duration,
                request.size,
                "TRADES",
                useRTH=True,
                formatDate=2,
                timeout=0,
            )
        except RequestError as error:
            if is_no_data(error.code, error.message):
                return []
            raise

    limits = session.limits
    claims = [
        Claim(limits.bars),
        Claim(limits.same_contract, (contract.conId, contract.exchange, "TRADES")),
        Claim(limits.identical, (contract.conId, request)),
    ]
    async with session.open_bars:
        return await session.ask(f"{kind} of {symbol}", bars, session.settings.history_seconds, claims)


def _midnight_after(session: date, now: datetime) -> datetime | None:
    midnight = new_york_instant(session + timedelta(days=1), time())
    return midnight if midnight <= now else None


def _volume(symbol: str, volume: float, in_lots: bool) -> int | None:
    """Shares; the gateway says -1 where it has none, and 0 for an index, which trades nothing."""
    if symbol in INDEX_EXCHANGES or not math.isfinite(volume) or volume < 0:
        return None
    return round(volume * (_LOT if in_lots else 1))
