"""What one step of a session sees of the market: everything a decision may use, and nothing later."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from alluse_assets.base.calendar import TradingWeek, expiry_instant
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.strategies.candidates import Earnings, Screened
from alluse_assets.weeks.market_mode import ModeReading


@dataclass(frozen=True, slots=True)
class SessionMarket:
    """The market of one step of a session, at the time its quotes have.

    ``now`` is the quotes' time (the close where there are none). ``closes`` are the prices of shares and
    indices at the close, known only then; ``prices`` those at ``now``, which are the same for quotes of the
    close. USD per share. ``quotes`` are the options' by contract symbol.
    """

    session: date
    week: TradingWeek
    opens_at: datetime
    closes_at: datetime
    now: datetime
    closes: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]
    quotes: Mapping[str, Quote]
    screened: Mapping[tuple[str, str, str], Screened]
    """By (kind, right, symbol)."""
    rate_annual: float
    dividend_yields: Mapping[str, float] = field(default_factory=dict)
    dividends: Mapping[str, Decimal] = field(default_factory=dict)
    """Cash dividends with this session as ex-date, USD per share."""
    splits: Mapping[str, Decimal] = field(default_factory=dict)
    """New shares for one old one, of symbols that split with this session."""
    ex_dividends: Mapping[str, tuple[date, Decimal]] = field(default_factory=dict)
    """The next ex-date of a cash dividend that is near, and USD per share, as announced."""
    opens: Mapping[str, Decimal] = field(default_factory=dict)
    """Prices at the open, USD per share."""
    atr: Mapping[str, Decimal] = field(default_factory=dict)
    """ATR of the session before, in this session's shares, USD per share."""
    vix_at_open: VixReading | None = None
    vix: VixReading | None = None
    """The volatility index as last known at the open, and at the quotes' time."""
    chain: pl.DataFrame = field(default_factory=OPTION_CHAINS.empty)
    """The session's rows of option_chains, what a roll is chosen from; columns that the screen reads."""
    earnings: Earnings = field(default_factory=dict)
    earlier_quotes: Mapping[str, Quote] = field(default_factory=dict)
    """Of the session's looks before this one, the latest by contract: for marks, not for trading."""
    not_looked_at: frozenset[str] = frozenset()
    """Underlyings that other looks of the session quote and this one does not: nothing is decided on them."""
    entries_open: bool = True
    """Whether entry windows are open at the quotes' time; a replay moves them to that time."""
    surfaces: pl.DataFrame = field(default_factory=SURFACES.empty)
    """Rows of table surfaces of the session's quotes: what marks an option that nobody quotes."""
    guess: ModeReading | None = None
    """Of this week; on its first session."""
    confirmation: ModeReading | None = None
    """Of this week; on its last session."""

    @property
    def options_end_at(self) -> datetime:
        """When options that expire in this session stop trading: 16:00 New York, or an early close."""
        return min(expiry_instant(self.session), self.closes_at)

    @property
    def last_quotes(self) -> Mapping[str, Quote]:
        """The session's latest quotes by contract, of this look or an earlier one."""
        return ChainMap(self.quotes, self.earlier_quotes)  # type: ignore[arg-type]
