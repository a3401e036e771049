"""Quotes of this moment: shares, and the part of a chain that a scope asks for.

A chain takes four steps: the underlying's price, the listed expiries, the contracts of those that are
wanted (one request an expiry rather than one a contract), a snapshot of each contract, never more at
once than the login has market data lines. What does not answer is told of and has no row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from alluse_assets.adapters.ibkr.contracts import ListedOption, underlying_contract
from alluse_assets.adapters.ibkr.listing import (
    ListingMemory,
    Listings,
    contracts_in_scope,
    listed_in_scope,
)
from alluse_assets.adapters.ibkr.quotes import option_row, share_row, spot_price, two_sided
from alluse_assets.adapters.ibkr.session import GatewaySession, UnknownContractError, together
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import ChainScope
from alluse_assets.market_data.tables import SHARE_QUOTES
from alluse_assets.option_chains.tables import OPTION_QUOTES

if TYPE_CHECKING:
    from ib_async import Contract, Ticker

_LOGGER = logging.getLogger("alluse.ibkr")
_LOOK_AGAIN_SECONDS = 0.02
_NAMED_IN_LOG = 5
# Each chain holds a line for its underlying while its contracts wait for one.
_CHAINS_AT_ONCE = 4
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Seen:
    option: ListedOption
    ticker: Ticker
    spot: float
    at: datetime


async def read_share_quotes(
    session: GatewaySession, symbols: Sequence[str], day: date, clock: Callable[[], datetime]
) -> pl.DataFrame:
    """Rows of share_quotes, all of one instant.

    Raises:
        SourceError: not one symbol was answered.
    """

    async def one(symbol: str) -> Ticker:
        contract = await session.qualify(underlying_contract(symbol), symbol)
        return await _snapshot(session, contract, symbol)

    tickers = await _whoever_answers(session, {symbol: one(symbol) for symbol in symbols})
    now = clock()
    in_lots = session.settings.stock_sizes == "lots"
    rows = [share_row(symbol, ticker, now, day, in_lots) for symbol, ticker in tickers.items()]
    _tell_of_unquoted([s for s, row in zip(tickers, rows, strict=True) if row is None], len(symbols))
    return SHARE_QUOTES.conform(
        pl.DataFrame([row for row in rows if row is not None], schema=SHARE_QUOTES.schema)
    ).sort(SHARE_QUOTES.key)


async def read_option_quotes(
    session: GatewaySession,
    underlyings: Sequence[str],
    scope: ChainScope | None,
    day: date,
    clock: Callable[[], datetime],
    memory: ListingMemory,
) -> pl.DataFrame:
    """Rows of option_quotes, all of one instant: the end of the snapshot. ``scope`` None: every contract.

    Raises:
        SourceError: not one underlying was answered.
    """
    listings = memory.of(day)
    turn = asyncio.Semaphore(min(_CHAINS_AT_ONCE, session.settings.lines - 1))

    async def one(underlying: str) -> list[_Seen]:
        async with turn:
            return await _chain(session, underlying, scope, day, clock, listings)

    chains = await _whoever_answers(session, {underlying: one(underlying) for underlying in underlyings})
    now = clock()
    rows = [
        option_row(seen.option, seen.ticker, seen.spot, seen.at, now, day)
        for chain in chains.values()
        for seen in chain
    ]
    return OPTION_QUOTES.conform(
        pl.DataFrame([row for row in rows if row is not None], schema=OPTION_QUOTES.schema)
    ).sort(OPTION_QUOTES.key)


async def _chain(
    session: GatewaySession,
    underlying: str,
    scope: ChainScope | None,
    day: date,
    clock: Callable[[], datetime],
    listings: Listings,
) -> list[_Seen]:
    contract = await session.qualify(underlying_contract(underlying), underlying)
    async with _subscribed(session, contract) as spot_ticker:
        spot = await _first_price(session, contract, spot_ticker, underlying)
        listed = await listed_in_scope(session, underlying, contract, scope, day, listings)
        wanted = contracts_in_scope(listed, spot, day, scope)
        seconds = len(wanted) * session.limits.messages.seconds / session.limits.messages.most
        _LOGGER.info(
            "Interactive Brokers: %s: asking for %d of %d contracts, %.0f s or more",
            underlying,
            len(wanted),
            len(listed),
            seconds,
        )
        seen: list[_Seen] = []
        failures: list[SourceError] = []

        async def look(option: ListedOption) -> None:
            try:
                ticker = await _snapshot(session, option.contract, option.named.symbol)
            except SourceError as error:
                if session.lost.done():
                    raise
                failures.append(error)
                return
            if two_sided(ticker) is not None:
                seen.append(_Seen(option, ticker, spot_price(spot_ticker) or spot, clock()))

        await together(look(option) for option in wanted)
    if wanted and len(failures) == len(wanted):
        raise failures[0]
    if len(seen) < len(wanted):
        _LOGGER.warning(
            "Interactive Brokers: %s: %d of %d contracts have a bid and an ask; %d gave no answer%s",
            underlying,
            len(seen),
            len(wanted),
            len(failures),
            f", the first: {failures[0]}" if failures else "",
        )
    return seen


async def _snapshot(session: GatewaySession, contract: Contract, wanted: str) -> Ticker:
    """One contract's quote. Where the gateway does not end it, what came is what there is.

    Raises:
        SourceError: nothing usable came.
    """
    async with session.lines:
        try:
            tickers = await session.ask(
                wanted, lambda: session.ib.reqTickersAsync(contract), session.settings.snapshot_seconds
            )
        except SourceError:
            if session.lost.done() or contract.conId in session.refused:
                raise
            session.end_snapshot(contract)
            ticker = session.ib.ticker(contract)
            if ticker is None or two_sided(ticker) is None:
                raise
            return ticker
    return tickers[0]


@asynccontextmanager
async def _subscribed(session: GatewaySession, contract: Contract) -> AsyncIterator[Ticker]:
    async with session.lines:
        ticker = await session.subscribe(contract, "")
        try:
            yield ticker
        finally:
            session.unsubscribe(contract)


async def _first_price(session: GatewaySession, contract: Contract, ticker: Ticker, wanted: str) -> float:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + session.settings.snapshot_seconds
    while (price := spot_price(ticker)) is None:
        if session.lost.done():
            raise session.lost.result()
        if contract.conId in session.refused:
            raise session.refused[contract.conId]
        if loop.time() >= deadline:
            raise SourceError(
                f"Interactive Brokers, {wanted}: no price within {session.settings.snapshot_seconds:g} s; is "
                "the market open, and the login subscribed to it?",
                is_passing=True,
            )
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return price


async def _whoever_answers(
    session: GatewaySession, wanted: Mapping[str, Coroutine[Any, Any, _Answer]]
) -> dict[str, _Answer]:
    """The answers by name. Who fails is told of, unless nobody answers or the connection is gone."""
    outcomes = await asyncio.gather(*wanted.values(), return_exceptions=True)
    answers: dict[str, _Answer] = {}
    failures: dict[str, SourceError] = {}
    for name, outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, SourceError):
            failures[name] = outcome
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            answers[name] = outcome
    if session.lost.done():
        raise session.lost.result()
    broken = [error for error in failures.values() if not isinstance(error, UnknownContractError)]
    if broken and not answers:
        raise broken[0]
    for name, error in failures.items():
        _LOGGER.warning("%s is missing from the snapshot: %s", name, error)
    return answers


def _tell_of_unquoted(symbols: Sequence[str], of: int) -> None:
    if symbols:
        _LOGGER.warning(
            "Interactive Brokers: %d of %d symbols have no bid and ask, and no row: %s",
            len(symbols),
            of,
            ", ".join(symbols[:_NAMED_IN_LOG]) + (" ..." if len(symbols) > _NAMED_IN_LOG else ""),
        )
