"""Alpaca as it is wired: by its variables, and seen by the doctor."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alluse_assets.adapters.alpaca import AlpacaSource
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import ConfigError
from alluse_assets.orchestration.health import _alpaca
from alluse_assets.orchestration.sources import open_source
from tests.adapters.alpaca.market import SESSIONS
from tests.adapters.alpaca.rest_server import KEY_ID, SECRET_KEY, Fault, RestServer


@pytest.fixture
def server() -> Iterator[RestServer]:
    with RestServer().running() as running:
        yield running


@pytest.fixture
def environ(server: RestServer) -> dict[str, str]:
    return {
        "ALLUSE_ALPACA_KEY_ID": "env:MY_ID",
        "ALLUSE_ALPACA_SECRET_KEY": "env:MY_SECRET",
        "ALLUSE_ALPACA_DATA_URL": server.url,
        "ALLUSE_ALPACA_TRADING_URL": server.url,
        "MY_ID": KEY_ID,
        "MY_SECRET": SECRET_KEY,
    }


def test_the_source_is_opened_by_its_name(environ: dict[str, str], tmp_path: Path) -> None:
    source = open_source("alpaca", trading_calendar(), Lake(tmp_path), environ)
    assert isinstance(source, AlpacaSource)
    assert source.history("bars", ["SPY"], SESSIONS[-2], SESSIONS[-2]).height == 1


def test_a_source_that_is_not_set_up_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ALLUSE_ALPACA_KEY_ID: not set"):
        open_source("alpaca", trading_calendar(), Lake(tmp_path), {})


def test_the_doctor_calls_alpaca_only_when_it_is_set_up(environ: dict[str, str], server: RestServer) -> None:
    assert (_alpaca({}).status, _alpaca({}).found) == ("off", "not set up")
    assert server.calls == []
    found = _alpaca(environ)
    assert found.status == "ok"
    assert "shares iex" in found.found
    assert "options indicative" in found.found


def test_what_passes_is_a_warning_and_what_lasts_is_a_fault(
    environ: dict[str, str], server: RestServer
) -> None:
    server.fail_next(Fault(503))
    assert _alpaca(environ).status == "warning"
    wrong = _alpaca({**environ, "MY_SECRET": "another"})
    assert wrong.status == "fault"
    assert "another" not in wrong.found
    assert _alpaca({**environ, "ALLUSE_ALPACA_FEED": "sip"}).status == "fault"
