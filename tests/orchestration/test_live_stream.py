"""The streaming ingester: waits, streams, tells how it is, and outlives what can pass."""

import json
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from prometheus_client import generate_latest, start_http_server

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.errors import DataError, ServerError, SourceError
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.market_data.source import Coverage, StreamBatch
from alluse_assets.market_data.tables import SHARE_QUOTES
from alluse_assets.option_chains.tables import (
    OPTION_QUOTES,
    OPTION_TICKS,
    PREMIUM_SNAPSHOTS,
    RAW_OPTION_QUOTES,
)
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.live_stream import StreamIngester, next_stretch
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.stream_health import StreamHealth, read_state

CALENDAR = trading_calendar()
OPEN = datetime(2024, 6, 3, 13, 30, tzinfo=UTC)
CLOSE = datetime(2024, 6, 3, 20, 0, tzinfo=UTC)
CONTRACT = "IBM240621P00100000"
"""One contract that is listed."""


class Clock:
    """Time that moves when somebody waits, and a little with every look."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.stopped = False
        self.stop_at: datetime | None = None
        self.waited: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)
        return self.is_set()

    def is_set(self) -> bool:
        return self.stopped or (self.stop_at is not None and self.now >= self.stop_at)


def share_quotes(at, bid=100.0, ask=100.1, symbol="IBM"):
    row = {"quote_ts": at, "session": at.date(), "symbol": symbol, "bid": bid, "ask": ask, "source": "test"}
    return SHARE_QUOTES.conform(pl.DataFrame([row]))


def option_quotes(at, bid=3.0, ask=3.2, contract=CONTRACT):
    row = {
        "quote_ts": at,
        "session": at.date(),
        "underlying": "IBM",
        "underlying_price": 100.05,
        "contract_symbol": contract,
        "expiry": date(2024, 6, 21),
        "right": "P",
        "strike": 100.0,
        "bid": bid,
        "ask": ask,
        "source": "test",
    }
    return OPTION_QUOTES.conform(pl.DataFrame([row]))


@dataclass
class Wire:
    """A source whose stream gives what the test says, an error among it if it is to break off."""

    clock: Clock
    script: list = field(default_factory=list)
    chain: pl.DataFrame | None = None
    asked: list = field(default_factory=list)
    modes: frozenset = frozenset({"snapshot", "stream"})
    name: str = "wire"

    def provides(self):
        return {kind: Coverage(None, modes=self.modes) for kind in ("share_quotes", "option_quotes")}

    def history(self, kind, symbols, start, end, scope=None):
        raise SourceError("no history")

    def snapshot(self, kind, symbols, scope=None):
        self.asked.append((tuple(symbols), scope))
        return option_quotes(self.clock.now) if self.chain is None else self.chain

    def stream(self, kinds, batch_seconds):
        self.asked.append({kind: tuple(symbols) for kind, symbols in kinds.items()})
        while True:
            self.clock.now += timedelta(seconds=batch_seconds)
            step = self.script.pop(0) if self.script else StreamBatch()
            if isinstance(step, Exception):
                raise step
            yield step


PROFILE = """
market: {source: live, routes: {default: [alpaca]}, flat_rate_annual: 0.05}
accounts: {gen: {tickers: [IBM]}, rev: {tickers: [IBM]}, com: {tickers: [IBM]}}
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "ibm.yaml").write_text(PROFILE)
    return load(tmp_path / "ibm.yaml", {}).config


@pytest.fixture
def scene(tmp_path, hot_store, config):
    clock = Clock(OPEN + timedelta(minutes=1))
    wire = Wire(clock)
    live = LiveMarket(MarketSteps(Lake(tmp_path / "lake"), config, CALENDAR, wire), hot_store)
    health = StreamHealth(tmp_path / "stream")
    return clock, wire, live, StreamIngester(live, health, clock, clock)


def test_what_streams_is_kept_and_what_is_wrong_is_refused(scene, tmp_path):
    clock, wire, live, ingester = scene
    at = clock.now
    wire.script = [
        StreamBatch({"share_quotes": share_quotes(at), "option_quotes": option_quotes(at)}),
        StreamBatch({"share_quotes": share_quotes(at, bid=101.0)}, missed=2, reconnects=1),
    ]
    clock.stop_at = at + timedelta(seconds=5)
    ingester.run()
    assert live.hot.read(SHARE_QUOTES, "live", at.date(), at.date())["bid"].to_list() == [100.0]
    assert live.hot.read(OPTION_TICKS, "live", at.date(), at.date()).height == 1
    assert live.steps.lake.read(QUARANTINE, "live")["rule"].to_list() == ["ask_below_bid"]
    told = read_state(tmp_path / "stream")
    assert (told.rows, told.refused, told.phase) == (2, 1, "ended")
    assert told.lag_seconds == 2.0


def test_the_last_of_several_rows_of_an_instant_is_kept_whatever_the_batch(scene):
    clock, _, live, _ = scene
    at = clock.now
    kept = live.keep("share_quotes", pl.concat([share_quotes(at, bid=99.0), share_quotes(at, bid=100.0)]))
    assert (kept.rows, kept.refused) == (1, 0)
    live.keep("share_quotes", share_quotes(at, bid=99.5))
    assert live.hot.read(SHARE_QUOTES, "live", at.date(), at.date())["bid"].to_list() == [99.5]


def test_the_contracts_of_the_scope_are_subscribed_with_their_shares(scene, config):
    clock, wire, _, ingester = scene
    clock.stop_at = clock.now + timedelta(seconds=2)
    ingester.run()
    (tickers, scope), subscribed = wire.asked
    assert tickers == ("IBM",)
    assert scope.near_days == config.market.chains.near_days
    assert subscribed == {"share_quotes": ("IBM",), "option_quotes": (CONTRACT,)}


def test_it_waits_for_the_open_and_ends_after_the_close(scene, tmp_path):
    clock, wire, _, ingester = scene
    clock.now = OPEN - timedelta(minutes=5)
    seen = []
    told = ingester.health.tell
    ingester.health.tell = lambda now, phase, *rest: (seen.append((now, phase)), told(now, phase, *rest))[1]
    ingester.batch_seconds = 600.0
    clock.stop_at = CLOSE + timedelta(hours=1)
    ingester.run()
    phases = [phase for _, phase in seen]
    assert phases[0] == "waiting"
    assert phases.count("streaming") == len([at for at, phase in seen if phase == "streaming" and at >= OPEN])
    streamed = [at for at, phase in seen if phase == "streaming"]
    assert CLOSE < streamed[-1] <= CLOSE + timedelta(minutes=12)
    assert phases[-2:] == ["waiting", "ended"]
    assert len([asked for asked in wire.asked if isinstance(asked, dict)]) == 1


def test_what_can_pass_is_tried_again_with_growing_pauses(scene):
    clock, wire, live, ingester = scene
    at = clock.now
    broken = SourceError("the line dropped", is_passing=True)
    wire.script = [broken, broken, broken, StreamBatch({"share_quotes": share_quotes(at)}), broken]
    clock.stop_at = at + timedelta(seconds=60)
    ingester.run()
    assert clock.waited[:4] == [2.0, 4.0, 8.0, 16.0]
    assert live.hot.read(SHARE_QUOTES, "live", at.date(), at.date()).height == 1


def test_a_refusal_for_good_ends_it_and_says_why(scene, tmp_path):
    _, wire, _, ingester = scene
    wire.script = [SourceError("no rights to the option feed")]
    with pytest.raises(SourceError, match="no rights"):
        ingester.run()
    assert read_state(tmp_path / "stream").detail == "no rights to the option feed"


def test_a_database_that_restarts_is_waited_for(scene, tmp_path, monkeypatch):
    clock, wire, live, ingester = scene
    at = clock.now
    wire.script = [StreamBatch({"share_quotes": share_quotes(at + timedelta(seconds=n))}) for n in range(3)]
    upsert, failing = type(live.hot).upsert, [ServerError("the server is restarting")] * 2

    def unsteady(*arguments):
        if failing:
            raise failing.pop()
        return upsert(*arguments)

    monkeypatch.setattr(type(live.hot), "upsert", unsteady)
    clock.stop_at = at + timedelta(seconds=30)
    ingester.run()
    assert clock.waited[:2] == [2.0, 4.0]
    assert live.hot.read(SHARE_QUOTES, "live", at.date(), at.date()).height == 1
    assert read_state(tmp_path / "stream").phase == "ended"


def test_a_market_that_nobody_streams_is_told(scene):
    _, wire, _, ingester = scene
    wire.modes = frozenset({"snapshot"})
    with pytest.raises(SourceError, match=r"none of the sources streams IBM.*market\.routes"):
        ingester.run()


def test_its_numbers_are_read_over_http(scene):
    clock, wire, _, ingester = scene
    wire.script = [StreamBatch({"share_quotes": share_quotes(clock.now)}, reconnects=3)]
    clock.stop_at = clock.now + timedelta(seconds=1)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=ingester.health.registry)
    try:
        ingester.run()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        thread.join()
    assert 'alluse_stream_rows_total{kind="share_quotes"} 1.0' in text
    assert "alluse_stream_lag_seconds 1.0" in text
    assert text == generate_latest(ingester.health.registry).decode()


def test_whoever_is_silent_for_a_minute_is_gone(tmp_path):
    state = StreamHealth(tmp_path).tell(OPEN, "streaming", True, 0, 0)
    assert read_state(tmp_path) == state
    assert not state.is_silent(OPEN + timedelta(seconds=59))
    assert state.is_silent(OPEN + timedelta(seconds=61))


def test_a_state_that_cannot_be_read_is_told(tmp_path):
    assert read_state(tmp_path) is None
    (tmp_path / "stream.json").write_text(json.dumps({"rows": 1}))
    with pytest.raises(DataError, match="remove the file"):
        read_state(tmp_path)


def test_what_was_refused_live_stays_when_the_sessions_chains_are_judged(scene):
    """Judging the whole chains once swept away what had been refused of ticks and premiums."""
    clock, wire, live, _ = scene
    wire.chain = option_quotes(clock.now, ask=1.0)
    live.take_snapshot("premium")
    live.keep("option_quotes", option_quotes(clock.now + timedelta(minutes=1), ask=1.0))
    wire.chain = option_quotes(clock.now + timedelta(minutes=2), ask=1.0)
    live.take_snapshot("close")
    day = clock.now.date()
    for _ in range(2):
        live.steps.validate_quotes(day, day)
        refused = live.steps.lake.read(QUARANTINE, "live")
        assert sorted(refused["table"]) == ["option_quotes", "option_ticks", "premium_snapshots"]


def test_a_session_is_compacted_whole_and_again_without_change(scene):
    clock, _, live, _ = scene
    at = clock.now
    live.keep("share_quotes", pl.concat([share_quotes(at), share_quotes(at, symbol="MSFT")]))
    live.keep("option_quotes", option_quotes(at))
    live.take_snapshot("premium")
    assert live.compact(at.date(), at.date()) == {
        "share_quotes": 2,
        "intraday_bars": 0,
        "option_ticks": 1,
        "premium_snapshots": 1,
    }
    lake = live.steps.lake
    before = lake.content_id(OPTION_TICKS, "live"), lake.content_id(PREMIUM_SNAPSHOTS, "live")
    live.compact(at.date(), at.date())
    assert (lake.content_id(OPTION_TICKS, "live"), lake.content_id(PREMIUM_SNAPSHOTS, "live")) == before


def test_a_whole_chain_is_in_the_raw_layer_and_priced_in_the_hot_store(scene):
    from alluse_assets.option_chains.tables import OPTION_CHAINS

    clock, wire, live, _ = scene
    wire.chain = pl.concat(
        [option_quotes(clock.now), option_quotes(clock.now, ask=1.0, contract="IBM240621P00099000")]
    )
    kept = live.take_snapshot("close")
    assert (kept.rows, kept.refused) == (1, 1)
    assert live.steps.lake.read(RAW_OPTION_QUOTES, "live").height == 2
    priced = live.hot.read(OPTION_CHAINS, "live", clock.now.date(), clock.now.date())
    assert priced["iv_status"].to_list() == ["ok"]


def test_the_next_stretch_is_the_session_under_way_or_the_next():
    assert next_stretch(CALENDAR, OPEN)[0] == OPEN
    assert next_stretch(CALENDAR, CLOSE + timedelta(minutes=1)) == (OPEN, CLOSE + timedelta(minutes=2))
    assert next_stretch(CALENDAR, CLOSE + timedelta(minutes=2))[0] == OPEN + timedelta(days=1)
    saturday = datetime(2024, 6, 8, 15, 0, tzinfo=UTC)
    assert next_stretch(CALENDAR, saturday)[0].date() == date(2024, 6, 10)
