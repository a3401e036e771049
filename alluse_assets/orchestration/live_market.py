"""What a live market does through a session: looks at chains, keeps what streams, and compacts it afterwards.

Whole chains (at the open and at the close) go to the lake's raw layer at once, where the session's assets
find them, and priced to the hot store. Premiums and what streams go to the hot store only; ``compact``
brings them to the lake. Every step may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.timescale.served_tables import served
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.live_cleaning import clean_intraday_bars, clean_share_quotes
from alluse_assets.market_data.snapshot_times import SnapshotKind
from alluse_assets.market_data.source import DataKind
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INTRADAY_BARS, SHARE_QUOTES
from alluse_assets.option_chains.quotes import clean_option_quotes
from alluse_assets.option_chains.tables import (
    OPTION_CHAINS,
    OPTION_TICKS,
    PREMIUM_SNAPSHOTS,
    RAW_OPTION_QUOTES,
)
from alluse_assets.orchestration.market_steps import MarketSteps

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale.hot_store import HotStore

Cleaner = Callable[[pl.DataFrame, TradingCalendar, str], tuple[pl.DataFrame, pl.DataFrame]]

STREAMED: Mapping[DataKind, tuple[Table, Cleaner]] = {
    "share_quotes": (SHARE_QUOTES, clean_share_quotes),
    "intraday_bars": (INTRADAY_BARS, clean_intraday_bars),
    "option_quotes": (OPTION_TICKS, clean_option_quotes),
}
"""What may stream: the hot store's table, and who judges its rows."""

COMPACTED = (SHARE_QUOTES, INTRADAY_BARS, OPTION_TICKS, PREMIUM_SNAPSHOTS)
"""The hot store's tables that are brought to the lake's of the same name."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many rows were kept and how many refused."""

    rows: int
    refused: int


@dataclass(frozen=True)
class LiveMarket:
    """The live side of the market that ``steps`` prepare."""

    steps: MarketSteps
    hot: HotStore

    @property
    def _lake(self) -> Lake:
        return self.steps.lake

    def take_snapshot(self, kind: SnapshotKind) -> Kept:
        """Look at the chains now, and keep them.

        Raises:
            SourceError: no source answered.
            MissingDataError: the market has no source.
        """
        source, market = self.steps.source, self.steps.market
        if source is None:
            raise MissingDataError("market.source: files are ingested; only a live market can be looked at")
        rules = self.steps.config.market.chains
        is_premium = kind == "premium"
        tickers = list(rules.snapshot_tickers) if is_premium else []
        rows = source.snapshot("option_quotes", tickers or self.steps.underlyings(), self.steps.scope)
        good, refused = clean_option_quotes(rows, self.steps.calendar, market)
        if is_premium:
            self._refuse(refused, PREMIUM_SNAPSHOTS)
            self.hot.upsert(PREMIUM_SNAPSHOTS, market, good)
            return Kept(good.height, refused.height)
        # Raw: the session's assets judge all of it again, beside its neighbours, and quarantine what fails.
        self._lake.write(RAW_OPTION_QUOTES, market, rows)
        sound, contradicted = self.steps.screened(good)
        if sound.height:
            self.hot.upsert(OPTION_CHAINS, market, self.steps.priced(sound))
        return Kept(sound.height, refused.height + contradicted.height)

    def look(self, tickers: Sequence[str]) -> Kept:
        """Look at the chains of some tickers now, priced, into the hot store only: what a step trades on.

        Raises:
            SourceError: no source answered.
            MissingDataError: the market has no source.
        """
        source = self.steps.source
        if source is None:
            raise MissingDataError("market.source: files are ingested; only a live market can be looked at")
        rows = source.snapshot("option_quotes", list(tickers), self.steps.scope)
        good, refused = clean_option_quotes(rows, self.steps.calendar, self.steps.market)
        sound, contradicted = self.steps.screened(good)
        self._refuse(refused, OPTION_CHAINS)
        if sound.height:
            self.hot.upsert(OPTION_CHAINS, self.steps.market, self.steps.priced(sound))
        return Kept(sound.height, refused.height + contradicted.height)

    def bring_session(self, session: date) -> None:
        """Bring to the lake what closing ``session`` needs, and opening the next one; twice changes nothing.

        Bars and what else the source keeps of the past (where there is no past yet, all that indicators are
        warmed up on), corporate actions as far ahead as dividend risk is judged, and what streamed. What
        comes is judged even where the rest does not come.

        Raises:
            SourceError: no source answered for a symbol.
            DataError: what came cannot be kept.
        """
        steps, start = self.steps, self._begin_of_bars(session)
        actions: DataKind = "corporate_actions"
        try:
            steps.collect_bars(start, session)
            offered = steps.source.provides().get(actions) if steps.source is not None else None
            if steps.source is not None and offered is not None and "history" in offered.modes:
                ahead = max(1, steps.config.rolls.dividend_risk_sessions)
                until = steps.calendar.next_session(session, ahead)
                rows = steps.source.history(actions, steps.symbols(), session, until)
                self._lake.write(CORPORATE_ACTIONS, steps.market, rows)
        finally:
            steps.validate_bars(start, session)
        self.compact(session, session)

    def _begin_of_bars(self, session: date) -> date:
        """From when on bars are brought: ``session``, or the warm-up before it where the lake has none."""
        calendar, rules = self.steps.calendar, self.steps.config.market
        warm = calendar.previous_session(session, max(1, rules.warm_up_sessions))
        before = calendar.previous_session(session)
        mode = pl.col("symbol") == rules.mode_symbol
        there = self._lake.read(BARS, self.steps.market, warm, before, columns=["ts"], where=mode)
        return warm if there.is_empty() else session

    def keep(self, kind: DataKind, rows: pl.DataFrame) -> Kept:
        """Keep rows that streamed: the good ones in the hot store, the others in quarantine.

        Of rows with one key the last is kept, in a batch as between batches: it corrects those before.
        """
        table, clean = STREAMED[kind]
        last = rows.unique(table.key, keep="last", maintain_order=True)
        good, refused = clean(last, self.steps.calendar, self.steps.market)
        # Refused rows first: a kill in between never leaves good rows whose bad neighbours are unknown.
        self._refuse(refused, table)
        if good.height:
            self.hot.upsert(table, self.steps.market, good)
        return Kept(good.height, refused.height)

    def compact(self, start: date, end: date) -> dict[str, int]:
        """Bring what the hot store has of the sessions to the lake, and summarise it; rows by table.

        A session at a time, so that a month of ticks needs the memory of a day.
        """
        counts = {table.name: 0 for table in COMPACTED}
        for session in self.steps.calendar.sessions(start, end):
            for table in COMPACTED:
                rows = self.hot.read(table, self.steps.market, session, session)
                if rows.height:
                    self._lake.write(table, self.steps.market, rows)
                counts[table.name] += rows.height
        self.hot.refresh(start, end)
        return counts

    def prune(self, today: date) -> list[str]:
        """Drop live rows older than ``market.hot_days``, after the lake has got them; what was dropped."""
        before = today - timedelta(days=self.steps.config.market.hot_days)
        live = [table for table in COMPACTED if served(table).is_live]
        there = [self.hot.sessions(table, self.steps.market) for table in live]
        firsts = [span[0] for span in there if span]
        if not firsts or min(firsts) >= before:
            return []
        self.compact(min(firsts), before - timedelta(days=1))
        dropped = self.hot.prune(before)
        # Twice the days: where nobody prunes any more, the server must not be quicker than a repair.
        self.hot.keep_for(2 * self.steps.config.market.hot_days)
        return dropped

    def _refuse(self, refused: pl.DataFrame, table: Table) -> None:
        """Keep what was refused under the name of ``table``: verdicts on whole chains are replaced later."""
        if refused.height:
            named = refused.with_columns(table=pl.lit(table.name))
            self._lake.write(QUARANTINE, self.steps.market, named)
