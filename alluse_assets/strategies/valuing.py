"""What a book holds, valued at a step: prices, marks, NAV (protocol, section 1).

A share without a price, as when trading is halted, keeps its last one for some sessions: the rest of the book
goes on. Nothing is decided on such a price, and the close tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.accounts.deployable import valuation
from alluse_assets.base.calendar import TradingCalendar, expiry_instant
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.money import price
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.last_prices import LastPrice
from alluse_assets.option_chains.marks import Mark, mark, on_surface
from alluse_assets.strategies.market import SessionMarket


@dataclass(frozen=True, slots=True)
class Values:
    """A book at one instant.

    ``spots``: USD per share, of everything held. ``stale``: those of them that are older. ``marks``: of every
    open option. ``accounts``: cash, receivables, what is held and NAV by account, as ``valuation`` says.
    """

    spots: Mapping[str, Decimal]
    stale: Mapping[str, LastPrice]
    marks: Mapping[str, Mark]
    accounts: Mapping[str, Mapping[str, Decimal]]

    @property
    def navs(self) -> dict[str, Decimal]:
        """NAV by account, USD."""
        return {name: values["nav"] for name, values in self.accounts.items()}


def values_of(
    state: BookState,
    market: SessionMarket,
    known: Mapping[str, Decimal],
    calendar: TradingCalendar,
    config: ProtocolConfig,
) -> Values:
    """The book at a step.

    Args:
        state: the book.
        market: the step's market; options are marked at the session's latest quotes.
        known: prices to value at, of the step or of the close, USD per share.
        calendar: how old a price is counts in its sessions.
        config: the configuration in force.

    Raises:
        MissingDataError: something held has had no price for too long.
    """
    stale = last_prices(state, market, known, calendar, config.market.max_stale_price_sessions)
    spots = {**known, **{symbol: last.price for symbol, last in stale.items()}}
    marks = _marks(state, market, spots, config)
    prices = {contract: found.price for contract, found in marks.items()}
    accounts = {
        name: valuation(account, spots, prices, config.multiplier)
        for name, account in sorted(state.accounts.items())
    }
    return Values(spots, stale, marks, accounts)


def last_prices(
    state: BookState,
    market: SessionMarket,
    known: Mapping[str, Decimal],
    calendar: TradingCalendar,
    max_sessions: int,
) -> dict[str, LastPrice]:
    """The last price of everything held that has none among ``known``, in the shares of this session.

    Raises:
        MissingDataError: there is none, or it is more than ``max_sessions`` old.
    """
    found: dict[str, LastPrice] = {}
    for name, account in sorted(state.accounts.items()):
        held = set(account.shares) | {option.underlying for option in account.options.values()}
        for symbol in sorted(held - set(known) - set(found)):
            last = state.last_prices.get(symbol)
            if symbol in market.prices:
                found[symbol] = LastPrice(market.prices[symbol], market.session)
                continue
            age = len(calendar.sessions(last.session, market.session)) - 1 if last else None
            if last is None or age is None or age > max_sessions:
                since = f"for {age} sessions" if age is not None else "yet"
                raise MissingDataError(
                    f"account {name} holds {symbol}, and on {market.session} it has had no price {since}: "
                    "ingest its bars; while its trading is halted, market.max_stale_price_sessions says how "
                    "long its last price may stand"
                )
            ratio = market.splits.get(symbol)
            found[symbol] = LastPrice(price(last.price / ratio), last.session) if ratio else last
    return found


def _marks(
    state: BookState, market: SessionMarket, spots: Mapping[str, Decimal], config: ProtocolConfig
) -> dict[str, Mark]:
    marks: dict[str, Mark] = {}
    quotes, at = market.last_quotes, market.now
    for account in state.accounts.values():
        for symbol, option in account.options.items():
            if symbol in marks:
                continue
            quote, surface = quotes.get(symbol), None
            quoted = quote is not None and quote.is_two_sided
            # What has ended is worth its intrinsic value, and a look at the surface is dear.
            if not quoted and at < expiry_instant(option.contract.expiry):
                surface = on_surface(option.contract, option.underlying, market.surfaces, at)
            marks[symbol] = mark(
                option.contract,
                quote,
                surface,
                option.last_iv,
                spots[option.underlying],
                at,
                market.rate_annual,
                market.dividend_yields.get(option.underlying, 0.0),
                option.underlying in config.market.index_options,
            )
    return marks
