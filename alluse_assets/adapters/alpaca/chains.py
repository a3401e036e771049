"""Option chains from Alpaca, now and in the past, no wider than the scope that is asked for.

Alpaca keeps no past quotes of options: the past is what traded, ``option_bars``. Contracts are listed by
the trading interface, once a day and underlying; with them comes the open interest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta

import polars as pl

from alluse_assets.adapters.alpaca.option_rows import chain_quotes, listed_contracts, option_bar_rows
from alluse_assets.adapters.alpaca.rest import AlpacaRest
from alluse_assets.adapters.alpaca.share_rows import daily_bars, spot_prices
from alluse_assets.base.calendar import NEW_YORK, new_york_instant
from alluse_assets.market_data.source import ChainScope
from alluse_assets.option_chains.chain_scope import select_contracts
from alluse_assets.option_chains.tables import OPTION_BARS, OPTION_QUOTES

_log = logging.getLogger("alluse.sources.alpaca")


class AlpacaChains:
    """Chains over ``rest``; it remembers the day's listings, for as long as the day lasts."""

    def __init__(self, rest: AlpacaRest, clock: Callable[[], datetime]) -> None:
        self._rest = rest
        self._clock = clock
        self._listings: dict[tuple[str, date], pl.DataFrame] = {}

    def snapshot(self, underlyings: Sequence[str], scope: ChainScope | None, source: str) -> pl.DataFrame:
        """Rows of table option_quotes at one instant: the one after everything was read.

        The scope is cut around a price asked for at first; the rows carry the one asked for at last, which
        is that of their instant. An underlying without a price has no rows: strikes around nothing.
        """
        spots = spot_prices(self._rest.stock_snapshots(underlyings))
        _tell_absent("price", underlyings, spots)
        chosen: list[pl.DataFrame] = []
        snapshots: dict[str, object] = {}
        today = self._clock().astimezone(NEW_YORK).date()
        for underlying, spot in spots.items():
            listing = self._alive(underlying, today)
            contracts = listing if scope is None else select_contracts(listing, spot, today, scope)
            if contracts.is_empty():
                _log.warning("Alpaca lists no contracts of %s that are asked for", underlying)
                continue
            chosen.append(contracts)
            for part in _ranges(contracts, today, scope):
                snapshots |= self._rest.option_chain(underlying, *part)
        if not chosen:
            return OPTION_QUOTES.empty()
        spots |= spot_prices(self._rest.stock_snapshots(list(spots)))
        contracts = pl.concat(chosen)
        rows = chain_quotes(snapshots, contracts, spots, self._clock(), source)
        if rows.height < contracts.height:
            _log.info(
                "Alpaca has no quote of %d of %d contracts", contracts.height - rows.height, contracts.height
            )
        return rows

    def past_bars(
        self, underlyings: Sequence[str], sessions: Sequence[date], scope: ChainScope | None, source: str
    ) -> pl.DataFrame:
        """Rows of table option_bars of ``sessions``, ascending.

        The scope is cut for each session around its close, from all contracts that were ever listed: which
        of them were not yet listed then, Alpaca does not say.
        """
        if not sessions:
            return OPTION_BARS.empty()
        today = self._clock().astimezone(NEW_YORK).date()
        first, last = sessions[0], sessions[-1]
        # A daily bar begins at midnight, so that is where the last one is found.
        start, end = new_york_instant(first, time()), new_york_instant(last, time())
        closes = self._closes(underlyings, start, end) if scope and scope.strikes_each_side else {}
        parts = [OPTION_BARS.empty()]
        for underlying in underlyings:
            listing = self._ever_listed(underlying, first, today)
            if listing.is_empty():
                _log.warning("Alpaca lists no contracts of %s that expire on %s or later", underlying, first)
                continue
            wanted = pl.concat(list(_by_session(listing, underlying, sessions, closes, scope)))
            symbols = wanted["contract_symbol"].unique(maintain_order=True).to_list()
            answer = self._rest.option_bars(symbols, start, end)
            rows = option_bar_rows(answer, listing, source)
            parts.append(rows.join(wanted, on=["ts", "contract_symbol"], how="semi", maintain_order="left"))
        return pl.concat(parts).sort(OPTION_BARS.key)

    def _alive(self, underlying: str, today: date) -> pl.DataFrame:
        """The contracts that trade on ``today``, asked for once a day."""
        if (underlying, today) not in self._listings:
            rows = self._rest.option_contracts(underlying, today, is_expired=False)
            self._listings = {key: kept for key, kept in self._listings.items() if key[1] == today}
            self._listings[underlying, today] = listed_contracts(underlying, rows)
        return self._listings[underlying, today]

    def _ever_listed(self, underlying: str, first_expiry: date, today: date) -> pl.DataFrame:
        rows = self._rest.option_contracts(underlying, first_expiry, is_expired=False)
        if first_expiry < today:
            rows += self._rest.option_contracts(underlying, first_expiry, is_expired=True)
        return listed_contracts(underlying, rows)

    def _closes(
        self, underlyings: Sequence[str], start: datetime, end: datetime
    ) -> dict[tuple[str, date], float]:
        bars = daily_bars(self._rest.stock_bars(underlyings, "day", start, end), "")
        return {(symbol, ts): close for symbol, ts, close in bars.select("symbol", "ts", "close").iter_rows()}


def _by_session(
    listing: pl.DataFrame,
    underlying: str,
    sessions: Sequence[date],
    closes: Mapping[tuple[str, date], float],
    scope: ChainScope | None,
) -> Iterator[pl.DataFrame]:
    """The contracts wanted of each session, as ts and contract_symbol."""
    for session in sessions:
        alive = listing.filter(pl.col("expiry") >= session)
        if scope is not None and scope.strikes_each_side is not None:
            close = closes.get((underlying, session))
            if close is None:
                _log.warning("%s has no close on %s: no options of it are asked for", underlying, session)
                alive = alive.clear()
            else:
                alive = select_contracts(alive, close, session, scope)
        elif scope is not None:
            alive = select_contracts(alive, 0.0, session, scope)
        yield alive.select(ts=pl.lit(session), contract_symbol="contract_symbol")


Range = tuple[tuple[date, date] | None, tuple[float, float] | None]


def _ranges(contracts: pl.DataFrame, session: date, scope: ChainScope | None) -> Iterator[Range]:
    """Ranges of expiries and strikes that together have all contracts, few and narrow: calls are rationed."""
    if scope is None:
        yield None, None
        return
    last_near = session + timedelta(days=scope.near_days)
    near = contracts.filter(pl.col("expiry") <= last_near)
    far = contracts.filter(pl.col("expiry") > last_near).partition_by("expiry")
    for part in [near, *far]:
        if not part.is_empty():
            expiries, strikes = part["expiry"].sort(), part["strike"].sort()
            yield (expiries[0], expiries[-1]), (strikes[0], strikes[-1])


def _tell_absent(what: str, symbols: Sequence[str], found: Mapping[str, object]) -> None:
    absent = [symbol for symbol in symbols if symbol not in found]
    if absent:
        _log.warning("Alpaca has no %s of %s: unknown there, or nothing traded", what, ", ".join(absent[:10]))
