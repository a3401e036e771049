"""Everything a command needs of an installation, opened together and closed together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.deliveries import PostgresDeliveries
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.adapters.postgres.looks import PostgresLooks
from alluse_assets.adapters.postgres.migrate import migrate
from alluse_assets.adapters.postgres.server import Database, database
from alluse_assets.base.calendar import TradingCalendar, trading_calendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ConfigError
from alluse_assets.market_data.source import MarketDataSource
from alluse_assets.orchestration.installation import Installation

if TYPE_CHECKING:
    from alluse_assets.adapters.timescale.hot_store import HotStore


@dataclass(frozen=True, slots=True)
class Services:
    """An open installation."""

    installation: Installation
    database: Database
    store: PostgresJournal
    anchors: AnchorFiles
    lake: Lake
    calendar: TradingCalendar
    deliveries: PostgresDeliveries
    looks: PostgresLooks

    @property
    def hot(self) -> HotStore:
        """The hot store, its tables made or brought up to date at the first use.

        Raises:
            ServerError: the server refuses.
        """
        return _hot_store(self.database.url)


@cache
def _hot_store(url: str) -> HotStore:
    from alluse_assets.adapters.timescale.hot_store import open_hot_store

    return open_hot_store(url)


def require_live(config: ProtocolConfig) -> None:
    """Pass when the configured market is asked of sources.

    Raises:
        ConfigError: it is the sample, or files.
    """
    if config.market.source != "live":
        raise ConfigError(
            f"market.source is {config.market.source}: only a live market can be looked at or streamed; set "
            "market.source: live and name a source in market.routes"
        )


@contextmanager
def open_services(environ: Mapping[str, str]) -> Iterator[Services]:
    """Start or join the database, bring its schema up to date, and open the stores.

    Raises:
        ServerError: the database cannot be started, reached or migrated.
    """
    installation = Installation.from_environment(environ)
    with database(installation.postgres, environ) as running:
        migrate(running.url)
        with open_pool(running.url) as pool:
            yield Services(
                installation,
                running,
                PostgresJournal(pool),
                AnchorFiles(installation.anchors),
                Lake(installation.lake),
                trading_calendar(),
                PostgresDeliveries(pool),
                PostgresLooks(pool),
            )


def market_source(
    config: ProtocolConfig, calendar: TradingCalendar, lake: Lake, environ: Mapping[str, str]
) -> MarketDataSource | None:
    """The adapter of the configured market; None where files are ingested.

    Raises:
        ConfigError: a routed source is not set up.
    """
    from alluse_assets.orchestration.sources import open_source, routed

    if config.market.source == "files":
        return None
    if config.market.source == "sample":
        return open_source("sample", calendar, lake, environ)
    return routed(config.market, calendar, lake, environ)
