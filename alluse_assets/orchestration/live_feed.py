"""What a live book sees at an instant: the same as a replay sees of a step, from the lake and the hot store.

Nothing is seen that had not happened by then, so that walking a step late, or again, sees the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.money import price
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INTRADAY_BARS, SHARE_QUOTES
from alluse_assets.option_chains.snapshots import last_snapshots
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.orchestration.market_feed import QUOTE_COLUMNS, MarketFeed, SessionQuotes, seen_at_quotes
from alluse_assets.orchestration.market_queries import MarketQueries
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.strategies.candidates import CANDIDATES, Screened
from alluse_assets.strategies.entry import screen, screened_by_session
from alluse_assets.strategies.entry_calendar import entry_calendar
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.steps import Step, StepKind

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale.hot_store import HotStore

Seen = Mapping[str, tuple[datetime, Decimal]]
"""By symbol: when a price was seen, and the price, USD per share."""


@dataclass(frozen=True)
class LiveFeed:
    """The market of one book, step by step."""

    lake: Lake
    hot: HotStore
    config: ProtocolConfig
    calendar: TradingCalendar
    book: str
    first_session: date

    @property
    def _queries(self) -> MarketQueries:
        return MarketQueries(self.lake, self.config.market.source, self.calendar, self.hot)

    def market(self, step: Step, mode_guess: str | None) -> SessionMarket:
        """What the book sees at ``step``.

        Args:
            step: which.
            mode_guess: the week's guess, which moves the put band; None before it is made.

        Raises:
            MissingDataError: bars that the step needs are not in the lake.
        """
        session, before = step.session, self.calendar.previous_session(step.session)
        week, closing = self.calendar.week_of(session), step.kind is StepKind.CLOSE
        guesses = step.kind is StepKind.OPEN and session == max(week.first, self.first_session)
        opens_at, closes_at = self.calendar.open_time(session), self.calendar.close_time(session)
        past = MarketFeed(
            self.lake,
            self.config,
            self.calendar,
            self.book,
            self.first_session,
            session if closing else before,
        )
        closes = self._closes(session) if closing else {}
        dividends, splits = past.actions(session, self._ahead(session))
        chain = self._chain(session, step.at)
        seen = seen_at_quotes(chain).get(session, {})
        # What nobody quotes is at its open; what has not traded today has no price yet.
        opens = self._opens(session, step.at)
        spots = {**opens, **newest_prices(seen, self._streamed(session, step.at))}
        fresh = chain.filter(pl.col("quote_ts") >= step.at - self._max_age)
        looks = step.kind is StepKind.LOOK
        return SessionMarket(
            session=session,
            week=week,
            opens_at=opens_at,
            closes_at=closes_at,
            now=step.at,
            closes=closes,
            prices=closes if closing else spots,
            quotes=SessionQuotes(fresh if looks else chain),
            screened=self._screened(step, chain, mode_guess) if looks else {},
            surfaces=self._queries.rows(SURFACES, session, session, as_of=step.at).rows,
            rate_annual=past.rate_on(session),
            dividend_yields=self.config.market.dividend_yields,
            dividends=dividends.get(session, {}),
            splits=splits.get(session, {}),
            ex_dividends=past.ex_dividends(session, dividends),
            opens=opens,
            atr=past.atr_before(session),
            vix_at_open=past.vix(session, includes_session=False),
            vix=self._vix(past, session, step.at),
            chain=fresh if looks else chain,
            earnings=past.earnings,
            entries_open=looks and self.is_in_window(session, step.at),
            guess=past.guess_for(week) if guesses else None,
            confirmation=past.confirmation_of(week) if closing and session == week.last else None,
        )

    def guarded(self, step: Step, last_opened: date | None) -> SessionMarket:
        """What a look sees that only protects, in a session that may not have been opened.

        A share that has split since ``last_opened`` has no price here: the book does not know the split yet.

        Raises:
            MissingDataError: bars that the step needs are not in the lake.
        """
        seen = self.market(step, None)
        since = self.calendar.next_session(last_opened) if last_opened else step.session
        actions = self._queries.rows(CORPORATE_ACTIONS, since, step.session).rows
        split = set(actions.filter(pl.col("kind") == "split")["symbol"])
        prices = {symbol: price for symbol, price in seen.prices.items() if symbol not in split}
        return replace(seen, prices=prices, entries_open=False)

    def unseen(self, step: Step) -> SessionMarket:
        """A step that sees nothing: no prices, no quotes, only what time it is."""
        session = step.session
        return SessionMarket(
            session=session,
            week=self.calendar.week_of(session),
            opens_at=self.calendar.open_time(session),
            closes_at=self.calendar.close_time(session),
            now=step.at,
            closes={},
            prices={},
            quotes={},
            screened={},
            rate_annual=0.0,
            # Nothing is entered without a market, and what works in its window may go on.
            entries_open=self.is_in_window(session, step.at),
        )

    def is_in_window(self, session: date, at: datetime) -> bool:
        """Whether entries are made at ``at``."""
        begins, ends = self.calendar.entry_window(session, *self.config.entry.window)
        return begins <= at <= ends

    @property
    def _max_age(self) -> timedelta:
        return timedelta(seconds=self.config.entry.quote_max_age_seconds)

    def _ahead(self, session: date) -> date:
        return self.calendar.next_session(session, self.config.rolls.dividend_risk_sessions)

    def _closes(self, session: date) -> dict[str, Decimal]:
        rows = self._queries.rows(BARS, session, session, columns=["ts", "symbol", "close"]).rows
        if rows.is_empty():
            raise MissingDataError(
                f"no bars on {session} in the lake (source {self.config.market.source}): each walk asks the "
                "source for them; if it has none, name another one in market.routes, or files that you ingest"
            )
        return {symbol: price(close) for symbol, close in rows.select("symbol", "close").iter_rows()}

    def _chain(self, session: date, at: datetime) -> pl.DataFrame:
        rows = self._queries.chains(
            session, session, self.config.underlyings, columns=QUOTE_COLUMNS, as_of=at
        ).rows
        return last_snapshots(rows).sort("contract_symbol")

    def _streamed(self, session: date, at: datetime) -> Seen:
        """The latest mid of each share that streams, and its time."""
        rows = self._queries.rows(SHARE_QUOTES, session, session, self.config.underlyings, as_of=at).rows
        last = rows.sort("quote_ts").group_by("symbol", maintain_order=True).last()
        return {
            symbol: (when, price((bid + ask) / 2))
            for symbol, when, bid, ask in last.select("symbol", "quote_ts", "bid", "ask").iter_rows()
            if bid > 0
        }

    def _opens(self, session: date, at: datetime) -> dict[str, Decimal]:
        """Prices at the open, of the shares whose first bar has begun by then: its open is known at once."""
        rows = self._queries.rows(INTRADAY_BARS, session, session, self.config.underlyings).rows
        first = (
            rows.filter(pl.col("bar_ts") <= at).sort("bar_ts").group_by("symbol", maintain_order=True).first()
        )
        return {symbol: price(value) for symbol, value in first.select("symbol", "open").iter_rows()}

    def _vix(self, past: MarketFeed, session: date, at: datetime) -> VixReading | None:
        symbol = self.config.market.vix_symbol
        rows = self._queries.rows(INTRADAY_BARS, session, session, [symbol], as_of=at).rows
        if rows.is_empty():
            return past.vix(session, includes_session=at >= self.calendar.close_time(session))
        return VixReading(price(rows.sort("bar_ts")["close"][-1]), session)

    def _screened(
        self, step: Step, chain: pl.DataFrame, mode_guess: str | None
    ) -> Mapping[tuple[str, str, str], Screened]:
        """The candidates of an entry window, kept in the lake for whoever asks why."""
        if mode_guess is None or not self.is_in_window(step.session, step.at):
            return {}
        week = self.calendar.week_of(step.session)
        calendar = entry_calendar([week], {week.id: mode_guess}, self.calendar, self.config)
        today = calendar.filter(pl.col("session") == step.session)
        found = screen(chain, today, self.config, self._earnings, pl.lit(step.at))
        # Beside those of the session's other looks: each was decided on what it saw.
        self.lake.write(CANDIDATES, f"book={self.book}", found)
        return screened_by_session(found).get(step.session, {})

    @property
    def _earnings(self) -> Mapping[str, frozenset[date]]:
        feed = MarketFeed(
            self.lake, self.config, self.calendar, self.book, self.first_session, self.first_session
        )
        return feed.earnings


def newest_prices(*seen: Seen) -> dict[str, Decimal]:
    """By symbol the price that was seen last; of one instant the later argument's."""
    newest: dict[str, tuple[datetime, Decimal]] = {}
    for source in seen:
        for symbol, one in source.items():
            if symbol not in newest or one[0] >= newest[symbol][0]:
                newest[symbol] = one
    return {symbol: found for symbol, (_, found) in newest.items()}
