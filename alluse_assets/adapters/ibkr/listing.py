"""Which contracts of an underlying are listed, and which of them a scope asks for.

An expiry is one request, whatever the number of its contracts, and is remembered for the session.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.ibkr.contracts import (
    ListedOption,
    expiry_date,
    is_standard_class,
    listed_options,
    options_of_expiry,
)
from alluse_assets.adapters.ibkr.session import GatewaySession, together
from alluse_assets.market_data.source import ChainScope
from alluse_assets.option_chains.chain_scope import select_contracts, select_expiries

if TYPE_CHECKING:
    from ib_async import Contract

_LOGGER = logging.getLogger("alluse.ibkr")
Listings = dict[tuple[str, str, str], list[ListedOption]]
"""Contracts by underlying, trading class and the gateway's text of the expiry."""


@dataclass(slots=True)
class ListingMemory:
    """Contracts by underlying, class and expiry, asked for once a session: they do not change within it."""

    session: date | None = None
    listed: Listings = field(default_factory=dict)

    def of(self, session: date) -> Listings:
        """What is remembered of ``session``; another session's is forgotten."""
        if session != self.session:
            self.session, self.listed = session, {}
        return self.listed


async def listed_in_scope(
    session: GatewaySession,
    underlying: str,
    contract: Contract,
    scope: ChainScope | None,
    day: date,
    listings: Listings,
) -> list[ListedOption]:
    """The standard contracts of the expiries in ``scope``; others are counted in the log."""
    chains = await session.ask(
        f"option expiries of {underlying}",
        lambda: session.ib.reqSecDefOptParamsAsync(contract.symbol, "", contract.secType, contract.conId),
        session.settings.timeout_seconds,
    )
    standard = {
        (chain.tradingClass, expiry)
        for chain in chains
        if is_standard_class(underlying, chain.tradingClass, str(chain.multiplier))
        for expiry in chain.expirations
    }
    if scope is not None:
        days = set(select_expiries((expiry_date(expiry) for _, expiry in standard), day, scope))
        standard = {(name, expiry) for name, expiry in standard if expiry_date(expiry) in days}
    # An expiry for which nothing was listed is asked for again: nothing is no listing to remember.
    unknown = sorted(pair for pair in standard if not listings.get((underlying, *pair)))

    async def ask(trading_class: str, expiry: str) -> int:
        details = await session.details(
            options_of_expiry(underlying, trading_class, expiry), f"{underlying} options of {expiry}"
        )
        listings[underlying, trading_class, expiry], skipped = listed_options(details)
        return skipped

    skipped = sum(await together(ask(*pair) for pair in unknown))
    others = {
        f"{chain.tradingClass} of {chain.multiplier}"
        for chain in chains
        if not is_standard_class(underlying, chain.tradingClass, str(chain.multiplier))
    }
    if skipped or others:
        _LOGGER.info(
            "Interactive Brokers: %s: %d adjusted or unreadable contracts skipped, and classes %s",
            underlying,
            skipped,
            ", ".join(sorted(others)) or "none",
        )
    return [option for pair in sorted(standard) for option in listings[underlying, *pair]]


def contracts_in_scope(
    listed: list[ListedOption], spot: float, day: date, scope: ChainScope | None
) -> list[ListedOption]:
    """Those of ``listed`` that ``scope`` asks for at this price of the underlying; None: all of them."""
    if scope is None or not listed:
        return listed
    frame = pl.DataFrame(
        {
            "row": range(len(listed)),
            "expiry": [option.named.expiry for option in listed],
            "strike": [float(option.named.strike) for option in listed],
        }
    )
    return [listed[row] for row in select_contracts(frame, spot, day, scope)["row"]]
