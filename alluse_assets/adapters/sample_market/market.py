"""The sample market as a source: it answers ``MarketDataSource``'s questions from packaged prices."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from datetime import date
from functools import cached_property

import polars as pl

from alluse_assets.adapters.sample_market.chain import ChainModel, model_quotes
from alluse_assets.adapters.sample_market.corporate_actions import derive_corporate_actions
from alluse_assets.adapters.sample_market.listing import (
    COARSE,
    FINE,
    FINE_STRIKES_DAYS,
    INDEX_STRIKES,
    KEPT_SESSIONS,
    index_expiries,
    listed_expiries,
)
from alluse_assets.adapters.sample_market.packaged_data import (
    INDEX,
    RATE_TENOR_DAYS,
    PackagedData,
    read_packaged_data,
)
from alluse_assets.adapters.sample_market.spread_model import INDEX_SPREADS, SHARE_SPREADS
from alluse_assets.adapters.sample_market.volatility_model import INDEX_SMILE, SHARE_SMILE, variance_levels
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import ChainScope, Coverage, DataKind, StreamBatch
from alluse_assets.market_data.tables import BARS, RATES
from alluse_assets.option_chains.tables import OPTION_QUOTES
from alluse_assets.option_chains.time_to_expiry import years_left
from alluse_assets.option_chains.vix import volatility_index

SOURCE = "sample"
MODEL_SOURCE = "sample-model"
VOLATILITY_INDEX = "VIX"
# What the model prices with, and so what a chain's implied volatilities must be computed with. Round
# figures of 2011 and 2012; a share that paid nothing then has none, Apple's later dividends included.
DIVIDEND_YIELDS: Mapping[str, float] = {
    "AAPL": 0.0,
    "FB": 0.0,
    "GOOG": 0.0,
    "IBM": 0.018,
    "MSFT": 0.025,
    INDEX: 0.02,
}

_SHARES = ChainModel(
    style="american",
    root_suffix="",
    smile=SHARE_SMILE,
    spreads=SHARE_SPREADS,
    expiries=listed_expiries,
    fine=FINE,
    coarse=COARSE,
    fine_days=FINE_STRIKES_DAYS,
    reach_down=1.9,
    reach_up=1.9,
)
# The volatility index sums over strikes until nobody bids, which is far below and not so far above.
_INDEX = ChainModel(
    style="european",
    root_suffix="W",
    smile=INDEX_SMILE,
    spreads=INDEX_SPREADS,
    expiries=index_expiries,
    fine=INDEX_STRIKES,
    coarse=INDEX_STRIKES,
    fine_days=FINE_STRIKES_DAYS,
    reach_down=6.0,
    reach_up=3.5,
)


class SampleMarket:
    """Bars of five shares and the S&P 500, chains modelled from them, a VIX modelled from the index's.

    Bars, rates and corporate actions are ``sample``: real, but for what the data lacks. Option quotes
    and VIX are ``sample-model``.
    """

    def __init__(
        self, calendar: TradingCalendar, data: PackagedData | None = None, threads: int | None = None
    ) -> None:
        """``data`` replaces the packaged files; ``threads`` price options (default: one a processor)."""
        self._calendar = calendar
        self._given = data
        self._threads = threads or os.cpu_count() or 1

    @property
    def name(self) -> str:
        """``sample``."""
        return SOURCE

    def provides(self) -> Mapping[DataKind, Coverage]:
        """What there is, by kind and symbol, with first and last date."""
        bars = _spans(self._data.bars, "ts", "symbol")
        chains = _spans(self._states, "session", "symbol")
        days = self._rates["ts"]
        first, last = days[0], days[-1]
        return {
            "bars": Coverage({**bars, VOLATILITY_INDEX: chains[INDEX]}, frozenset({VOLATILITY_INDEX})),
            "option_quotes": Coverage(chains, frozenset(chains)),
            "rates": Coverage({f"{RATE_TENOR_DAYS} days": (first, last)}),
            "corporate_actions": Coverage({s: span for s, span in bars.items() if s != INDEX}),
        }

    def history(
        self, kind: DataKind, symbols: Sequence[str], start: date, end: date, scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Rows of past sessions; the model lists whole chains, so ``scope`` changes nothing.

        Raises:
            SourceError: it has nothing of the kind.
        """
        if kind == "bars":
            return self.bars(symbols, start, end)
        if kind == "option_quotes":
            return self.option_quotes(symbols, start, end)
        if kind == "corporate_actions":
            return self.corporate_actions(symbols, start, end)
        if kind == "rates":
            return self.rates(start, end)
        raise SourceError(f"the sample market has no {kind}; it has {', '.join(self.provides())}")

    def snapshot(
        self, kind: DataKind, symbols: Sequence[str], scope: ChainScope | None = None
    ) -> pl.DataFrame:
        """Nothing: the sample ends in 2013.

        Raises:
            SourceError: always.
        """
        raise SourceError(f"the sample market is history: it has no {kind} of this moment")

    def stream(self, kinds: Mapping[DataKind, Sequence[str]], batch_seconds: float) -> Generator[StreamBatch]:
        """Nothing: the sample ends in 2013.

        Raises:
            SourceError: always.
        """
        raise SourceError("the sample market is history: it streams nothing")

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Rows of table bars, as traded. VIX has one value a session, its close."""
        found = self._data.bars.filter(
            pl.col("symbol").is_in(list(symbols)), pl.col("ts").is_between(start, end)
        ).with_columns(source=pl.lit(SOURCE))
        parts = [BARS.conform(found)]
        if VOLATILITY_INDEX in symbols:
            parts.append(self._volatility_index(start, end))
        return pl.concat(parts).sort(BARS.key)

    def rates(self, start: date, end: date) -> pl.DataFrame:
        """Rows of table rates: the month's rate on each of its sessions."""
        return self._rates.filter(pl.col("ts").is_between(start, end))

    def corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Rows of table corporate_actions by ex-date."""
        return self._actions.filter(
            pl.col("symbol").is_in(list(symbols)), pl.col("ex_date").is_between(start, end)
        )

    def option_quotes(self, underlyings: Sequence[str], start: date, end: date) -> pl.DataFrame:
        """Rows of table option_quotes at each session's close. A range may be asked for in parts."""
        states = self._states.filter(
            pl.col("symbol").is_in(list(underlyings)), pl.col("session").is_between(start, end)
        )
        is_index = pl.col("symbol") == INDEX
        parts = [
            model_quotes(model, chosen, self._calendar, DIVIDEND_YIELDS, MODEL_SOURCE, self._threads)
            for model, chosen in ((_SHARES, states.filter(~is_index)), (_INDEX, states.filter(is_index)))
            if not chosen.is_empty()
        ]
        if not parts:
            return OPTION_QUOTES.empty()
        return parts[0] if len(parts) == 1 else pl.concat(parts).sort(OPTION_QUOTES.key)

    @cached_property
    def _data(self) -> PackagedData:
        return self._given or read_packaged_data()

    @cached_property
    def _actions(self) -> pl.DataFrame:
        """Of the shares; the index is not adjusted."""
        return derive_corporate_actions(self._data.bars.filter(pl.col("symbol") != INDEX), SOURCE)

    @cached_property
    def _rates(self) -> pl.DataFrame:
        """The month's rate on each session from the first bar to the last rate."""
        monthly = self._data.monthly_rates
        first = self._data.bars["ts"].min()
        last = self._data.bars["ts"].max()
        if not isinstance(first, date) or not isinstance(last, date):
            return RATES.empty()
        sessions = pl.DataFrame({"ts": self._calendar.sessions(first, last)}, schema={"ts": pl.Date})
        dated = sessions.with_columns(month=pl.col("ts").dt.month_start()).join(
            monthly, on="month", how="inner", maintain_order="left"
        )
        return RATES.conform(dated.with_columns(tenor_days=pl.lit(RATE_TENOR_DAYS), source=pl.lit(SOURCE)))

    @cached_property
    def _states(self) -> pl.DataFrame:
        """What a chain is modelled from: one row a symbol and session, from that and earlier sessions."""
        splits = self._actions.filter(pl.col("kind") == "split").select(
            ts="ex_date", symbol="symbol", split_ratio="ratio"
        )
        closes = (
            self._data.bars.select("ts", "symbol", "close")
            .join(splits, on=["ts", "symbol"], how="left")
            .with_columns(pl.col("split_ratio").fill_null(1.0))
            .sort("symbol", "ts")
        )
        # Closes in the shares of the first session, so that a window across a split compares like with like.
        shares = pl.col("split_ratio").cum_prod().over("symbol")
        one_basis = pl.col("close") * shares
        recent = closes.with_columns(
            recent_low=(one_basis.rolling_min(KEPT_SESSIONS, min_samples=1).over("symbol") / shares).round(4),
            recent_high=(one_basis.rolling_max(KEPT_SESSIONS, min_samples=1).over("symbol") / shares).round(
                4
            ),
        )
        return (
            variance_levels(recent)
            .join(self._rates.select("ts", "rate_annual"), on="ts", how="inner", maintain_order="left")
            .rename({"ts": "session", "close": "spot"})
            .drop("split_ratio")
        )

    def _volatility_index(self, start: date, end: date) -> pl.DataFrame:
        quotes = self.option_quotes([INDEX], start, end)
        chains = quotes.join(
            self._rates.select(session="ts", rate_annual="rate_annual"), on="session", maintain_order="left"
        ).with_columns(
            years_to_expiry=years_left(),
            dte_days=(pl.col("expiry") - pl.col("session")).dt.total_days(),
        )
        index = volatility_index(chains).filter(pl.col("status") == "ok")
        value = pl.col("vix").round(2)
        return BARS.conform(
            index.select(
                ts="session",
                symbol=pl.lit(VOLATILITY_INDEX),
                open=value,
                high=value,
                low=value,
                close=value,
                source=pl.lit(MODEL_SOURCE),
            )
        )


def _spans(frame: pl.DataFrame, day: str, symbol: str) -> dict[str, tuple[date, date]]:
    spans = frame.group_by(symbol).agg(first=pl.col(day).min(), last=pl.col(day).max()).sort(symbol)
    return {name: (first, last) for name, first, last in spans.iter_rows()}
