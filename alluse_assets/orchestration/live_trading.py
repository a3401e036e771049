"""Assembles a paper book over the live market: the command, the job and the sensor open the same one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.live_book import LiveBook
from alluse_assets.orchestration.live_feed import LiveFeed
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.services import market_source, require_live

if TYPE_CHECKING:
    from alluse_assets.orchestration.services import Services


def live_book(services: Services, book: str, profile: str, environ: Mapping[str, str]) -> LiveBook:
    """The paper book ``book``, which need not be opened yet.

    Raises:
        ConfigError: the profile has faults, or its market is not live.
    """
    asked = config_of_book(services.store, book, profile, environ).config
    require_live(asked)

    def feed(config: ProtocolConfig, first_session: date) -> LiveFeed:
        return LiveFeed(services.lake, services.hot, config, services.calendar, book, first_session)

    source = market_source(asked, services.calendar, services.lake, environ)
    steps = MarketSteps(services.lake, asked, services.calendar, source)
    return LiveBook(
        services.store,
        services.anchors,
        services.lake,
        services.calendar,
        book,
        profile,
        asked,
        feed,
        LiveMarket(steps, services.hot).look,
    )
