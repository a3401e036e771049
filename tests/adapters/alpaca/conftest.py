from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alluse_assets.adapters.alpaca import AlpacaSettings, AlpacaSource
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.secrets import Secret
from tests.adapters.alpaca.rest_server import KEY_ID, SECRET_KEY, RestServer
from tests.adapters.alpaca.stream_server import StreamServer

MakeSource = Callable[..., AlpacaSource]


@pytest.fixture
def rest() -> Iterator[RestServer]:
    with RestServer().running() as server:
        yield server


@pytest.fixture
def streams() -> Iterator[StreamServer]:
    with StreamServer().running() as server:
        yield server


@pytest.fixture
def make_source(rest: RestServer) -> MakeSource:
    """A source before the loopback server, at the market's own time; settings may be given."""

    def make(secret: str = SECRET_KEY, **settings: Any) -> AlpacaSource:
        known = {
            "key_id": "env:KEY_ID",
            "secret_key": "env:SECRET_KEY",
            "data_url": rest.url,
            "trading_url": rest.url,
            "retry_wait_seconds": 0.01,
            "retry_budget_seconds": 20,
            "requests_a_minute": 10_000,
        }
        return AlpacaSource(
            AlpacaSettings.model_validate(known | settings),
            Secret(KEY_ID),
            Secret(secret),
            trading_calendar(),
            lambda: rest.market.now,
        )

    return make
