"""Which market data lines a stream takes: contracts looked up by our names, underlyings beside options.

What is done with their quotes is in ``stream``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alluse_assets.adapters.ibkr.contracts import (
    ListedOption,
    listed_options,
    option_contract,
    underlying_contract,
)
from alluse_assets.adapters.ibkr.session import GatewaySession, UnknownContractError, together
from alluse_assets.base.errors import DataError, SourceError
from alluse_assets.market_data.source import DataKind

if TYPE_CHECKING:
    from ib_async import Contract

_LOGGER = logging.getLogger("alluse.ibkr")
# Open interest of an option; it comes to subscriptions only, never to snapshots.
_OPEN_INTEREST_TICKS = "101"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One market data line. ``symbol``: a share whose quotes are wanted; an underlying alone has none."""

    contract: Contract
    generic_ticks: str = ""
    symbol: str | None = None
    option: ListedOption | None = None
    underlying_id: int = 0


async def lines_of(
    session: GatewaySession, kinds: Mapping[DataKind, Sequence[str]]
) -> dict[int, Subscription]:
    """Lines by contract id, underlyings first, so that their prices are known when options' quotes come.

    Raises:
        SourceError: nothing is known by its name, an option is not named by its OCC symbol, or the login
            has too few lines.
    """
    options = await together(_option(session, name) for name in kinds.get("option_quotes", ()))
    known = [option for option in options if option is not None]
    quoted = set(kinds.get("share_quotes", ()))
    symbols = sorted(quoted | {option.underlying for option in known})
    shares = await together(_share(session, symbol) for symbol in symbols)
    contracts = {symbol: c for symbol, c in zip(symbols, shares, strict=True) if c is not None}
    wanted = {
        contract.conId: Subscription(contract, symbol=symbol if symbol in quoted else None)
        for symbol, contract in contracts.items()
    }
    for option in known:
        if option.underlying in contracts:
            wanted[option.contract.conId] = Subscription(
                option.contract,
                _OPEN_INTEREST_TICKS,
                option=option,
                underlying_id=contracts[option.underlying].conId,
            )
    if not wanted:
        raise SourceError("Interactive Brokers knows none of the symbols that are to be streamed")
    if len(wanted) > session.settings.lines:
        raise SourceError(
            f"Interactive Brokers: the stream takes {len(wanted)} market data lines, underlyings included, "
            f"and ALLUSE_IBKR_LINES is {session.settings.lines}: stream fewer contracts, or buy more lines"
        )
    return wanted


async def _option(session: GatewaySession, name: str) -> ListedOption | None:
    try:
        contract = option_contract(name)
    except DataError as error:
        raise SourceError(f"Interactive Brokers: option quotes are streamed by contract: {error}") from error
    listed, _ = listed_options(await session.details(contract, name))
    if len(listed) != 1:
        _LOGGER.warning("Interactive Brokers lists no standard contract %s; the stream is without it", name)
        return None
    return listed[0]


async def _share(session: GatewaySession, symbol: str) -> Contract | None:
    try:
        return await session.qualify(underlying_contract(symbol), symbol)
    except UnknownContractError as error:
        _LOGGER.warning("%s; the stream is without it", error)
        return None
