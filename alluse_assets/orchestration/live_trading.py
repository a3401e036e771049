"""Assembles a paper book over the live market: the command, the job and the sensor open the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from alluse_assets.base.config.model_market import MarketConfig
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import MarketDataSource
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.live_book import LiveBook
from alluse_assets.orchestration.live_feed import LiveFeed
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.services import market_source, require_live

if TYPE_CHECKING:
    from alluse_assets.orchestration.services import Services


@dataclass
class MarketInForce:
    """The live market under whatever configuration is in force: one that changes is asked anew.

    A process that walks a book for weeks sees versions of its configuration come and go.
    """

    services: Services
    environ: Mapping[str, str]
    _steps: MarketSteps | None = field(default=None, init=False)
    _source: tuple[MarketConfig, MarketDataSource | None] | None = field(default=None, init=False)

    def look(self, config: ProtocolConfig) -> None:
        """Bring fresh quotes of the configured tickers to the hot store.

        Raises:
            SourceError: no source answered, or not with a single quote that can be used.
            ConfigError: a routed source is not set up.
        """
        kept = self.live(config).look(list(config.underlyings))
        if not kept.rows:
            raise SourceError(
                f"the source answered with no usable option quote of {', '.join(config.underlyings)} "
                f"({kept.refused} were refused; table quarantine says why)",
                is_passing=True,
            )

    def bring(self, config: ProtocolConfig, session: date) -> None:
        """Bring to the lake what closing a session needs.

        Raises:
            SourceError: no source answered for a symbol.
            ConfigError: a routed source is not set up.
        """
        self.live(config).bring_session(session)

    def live(self, config: ProtocolConfig) -> LiveMarket:
        """The market as ``config`` has it.

        Raises:
            ConfigError: a routed source is not set up.
        """
        services = self.services
        if self._source is None or self._source[0] != config.market:
            source = market_source(config, services.calendar, services.lake, self.environ)
            self._source, self._steps = (config.market, source), None
        if self._steps is None or self._steps.config != config:
            self._steps = MarketSteps(services.lake, config, services.calendar, self._source[1])
        return LiveMarket(self._steps, services.hot)


def live_book(services: Services, book: str, profile: str, environ: Mapping[str, str]) -> LiveBook:
    """The paper book ``book``, which need not be opened yet.

    Raises:
        ConfigError: the profile has faults, or its market is not live.
    """
    asked = config_of_book(services.store, book, profile, environ).config
    require_live(asked)

    def feed(config: ProtocolConfig, first_session: date) -> LiveFeed:
        return LiveFeed(services.lake, services.hot, config, services.calendar, book, first_session)

    market = MarketInForce(services, environ)
    # A source that is not set up is told of now, not at the first look.
    market.live(asked)
    return LiveBook(
        services.store,
        services.anchors,
        services.lake,
        services.calendar,
        book,
        profile,
        asked,
        feed,
        look=market.look,
        bring=market.bring,
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - the edge, where time comes in
        looks=services.looks,
    )
