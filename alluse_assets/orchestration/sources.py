"""The data sources by name: the one place that knows which adapter is behind which name.

Adapters are imported when they are opened, so that a worker needs only the extras of what it uses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.model_market import MarketConfig, SourceName
from alluse_assets.market_data.routing import Fallback, RoutedSource
from alluse_assets.market_data.source import MarketDataSource
from alluse_assets.market_data.tables import CORPORATE_ACTIONS


def open_source(
    name: SourceName, calendar: TradingCalendar, lake: Lake, environ: Mapping[str, str]
) -> MarketDataSource:
    """The source called ``name``.

    Raises:
        ConfigError: it is not set up, or its extra is not installed.
    """
    if name == "sample":
        from alluse_assets.adapters.sample_market.market import SampleMarket

        return SampleMarket(calendar)
    if name == "alpaca":
        from alluse_assets.adapters.alpaca import open_alpaca

        return open_alpaca(calendar, environ)
    if name == "ibkr":
        from alluse_assets.adapters.ibkr.settings import IbkrSettings
        from alluse_assets.adapters.ibkr.source import IbkrSource

        return IbkrSource(IbkrSettings.from_environment(environ), calendar, splits=_SplitsOfLake(lake))
    from alluse_assets.adapters.files.source import FilesSource

    return FilesSource(lake)


def routed(
    market: MarketConfig,
    calendar: TradingCalendar,
    lake: Lake,
    environ: Mapping[str, str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),  # noqa: TID251
) -> RoutedSource:
    """Every source that the routes of ``market`` name, behind one face.

    ``clock`` tells which sessions are over; it is read when the sources are asked, and in no replay.

    Raises:
        ConfigError: one of them is not set up.
    """
    sources = {name: open_source(name, calendar, lake, environ) for name in sorted(market.routes.names)}
    roots = {
        root: index
        for index, options in market.index_options.items()
        for root in (*options.pm_roots, *options.am_roots)
    }
    return RoutedSource(sources, market.routes, calendar, clock, roots, on_fallback=_log)


@dataclass(frozen=True, slots=True)
class _SplitsOfLake:
    """The splits that any source has told the lake of, each once; the sample's are of another time."""

    lake: Lake

    def __call__(self, symbols: Sequence[str]) -> pl.DataFrame:
        sources = [name for name in self.lake.sources(CORPORATE_ACTIONS) if name != "sample"]
        if not sources:
            logging.getLogger("alluse.sources").warning(
                "no corporate actions in the lake: bars of Interactive Brokers stay adjusted for splits; "
                "route corporate_actions to a source that has them, and ask for the bars again"
            )
        found = [self.lake.read(CORPORATE_ACTIONS, name) for name in sources]
        return (
            pl.concat([CORPORATE_ACTIONS.empty(), *found])
            .filter(pl.col("symbol").is_in(list(symbols)), pl.col("kind") == "split")
            .unique(CORPORATE_ACTIONS.key, maintain_order=True)
        )


def _log(fallback: Fallback) -> None:
    symbols = ", ".join(fallback.symbols[:5]) + (" ..." if len(fallback.symbols) > 5 else "")
    logging.getLogger("alluse.sources").warning(
        "%s did not answer for %s of %s; what other sources have is kept: %s",
        fallback.source,
        fallback.kind,
        symbols,
        fallback.reason,
    )
