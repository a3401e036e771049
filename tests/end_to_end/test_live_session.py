"""A live session end to end: the real SDK before a loopback server, the hot store, the lake, one question.

The streams are cut in the middle; nothing that came before or after is missing.
"""

import threading
from datetime import timedelta

import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.market_data.routing import RoutedSource
from alluse_assets.market_data.tables import INTRADAY_BARS, SHARE_QUOTES
from alluse_assets.option_chains.tables import OPTION_TICKS
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.live_stream import StreamIngester
from alluse_assets.orchestration.market_queries import MarketQueries
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.stream_health import StreamHealth, read_state
from tests.adapters.alpaca.conftest import make_source, rest, streams  # noqa: F401
from tests.adapters.alpaca.market import NOW, TODAY
from tests.adapters.alpaca.stream_server import wait_until
from tests.adapters.alpaca.test_stream import OPTIONS, SHARES, minute_bar, quote

CALENDAR = trading_calendar()
PROFILE = """
market: {source: live, routes: {default: [alpaca]}, flat_rate_annual: 0.05}
accounts: {gen: {tickers: [SPY]}, rev: {tickers: [SPY]}, com: {tickers: [SPY]}}
"""


@pytest.fixture
def live(tmp_path, hot_store, make_source, streams):  # noqa: F811
    (tmp_path / "spy.yaml").write_text(PROFILE)
    config = load(tmp_path / "spy.yaml", {}).config
    source = make_source(stream_url=streams.url)
    routed = RoutedSource({"alpaca": source}, config.market.routes, CALENDAR, lambda: NOW)
    return LiveMarket(MarketSteps(Lake(tmp_path / "lake"), config, CALENDAR, routed), hot_store)


def test_a_session_streams_through_a_cut_into_the_hot_store_and_then_into_the_lake(live, tmp_path, streams):  # noqa: F811
    streams.symbol_limit = 1000
    stop, health = threading.Event(), StreamHealth(tmp_path / "stream")
    ingester = StreamIngester(live, health, lambda: NOW + timedelta(seconds=2), stop, batch_seconds=0.05)
    running = threading.Thread(target=ingester.run)
    running.start()
    try:
        streams.send(SHARES, quote("SPY", 509.0, 511.0), minute_bar("SPY", NOW - timedelta(minutes=1), 510.0))
        contract = sorted(live_contracts(streams))[0]
        streams.send(OPTIONS, quote(contract, 5.0, 5.2))
        hot = live.hot
        wait_until(lambda: hot.read(OPTION_TICKS, "live", TODAY, TODAY).height == 1)
        streams.drop()
        wait_until(
            lambda: (state := read_state(tmp_path / "stream")) and state.reconnects > 0 and state.connected
        )
        streams.send(SHARES, quote("SPY", 510.0, 512.0, NOW + timedelta(seconds=1)))
        wait_until(lambda: hot.read(SHARE_QUOTES, "live", TODAY, TODAY).height == 2)
    finally:
        stop.set()
        running.join(60)
    assert not running.is_alive()
    state = read_state(tmp_path / "stream")
    assert (state.phase, state.rows, state.refused) == ("ended", 4, 0)
    assert state.lag_seconds == 1.0
    counts = live.compact(TODAY, TODAY)
    assert counts == {"share_quotes": 2, "intraday_bars": 1, "option_ticks": 1, "premium_snapshots": 0}
    queries = MarketQueries(live.steps.lake, "live", CALENDAR, live.hot)
    answer = queries.rows(INTRADAY_BARS, TODAY, TODAY, ["SPY"])
    assert [origin.store for origin in answer.origins] == ["lake"]
    assert answer.rows["close"].to_list() == [510.0]


def test_a_chain_that_was_looked_at_is_the_latest_chain(live):
    kept = live.take_snapshot("close")
    assert kept.rows > 10
    queries = MarketQueries(live.steps.lake, "live", CALENDAR, live.hot)
    chain = queries.chain("SPY", NOW + timedelta(minutes=1))
    assert chain.rows.height == kept.rows
    assert [origin.store for origin in chain.origins] == ["hot store"]
    assert (chain.rows["iv_status"] == "ok").mean() > 0.5


def is_connected_again(folder) -> bool:
    """Whether the ingester tells that it has made its connection anew."""
    state = read_state(folder)
    return state is not None and state.reconnects > 0 and state.connected


def live_contracts(streams) -> list[str]:  # noqa: F811
    """The option contracts that were subscribed."""
    session = streams.subscribed(OPTIONS)
    return [symbol for symbols in session.channels.values() for symbol in symbols]
