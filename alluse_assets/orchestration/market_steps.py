"""The steps that prepare a market, each reading the lake, calling one core function, writing the lake.

Dagster's assets and the command call the same steps. Every step may be repeated: equal content is not
written again. Months are done whole, so that what a replay sees does not depend on where it ended.
"""

from __future__ import annotations

import logging
import os
from calendar import monthrange
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from alluse_assets.accounts.config_in_force import ConfigTimeline
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.adjustments import adjusted
from alluse_assets.market_data.cleaning import clean_bars
from alluse_assets.market_data.indicators import indicators
from alluse_assets.market_data.source import TABLE_OF, ChainScope, DataKind, MarketDataSource
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INDICATORS, RATES, RAW_BARS
from alluse_assets.option_chains.chain_rules import RULES, screen_chains
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.snapshots import entry_snapshots, sessions_of_many_looks
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, MODEL_VALUES, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES, RAW_OPTION_QUOTES
from alluse_assets.orchestration.market_feed import MarketFeed
from alluse_assets.strategies.candidates import CANDIDATES
from alluse_assets.strategies.entry import screen
from alluse_assets.strategies.entry_calendar import entry_calendar


@dataclass(frozen=True, slots=True)
class Counts:
    """What a step did: rows of its table in the range, and rows it quarantined."""

    rows: int
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class MarketSteps:
    """The steps over one market. ``source`` is None where files are ingested instead of fetched."""

    lake: Lake
    config: ProtocolConfig
    calendar: TradingCalendar
    source: MarketDataSource | None

    @property
    def market(self) -> str:
        """The lake's name of the market."""
        return self.config.market.source

    def symbols(self) -> list[str]:
        """Every symbol whose bars are kept, sorted: all that the source lists, else what is configured."""
        listed = self._listed("bars")
        if listed is not None:
            return sorted(listed)
        return sorted(
            {*self.config.underlyings, self.config.market.mode_symbol, self.config.market.vix_symbol}
        )

    def underlyings(self) -> list[str]:
        """Every symbol whose option quotes are kept, sorted.

        An index that is read for the market mode only has no chain of its own here.
        """
        listed = self._listed("option_quotes")
        if listed is None:
            return list(self.config.underlyings)
        index = set(self.config.market.index_options) - set(self.config.underlyings)
        return sorted(set(listed) - index)

    def _listed(self, kind: DataKind) -> Mapping[str, tuple[date, date]] | None:
        """The symbols that the source lists of ``kind``; None where it lists none."""
        coverage = self.source.provides().get(kind) if self.source is not None else None
        return None if coverage is None else coverage.symbols

    def collect_bars(self, start: date, end: date) -> Counts:
        """Bars, rates and corporate actions from the source into the lake's raw layer."""
        if self.source is None:
            return Counts(self.lake.read(RAW_BARS, self.market, start, end, columns=["ts"]).height)
        bars = self.source.history("bars", self.symbols(), start, end)
        self.lake.write(RAW_BARS, self.market, bars)
        others: dict[DataKind, list[str]] = {
            "rates": [],
            "corporate_actions": self.symbols(),
            "earnings_dates": list(self.config.underlyings),
        }
        for kind, symbols in others.items():
            if kind in self.source.provides():
                self.lake.write(TABLE_OF[kind], self.market, self.source.history(kind, symbols, start, end))
        return Counts(bars.height)

    def validate_bars(self, start: date, end: date) -> Counts:
        """Raw bars to clean ones; what breaks a rule goes to quarantine."""
        total = quarantined = 0
        for first, last in months_of(start, end):
            inputs = self.lake.inputs(RAW_BARS, self.market, first, last)
            raw = self.lake.read(RAW_BARS, self.market, first, last)
            if raw.is_empty():
                continue
            good, refused = clean_bars(raw, self.calendar, self.market)
            days = sorted({*raw["ts"], *refused["session"].drop_nulls()})
            self._quarantine(BARS, days, refused, () if self.source is None else None)
            self.lake.write(BARS, self.market, good, replacing=days, inputs=inputs, even_empty=True)
            total, quarantined = total + good.height, quarantined + refused.height
        return Counts(total, quarantined)

    def compute_indicators(self, start: date, end: date) -> Counts:
        """Indicators of the range, warmed up on the configured sessions before it.

        A share's history is in the shares of its last day while it is computed, so that a split is no move
        of the price; what is in dollars is told in the shares of its own day.
        """
        warm = self.calendar.previous_session(start, self.config.market.warm_up_sessions)
        inputs = [
            *self.lake.inputs(BARS, self.market, warm, end),
            *self.lake.inputs(CORPORATE_ACTIONS, self.market, warm, end),
        ]
        bars = adjusted(
            self.lake.read(BARS, self.market, warm, end),
            self.lake.read(CORPORATE_ACTIONS, self.market, warm, end),
            end,
        )
        factors = bars.select("ts", "symbol", "adjustment_factor")
        in_usd = [column.name for column in INDICATORS.columns if column.unit == "USD per share"]
        frame = (
            indicators(bars.drop("adjustment_factor"))
            .filter(pl.col("ts").is_between(start, end))
            .join(factors, on=["ts", "symbol"], how="left", maintain_order="left")
            .with_columns(pl.col(in_usd) / pl.col("adjustment_factor"))
        )
        sessions = self.calendar.sessions(start, end)
        if frame.height or self.lake.months(INDICATORS, self.market, start, end):
            self.lake.write(INDICATORS, self.market, frame, replacing=sessions, inputs=inputs)
        return Counts(frame.height)

    def collect_quotes(self, start: date, end: date) -> Counts:
        """Option quotes from the source into the lake's raw layer, a month at a time.

        Where no source has past quotes, the raw layer is filled by snapshots as they are taken.
        """
        offered = self.source.provides().get("option_quotes") if self.source is not None else None
        if self.source is None or offered is None or "history" not in offered.modes:
            rows = self.lake.read(RAW_OPTION_QUOTES, self.market, start, end, columns=["session"]).height
            return Counts(rows)
        total = 0
        for first, last in months_of(start, end):
            quotes = self.source.history("option_quotes", self.underlyings(), first, last, self.scope)
            self.lake.write(RAW_OPTION_QUOTES, self.market, quotes)
            total += quotes.height
        return Counts(total)

    def validate_quotes(self, start: date, end: date) -> Counts:
        """Raw quotes to clean ones; what breaks a rule goes to quarantine."""
        total = quarantined = 0
        for first, last in months_of(start, end):
            before = self.calendar.previous_session(first)
            inputs = self.lake.inputs(RAW_OPTION_QUOTES, self.market, before, last)
            raw = self.lake.read(RAW_OPTION_QUOTES, self.market, first, last)
            if raw.is_empty():
                continue
            sound, refused = clean_option_quotes(raw, self.calendar, self.market)
            good, contradicted = self.screened(sound)
            refused = pl.concat([refused, contradicted])
            # A quote looked at on a Sunday may have come under Friday's date: both are judged.
            days = sorted({*raw["session"], *refused["session"].drop_nulls()})
            self._quarantine(OPTION_QUOTES, days, refused, RULES if self.source is None else None)
            self.lake.write(OPTION_QUOTES, self.market, good, replacing=days, inputs=inputs, even_empty=True)
            total, quarantined = total + good.height, quarantined + refused.height
        return Counts(total, quarantined)

    def screened(self, sound: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Quotes that are sound alone, split into those that are so beside their neighbours, and others."""
        first = sound["session"].min()
        previous = RAW_OPTION_QUOTES.empty()
        if isinstance(first, date):
            # The session before tells a chain that only repeats it.
            before = self.calendar.previous_session(first)
            previous = self.lake.read(RAW_OPTION_QUOTES, self.market, before, before)
        european = frozenset(self.config.market.index_options)
        return screen_chains(sound, previous, european, self.config.market.quality, self.market)

    def _quarantine(
        self, table: Table, days: Sequence[date], refused: pl.DataFrame, judged: Collection[str] | None
    ) -> None:
        """Put ``refused`` in the place of what the rules ``judged`` (None: all) refused of ``days`` before.

        Files are judged row by row when they are ingested; those verdicts are not this step's to undo.
        """
        ours = (pl.col("table") == table.name) & (
            pl.lit(True) if judged is None else pl.col("rule").is_in(list(judged))
        )
        self.lake.write(QUARANTINE, self.market, refused, replacing=days, only=ours)

    def price_chains(self, start: date, end: date) -> Counts:
        """Quotes to implied forwards, and with those to chains with volatilities and Greeks, by month.

        What was made of a quote that has been refused since goes; rows of other books' tickers stay.
        """
        total, ours = 0, pl.col("underlying").is_in(self.underlyings())
        for first, last in months_of(start, end):
            inputs = [
                *self.lake.inputs(OPTION_QUOTES, self.market, first, last),
                *self.lake.inputs(RATES, self.market, None, last),
            ]
            quotes = self.lake.read(OPTION_QUOTES, self.market, first, last, where=ours)
            if quotes.is_empty() and not self.lake.months(OPTION_CHAINS, self.market, first, last):
                continue
            sessions = self.calendar.sessions(first, last)
            nothing = (IMPLIED_FORWARDS.empty(), OPTION_CHAINS.empty())
            priced = self._priced(quotes) if quotes.height else nothing
            for table, rows in zip((IMPLIED_FORWARDS, OPTION_CHAINS), priced, strict=True):
                self.lake.write(table, self.market, rows, replacing=sessions, only=ours, inputs=inputs)
            total += quotes.height
        return Counts(total)

    def priced(self, quotes: pl.DataFrame) -> pl.DataFrame:
        """Clean quotes of the market's underlyings as rows of option_chains."""
        return self._priced(quotes)[1]

    def _priced(self, quotes: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows of implied_forwards, and of option_chains priced with them."""
        # Numba takes a second to import; a command that finds its chains made does not need it.
        from alluse_assets.option_chains.chains import priced_terms, with_terms
        from alluse_assets.option_chains.surface.forwards import implied_forwards

        index = frozenset(self.config.market.index_options)
        at_open = [root for options in self.config.market.index_options.values() for root in options.am_roots]
        yields = self._dividend_yields(index)
        last = quotes["session"].max()
        assert isinstance(last, date)
        terms = with_terms(quotes, self.rates(month_end(last)), yields, index, at_open)
        forwards = implied_forwards(terms)
        return forwards, priced_terms(terms, forwards, threads=os.cpu_count() or 1)

    def _dividend_yields(self, index: Collection[str]) -> dict[str, float]:
        """The configured yield of every underlying, 0 where none is.

        The log names the latter, but not those of ``index``, whose quotes tell their own, nor the sample's,
        which pay none that is not configured.
        """
        given = self.config.market.dividend_yields
        unknown = [s for s in self.underlyings() if s not in given and s not in index]
        if unknown and self.market != "sample":
            warn_of_missing_yields(tuple(unknown))
        return {s: given.get(s, 0.0) for s in self.underlyings()}

    def fit_surfaces(self, start: date, end: date) -> Counts:
        """Chains to surfaces, and values on them for contracts without a quote, a month at a time."""
        total = 0
        for first, last in months_of(start, end):
            inputs = self.lake.inputs(OPTION_CHAINS, self.market, first, last)
            refused = self.lake.inputs(QUARANTINE, self.market, first, last)
            chains = self.lake.read(OPTION_CHAINS, self.market, first, last)
            if chains.is_empty() and not self.lake.months(SURFACES, self.market, first, last):
                continue
            from alluse_assets.option_chains.surface.fill import fill, unquoted
            from alluse_assets.option_chains.surface.fit import fit_surfaces

            threads, days = os.cpu_count() or 1, self.calendar.sessions(first, last)
            surfaces = fit_surfaces(chains, threads)
            self.lake.write(SURFACES, self.market, surfaces, replacing=days, inputs=inputs)
            quarantine = self.lake.read(QUARANTINE, self.market, first, last)
            contracts = unquoted(chains, quarantine, frozenset(self.config.market.index_options))
            values = fill(contracts, surfaces, threads)
            self.lake.write(MODEL_VALUES, self.market, values, replacing=days, inputs=[*inputs, *refused])
            total += surfaces.height
        return Counts(total)

    def screen_entries(
        self,
        book: str,
        first_session: date,
        start: date,
        end: date,
        timeline: ConfigTimeline | None = None,
    ) -> Counts:
        """Chains to entry candidates of one book, a month at a time.

        Each session is screened under the configuration that ``timeline`` has for it (None: the steps' own).
        A session that is closed keeps the candidates that it was decided on; only a month that the lake has
        lost is screened again.
        """
        timeline = timeline or ConfigTimeline(((None, self.config),))
        feeds = [
            MarketFeed(self.lake, config, self.calendar, book, first_session, end)
            for _, config in timeline.versions
        ]
        total = 0
        for first, last in months_of(start, end):
            sessions = [s for s in self.calendar.sessions(first, last) if start <= s <= end]
            if self._keeps_closed(book, first, last, timeline):
                sessions = [s for s in sessions if timeline.last_closed is None or s > timeline.last_closed]
            if not sessions:
                continue
            weeks = self.calendar.weeks(sessions[0], sessions[-1])
            # A week's guess is made once, before it: a version that comes later in the week keeps it.
            begins = {week.id: max(week.first, first_session) for week in weeks}
            modes = {
                week.id: feeds[timeline.place(begins[week.id])].guess_for(week).mode.value for week in weeks
            }
            found = []
            for place, feed in enumerate(feeds):
                under = [s for s in sessions if timeline.place(s) == place]
                if not under:
                    continue
                calendar = entry_calendar(weeks, modes, self.calendar, feed.config).filter(
                    pl.col("session").is_in(under)
                )
                chains = self.lake.read(OPTION_CHAINS, self.market, under[0], under[-1])
                if sessions_of_many_looks(chains):
                    times = feed.config.entry.window
                    windows = {session: self.calendar.entry_window(session, *times) for session in under}
                    chains = entry_snapshots(chains, windows)
                found.append(screen(chains, calendar, feed.config, feed.earnings))
            rows = pl.concat(found)
            self.lake.write(CANDIDATES, f"book={book}", rows, replacing=sessions)
            total += rows.height
        return Counts(total)

    def _keeps_closed(self, book: str, first: date, last: date, timeline: ConfigTimeline) -> bool:
        """Whether the lake has the candidates of the month's closed sessions."""
        if timeline.last_closed is None:
            return False
        closed = timeline.last_closed.isoformat()
        kept = self.lake.manifests(CANDIDATES, f"book={book}", first, last)
        return any(one.first is not None and one.first <= closed for one in kept)

    @property
    def scope(self) -> ChainScope | None:
        """The part of a live chain that is asked for; other markets are taken whole."""
        if self.market != "live":
            return None
        rules = self.config.market.chains
        return ChainScope(rules.near_days, rules.strikes_each_side, rules.leaps_days)

    def rates(self, last: date) -> pl.DataFrame:
        """Interest rates up to ``last``: the configured one, else the market's.

        Raises:
            MissingDataError: there are none.
        """
        flat = self.config.market.flat_rate_annual
        if flat is not None:
            rows = [
                {"ts": date(1990, 1, 1), "tenor_days": 30, "rate_annual": flat, "source": "configuration"}
            ]
            return RATES.conform(pl.DataFrame(rows))
        rates = self.lake.read(RATES, self.market, None, last)
        if rates.is_empty():
            raise MissingDataError(
                f"no interest rates up to {last} in the lake (source {self.market}): "
                "set market.flat_rate_annual"
            )
        return rates


@cache
def warn_of_missing_yields(tickers: tuple[str, ...]) -> None:
    """Log that ``tickers`` are priced without dividends; once a process, chains are priced by the month."""
    logging.getLogger("alluse.pricing").warning(
        "no dividend yield for %s: priced as if none were paid; set market.dividend_yields (0 if none is)",
        ", ".join(tickers),
    )


def months_of(start: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last day of every month that ``start`` to ``end`` touches."""
    year, month = start.year, start.month
    while (year, month) <= (end.year, end.month):
        yield date(year, month, 1), month_end(date(year, month, 1))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def month_end(day: date) -> date:
    """The last day of ``day``'s month."""
    return date(day.year, day.month, monthrange(day.year, day.month)[1])
