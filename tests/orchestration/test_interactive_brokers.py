"""Interactive Brokers as it is wired: by its variables, with the lake's splits, and seen by the doctor."""

import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import tests.adapters.ibkr.data_messages  # noqa: F401  registers its handlers
from alluse_assets.adapters.lake.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import ConfigError
from alluse_assets.market_data.tables import CORPORATE_ACTIONS
from alluse_assets.orchestration.health import _interactive_brokers
from alluse_assets.orchestration.sources import open_source
from tests.adapters.ibkr.gateway import Rules, ScriptedGateway
from tests.adapters.ibkr.scripted_market import Bar

_DAY, _NEXT = date(2019, 11, 19), date(2019, 11, 20)


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    with ScriptedGateway(rules=Rules()).running() as running:
        share = running.market.share("AAPL")
        running.market.set_bars(share, "1 day", [Bar(day, 100, 102, 99, 101, 4000) for day in (_DAY, _NEXT)])
        yield running


def _split(source: str) -> pl.DataFrame:
    row = (date(2020, 8, 31), "AAPL", "split", 4.0, None, source)
    return pl.DataFrame([row], schema=CORPORATE_ACTIONS.schema, orient="row")


def test_bars_are_as_traded_by_the_splits_that_the_lake_knows_each_counted_once(
    gateway: ScriptedGateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake(tmp_path)
    environ = {"ALLUSE_IBKR_PORT": str(gateway.port), "ALLUSE_IBKR_TIMEOUT_SECONDS": "5"}
    source = open_source("ibkr", trading_calendar(), lake, environ)
    assert source.history("bars", ["AAPL"], _DAY, _DAY).select("close", "volume").rows() == [(101, 4000)]
    assert "no corporate actions in the lake" in caplog.text
    lake.write(CORPORATE_ACTIONS, "live", _split("alpaca"))
    lake.write(CORPORATE_ACTIONS, "files", _split("vendor"))
    caplog.clear()
    source = open_source("ibkr", trading_calendar(), lake, environ)
    assert source.history("bars", ["AAPL"], _NEXT, _NEXT).select("close", "volume").rows() == [(404, 1000)]
    assert caplog.text == ""


def test_a_wrong_variable_is_refused_when_the_source_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ALLUSE_IBKR_PORT"):
        open_source("ibkr", trading_calendar(), Lake(tmp_path), {"ALLUSE_IBKR_PORT": "no"})


def test_the_doctor_tells_whether_a_gateway_answers(gateway: ScriptedGateway) -> None:
    assert (_interactive_brokers({}).status, _interactive_brokers({}).found) == ("off", "not set up")
    found = _interactive_brokers({"ALLUSE_IBKR_PORT": str(gateway.port)})
    assert found.status == "ok"
    assert f"127.0.0.1:{gateway.port} answers, protocol 178, live data" in found.found
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    refused = _interactive_brokers({"ALLUSE_IBKR_PORT": str(port)})
    assert (refused.status, "refuses connections" in refused.found) == ("warning", True)
