"""Asks for what each session of a book may see, and nothing later.

Everything is anchored at the book's first session, so that a replay that was stopped and started again
sees exactly what an undisturbed one does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import TradingCalendar, TradingWeek
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.money import price
from alluse_assets.market_data.atr_series import AtrSeries, atr_series
from alluse_assets.market_data.indicators import atr
from alluse_assets.market_data.quote import Quote
from alluse_assets.market_data.tables import CORPORATE_ACTIONS, EARNINGS_DATES, RATES
from alluse_assets.option_chains.snapshots import entry_snapshots, sessions_of_many_looks
from alluse_assets.option_chains.surface.tables import SURFACES
from alluse_assets.orchestration.market_queries import MarketQueries
from alluse_assets.protection.circuit_breakers import VixReading
from alluse_assets.strategies.candidates import CANDIDATES, Earnings, Screened
from alluse_assets.strategies.entry import screened_by_session
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.weeks.market_mode import ModeReading, ModeSeries, confirm, guess

QUOTE_COLUMNS = [
    "underlying",
    "underlying_price",
    "session",
    "quote_ts",
    "contract_symbol",
    "expiry",
    "right",
    "strike",
    "dte_days",
    "delta",
    "bid",
    "ask",
    "volume",
    "open_interest",
    "iv_annual",
]


class SessionQuotes(Mapping[str, Quote]):
    """The quotes of one session by contract, made when asked for: few of thousands are."""

    def __init__(self, chain: pl.DataFrame | None) -> None:
        """``chain``: one session's rows of option_chains, sorted by contract."""
        self._chain = chain
        self._symbols: list[str] = chain["contract_symbol"].to_list() if chain is not None else []
        self._made: dict[str, Quote] = {}

    def __getitem__(self, contract: str) -> Quote:
        """The quote, or KeyError."""
        if contract not in self._made:
            self._made[contract] = self._make(contract)
        return self._made[contract]

    def __iter__(self) -> Iterator[str]:
        """Contracts, sorted."""
        return iter(self._symbols)

    def __len__(self) -> int:
        """How many contracts are quoted."""
        return len(self._symbols)

    def _make(self, contract: str) -> Quote:
        place = bisect_left(self._symbols, contract)
        if self._chain is None or place >= len(self._symbols) or self._symbols[place] != contract:
            raise KeyError(contract)
        row = self._chain.row(place, named=True)
        iv = row["iv_annual"]
        return Quote(
            contract,
            row["quote_ts"],
            price(row["bid"]),
            price(row["ask"]),
            row["volume"],
            row["open_interest"],
            None if iv is None else Decimal(f"{iv:.6f}"),
            price(row["underlying_price"]),
        )


@dataclass(frozen=True)
class MarketFeed:
    """The market of one book: ``first_session`` is the book's, whatever part of it is read."""

    lake: Lake
    config: ProtocolConfig
    calendar: TradingCalendar
    book: str
    first_session: date
    last_session: date

    @property
    def source(self) -> str:
        """The lake's name of the market."""
        return self.config.market.source

    @property
    def _queries(self) -> MarketQueries:
        return MarketQueries(self.lake, self.source, self.calendar)

    @cached_property
    def _mode_series(self) -> ModeSeries:
        symbol = self.config.market.mode_symbol
        start = self.calendar.previous_session(self.first_session, self.config.market.warm_up_sessions)
        bars = self._queries.bars(start, self.last_session, [symbol]).rows
        if bars.is_empty():
            raise MissingDataError(
                f"no bars of {symbol}, the market-mode symbol, from {start} to {self.last_session} "
                f"in the lake (source {self.source}): ingest them, or name another market.mode_symbol"
            )
        bars = bars.sort("ts")
        values = atr(
            bars["high"].to_numpy(),
            bars["low"].to_numpy(),
            bars["close"].to_numpy(),
            self.config.market_mode.atr_window,
        )
        days = bars["ts"].to_list()
        known = {day: round(float(v), 6) for day, v in zip(days, values, strict=True) if v == v}
        return ModeSeries(dict(zip(days, bars["close"].to_list(), strict=True)), known)

    @cached_property
    def earnings(self) -> Earnings:
        """Known earnings dates of the market, by symbol."""
        rows = self.lake.read(EARNINGS_DATES, self.source, columns=["symbol", "report_date"])
        found: dict[str, set[date]] = {}
        for symbol, day in rows.iter_rows():
            found.setdefault(symbol, set()).add(day)
        return {symbol: frozenset(days) for symbol, days in found.items()}

    @cached_property
    def _atr_series(self) -> dict[str, AtrSeries]:
        start = self.calendar.previous_session(self.first_session, self.config.market.warm_up_sessions)
        bars = self._queries.bars(start, self.last_session, self.config.underlyings).rows.sort("ts")
        _, splits = self.actions(start, self.last_session)
        window = self.config.market_mode.atr_window
        return {
            symbol: atr_series(
                rows, {day: float(by[symbol]) for day, by in splits.items() if symbol in by}, window
            )
            for (symbol,), rows in bars.partition_by("symbol", as_dict=True).items()
        }

    @cached_property
    def _vix_series(self) -> tuple[list[date], list[Decimal]]:
        """Sessions and closes of the volatility index; none where the market has none."""
        start = self.calendar.previous_session(self.first_session, self.config.market.warm_up_sessions)
        rows = self._queries.bars(start, self.last_session, [self.config.market.vix_symbol]).rows.sort("ts")
        return rows["ts"].to_list(), [price(close) for close in rows["close"]]

    def atr_before(self, session: date) -> dict[str, Decimal]:
        """ATR of the session before by symbol, in this session's shares, USD per share."""
        found = {symbol: series.before(session) for symbol, series in self._atr_series.items()}
        return {symbol: value for symbol, value in found.items() if value is not None}

    def vix(self, session: date, includes_session: bool) -> VixReading | None:
        """The volatility index's latest close before a session, or up to it."""
        days, closes = self._vix_series
        place = (bisect_right if includes_session else bisect_left)(days, session)
        return VixReading(closes[place - 1], days[place - 1]) if place else None

    def guess_for(self, week: TradingWeek) -> ModeReading:
        """The guess for ``week`` from the weeks before it."""
        count = self.config.market_mode.guess_weeks
        start = week.monday - timedelta(days=7 * count + 21)
        trailing = self.calendar.weeks(start, week.monday - timedelta(days=1))[-count:]
        before = self.calendar.previous_session(trailing[0].first)
        return guess(week, trailing, before, self._mode_series, self.config.market_mode)

    def confirmation_of(self, week: TradingWeek) -> ModeReading:
        """The mode that ``week`` had."""
        before = self.calendar.previous_session(week.first)
        return confirm(week, before, self._mode_series, self.config.market_mode)

    def sessions(self, sessions: Sequence[date]) -> Iterator[Sequence[SessionMarket]]:
        """The looks at each of ``sessions``, in order, read month by month.

        Every instant that quotes have is a look of its own; without quotes there is one at the close.

        Raises:
            MissingDataError: bars, rates or candidates that are needed are not in the lake.
        """
        for month in _by_month(sessions):
            yield from self._month(month)

    def _month(self, sessions: Sequence[date]) -> Iterator[Sequence[SessionMarket]]:
        first, last = sessions[0], sessions[-1]
        bars = self._queries.bars(first, last).rows
        if bars.is_empty():
            raise MissingDataError(f"no bars from {first} to {last} in the lake (source {self.source})")
        chains = self._queries.chains(first, last, columns=QUOTE_COLUMNS).rows.sort(
            "session", "contract_symbol", "quote_ts"
        )
        many = sessions_of_many_looks(chains)
        by_session = {key[0]: frame for key, frame in chains.partition_by("session", as_dict=True).items()}
        seen_on = seen_at_quotes(chains)
        surfaces = self._queries.rows(SURFACES, first, last).rows
        surfaces_of = {key[0]: rows for key, rows in surfaces.partition_by("session", as_dict=True).items()}
        candidates = self.lake.read(CANDIDATES, f"book={self.book}", first, last)
        screened = screened_by_session(candidates)
        closes: dict[date, dict[str, Decimal]] = {}
        opens: dict[date, dict[str, Decimal]] = {}
        for ts, symbol, first_price, close in bars.select("ts", "symbol", "open", "close").iter_rows():
            closes.setdefault(ts, {})[symbol] = price(close)
            opens.setdefault(ts, {})[symbol] = price(first_price)
        ahead = self.calendar.next_session(last, self.config.rolls.dividend_risk_sessions)
        dividends, splits = self.actions(first, ahead)
        rates = self._rates(last)
        for session in sessions:
            if session not in closes:
                raise MissingDataError(f"no bars on {session} in the lake (source {self.source})")
            chain = by_session.get(session)
            week = self.calendar.week_of(session)
            closes_at = self.calendar.close_time(session)
            whole = SessionMarket(
                session=session,
                week=week,
                opens_at=self.calendar.open_time(session),
                closes_at=closes_at,
                now=closes_at,
                closes=closes[session],
                prices={},
                quotes=SessionQuotes(None),
                screened={},
                surfaces=surfaces_of.get(session, surfaces.clear()),
                rate_annual=_rate_on(rates, session, self.config),
                dividend_yields=self.config.market.dividend_yields,
                dividends=dividends.get(session, {}),
                splits=splits.get(session, {}),
                ex_dividends=self.ex_dividends(session, dividends),
                opens=opens[session],
                atr=self.atr_before(session),
                vix_at_open=self.vix(session, includes_session=False),
                chain=chains.clear(),
                earnings=self.earnings,
                guess=self.guess_for(week) if session == max(week.first, self.first_session) else None,
                confirmation=self.confirmation_of(week) if session == week.last else None,
            )
            seen, candidates_now = seen_on.get(session, {}), screened.get(session, {})
            if chain is None or session not in many:
                yield [self._look(whole, chain, seen, whole.opens, candidates_now)]
            else:
                yield self._looks(whole, chain, whole.opens, candidates_now)

    def _looks(
        self,
        whole: SessionMarket,
        chain: pl.DataFrame,
        known: Mapping[str, Decimal],
        screened: Mapping[tuple[str, str, str], Screened],
    ) -> list[SessionMarket]:
        """A look for each instant of ``chain``. ``known``: at the open; ``screened``: at the entries."""
        begins, ends = self.calendar.entry_window(whole.session, *self.config.entry.window)
        entered = entry_snapshots(chain, {whole.session: (begins, ends)})
        entry_at = dict(entered.select("underlying", "quote_ts").unique().iter_rows())
        looks = []
        for (at,), rows in chain.partition_by("quote_ts", as_dict=True).items():
            assert isinstance(at, datetime)
            looks.append((at, rows))
        found, so_far = [], chain.clear()
        underlyings = set(chain["underlying"])
        for at, rows in sorted(looks, key=lambda look: look[0]):
            mine = {key: one for key, one in screened.items() if entry_at.get(key[2]) == at}
            look = self._look(whole, rows, seen_at_quotes(rows)[whole.session], known, mine)
            found.append(
                replace(
                    look,
                    earlier_quotes=SessionQuotes(so_far),
                    not_looked_at=frozenset(underlyings - set(rows["underlying"])),
                    entries_open=begins <= at <= ends or at in set(entry_at.values()),
                )
            )
            known = look.prices
            so_far = pl.concat([so_far, rows]).unique("contract_symbol", keep="last").sort("contract_symbol")
        return found

    def _look(
        self,
        whole: SessionMarket,
        chain: pl.DataFrame | None,
        seen: Mapping[str, tuple[datetime, Decimal]],
        known: Mapping[str, Decimal],
        screened: Mapping[tuple[str, str, str], Screened],
    ) -> SessionMarket:
        """One look, at the instant of its quotes; without any at the close."""
        now = max((at for at, _ in seen.values()), default=whole.closes_at)
        has_closed = now >= whole.closes_at
        prices = dict(whole.closes if has_closed else known)
        for symbol, (_, spot) in seen.items():
            # Quotes of the close are of the close's price; without a bar what they bring is all there is.
            prices[symbol] = whole.closes.get(symbol, spot) if has_closed else spot
        return replace(
            whole,
            now=now,
            prices=prices,
            quotes=SessionQuotes(chain),
            screened=screened,
            vix=self.vix(whole.session, includes_session=has_closed),
            chain=whole.chain if chain is None else chain,
        )

    def actions(
        self, first: date, last: date
    ) -> tuple[dict[date, dict[str, Decimal]], dict[date, dict[str, Decimal]]]:
        """Dividends (USD per share) and splits (new shares for an old one) by ex-date and symbol."""
        actions = self._queries.rows(CORPORATE_ACTIONS, first, last).rows
        dividends: dict[date, dict[str, Decimal]] = {}
        splits: dict[date, dict[str, Decimal]] = {}
        for row in actions.iter_rows(named=True):
            day, symbol = row["ex_date"], row["symbol"]
            if row["kind"] == "split":
                splits.setdefault(day, {})[symbol] = Decimal(str(row["ratio"]))
            else:
                dividends.setdefault(day, {})[symbol] = price(row["amount"])
        return dividends, splits

    def ex_dividends(
        self, session: date, dividends: Mapping[date, Mapping[str, Decimal]]
    ) -> dict[str, tuple[date, Decimal]]:
        """The next ex-date by symbol, as far ahead as dividend risk is judged."""
        found: dict[str, tuple[date, Decimal]] = {}
        for ahead in range(self.config.rolls.dividend_risk_sessions, 0, -1):
            day = self.calendar.next_session(session, ahead)
            found |= {symbol: (day, amount) for symbol, amount in dividends.get(day, {}).items()}
        return found

    def rate_on(self, session: date) -> float:
        """The interest rate that holds on a session, per year."""
        return _rate_on(self._rates(session), session, self.config)

    def _rates(self, last: date) -> list[tuple[date, float]]:
        if self.config.market.flat_rate_annual is not None:
            return []
        rates = self._queries.rows(RATES, None, last).rows.sort("ts", "tenor_days")
        return list(rates.group_by("ts", maintain_order=True).first().select("ts", "rate_annual").iter_rows())


def _by_month(sessions: Sequence[date]) -> Iterator[list[date]]:
    month: list[date] = []
    for session in sessions:
        if month and (month[-1].year, month[-1].month) != (session.year, session.month):
            yield month
            month = []
        month.append(session)
    if month:
        yield month


def seen_at_quotes(chains: pl.DataFrame) -> dict[date, dict[str, tuple[datetime, Decimal]]]:
    """By session and underlying: the time of its latest quotes and its price then."""
    last = (
        chains.lazy()
        .sort("session", "quote_ts", "contract_symbol")
        .group_by("session", "underlying", maintain_order=True)
        .agg(pl.col("quote_ts", "underlying_price").last())
        .sort("session", "underlying")
        .collect()
    )
    found: dict[date, dict[str, tuple[datetime, Decimal]]] = {}
    for session, symbol, at, spot in last.iter_rows():
        found.setdefault(session, {})[symbol] = (at, price(spot))
    return found


def _rate_on(rates: Sequence[tuple[date, float]], session: date, config: ProtocolConfig) -> float:
    if config.market.flat_rate_annual is not None:
        return config.market.flat_rate_annual
    place = bisect_right(rates, session, key=lambda row: row[0])
    if not place:
        raise MissingDataError(
            f"no interest rate on or before {session} in the lake: set market.flat_rate_annual, or use a "
            "source that has rates"
        )
    return round(rates[place - 1][1], 8)
