"""The market that a walked book asks: under the configuration in force, and for what its closes need."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.config.canonical_form import Change
from alluse_assets.base.config.config_manager import with_values
from alluse_assets.base.errors import ConfigError, MissingDataError, SourceError
from alluse_assets.market_data.source import TABLE_OF, Coverage
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES
from alluse_assets.orchestration import config_checks, live_trading
from alluse_assets.orchestration.live_trading import MarketInForce
from tests.made_market import Look, priced
from tests.orchestration.live_stage import CALENDAR, CONFIG, MONDAY, WEEK, LiveStage, _bars_of, at

TUESDAY = WEEK[1]


@dataclass
class Source:
    """A source with the bars of a session once it is over, and a chain of one instant."""

    name: str = "made"
    past: frozenset = frozenset({"bars", "corporate_actions"})
    splits: tuple = ()
    has_quotes: bool = True
    asked: list = field(default_factory=list)
    bars_of: object = _bars_of
    fault: Exception | None = None

    def provides(self):
        known = {kind: Coverage(None, modes=frozenset({"history"})) for kind in self.past}
        return {**known, "option_quotes": Coverage(None, modes=frozenset({"snapshot"}))}

    def history(self, kind, symbols, start, end, scope=None):
        if self.fault is not None:
            raise self.fault
        self.asked.append((kind, start, end))
        table = TABLE_OF[kind]
        if kind == "bars":
            days = CALENDAR.sessions(start, end)
            rows = [row for day in days for row in self.bars_of(day, 100.0) if row[1] in symbols]
            return pl.DataFrame(rows, schema=table.schema, orient="row")
        rows = [row for row in self.splits if start <= row[0] <= end]
        return pl.DataFrame(rows, schema=table.schema, orient="row")

    def snapshot(self, kind, symbols, scope=None):
        self.asked.append((tuple(symbols), scope))
        look = Look("AAPL", MONDAY, at(MONDAY, 10, 0), 100.0, 0.5, (95_000, 100_000, 105_000), WEEK[-1:])
        rows = priced([look], 0.02) if self.has_quotes else OPTION_CHAINS.empty()
        missing = {name: pl.lit(None) for name in OPTION_QUOTES.names if name not in rows.columns}
        return OPTION_QUOTES.conform(rows.with_columns(**missing))


@pytest.fixture
def stage(hot_store, tmp_path):
    made = LiveStage(Lake(tmp_path / "lake"), hot_store, tmp_path)
    made.warm_up()
    return made


def in_force(stage, monkeypatch, source):
    opened = []

    def open_source(config, *_):
        opened.append(config.market)
        return source

    monkeypatch.setattr(live_trading, "market_source", open_source)
    services = SimpleNamespace(lake=stage.lake, hot=stage.hot, calendar=CALENDAR)
    return MarketInForce(services, {}), opened


def test_a_process_that_runs_on_asks_under_the_version_that_came_meanwhile(stage, monkeypatch):
    source = Source()
    market, opened = in_force(stage, monkeypatch, source)
    market.look(CONFIG)
    wider = with_values(CONFIG, {"market.chains.strikes_each_side": 40, "accounts.com.tickers": ["MSFT"]})
    market.look(wider)
    market.look(wider)
    sides = [scope.strikes_each_side for _, scope in source.asked]
    assert sides == [20, 40, 40]
    assert [set(tickers) for tickers, _ in source.asked] == [{"AAPL"}, {"AAPL", "MSFT"}, {"AAPL", "MSFT"}]
    assert opened == [CONFIG.market, wider.market]


def test_an_answer_without_a_quote_is_no_look(stage, monkeypatch):
    market, _ = in_force(stage, monkeypatch, Source(has_quotes=False))
    with pytest.raises(SourceError, match="no usable option quote of AAPL"):
        market.look(CONFIG)


def test_a_book_that_is_only_watched_brings_the_bars_that_its_close_needs(stage, monkeypatch):
    source = Source(splits=((TUESDAY, "AAPL", "split", 2.0, None, "made"),))
    stage.bring = in_force(stage, monkeypatch, source)[0].bring
    stage.walk(at(MONDAY, 9, 30))
    stage.walk(at(MONDAY, 10, 0))
    assert stage.walk(at(MONDAY, 16, 30)) == [("close", MONDAY)]
    assert not stage.lake.read(BARS, "live", MONDAY, MONDAY).is_empty()
    # What the next open has to know is known before it.
    assert stage.lake.read(CORPORATE_ACTIONS, "live", TUESDAY, TUESDAY)["symbol"].to_list() == ["AAPL"]
    assert stage.walk(at(TUESDAY, 9, 30)) == [("open", TUESDAY)]
    assert [event.payload["symbol"] for event in stage.events("split.applied")][:1] == ["AAPL"]


def test_a_book_over_an_empty_lake_brings_the_past_that_it_opens_on(hot_store, tmp_path, monkeypatch):
    stage = LiveStage(Lake(tmp_path / "lake"), hot_store, tmp_path)
    source = Source()
    stage.bring = in_force(stage, monkeypatch, source)[0].bring
    assert stage.walk(at(MONDAY, 9, 30)) == [("open", MONDAY)]
    before = CALENDAR.previous_session(MONDAY)
    warm = CALENDAR.previous_session(before, CONFIG.market.warm_up_sessions)
    assert source.asked[0] == ("bars", warm, before)
    stage.walk(at(MONDAY, 10, 0))
    assert stage.walk(at(MONDAY, 16, 30)) == [("close", MONDAY)]
    assert [one for one in source.asked if one[0] == "bars"][1:] == [("bars", MONDAY, MONDAY)]


def test_a_market_mode_symbol_that_is_new_to_the_lake_is_asked_for_with_its_past(stage, monkeypatch):
    source = Source(bars_of=with_qqq)
    stage.config = with_values(CONFIG, {"market.mode_symbol": "QQQ"})
    stage.bring = in_force(stage, monkeypatch, source)[0].bring
    assert stage.walk(at(MONDAY, 9, 30)) == [("open", MONDAY)]
    assert stage.events("market_mode.guessed")


def with_qqq(day, spot):
    return [*_bars_of(day, spot), (day, "QQQ", 400.0, 401.0, 399.0, 400.0, 1_000_000, "made")]


def test_what_the_source_said_is_told_when_the_bars_do_not_come(stage):
    def refuse(config, session):
        raise SourceError("Alpaca: HTTP 401: check the keys")

    stage.bring = refuse
    stage.walk(at(MONDAY, 9, 30))
    with pytest.raises(MissingDataError, match="HTTP 401"):
        stage.walk(at(MONDAY, 16, 30))
    (alert,) = stage.alerts()
    assert "HTTP 401: check the keys" in alert.payload["text"]


def test_bars_that_came_are_kept_though_the_rest_did_not(stage, monkeypatch):
    class Half(Source):
        def history(self, kind, symbols, start, end, scope=None):
            if kind != "bars":
                raise SourceError("Alpaca: no corporate actions now")
            return super().history(kind, symbols, start, end, scope)

    stage.bring = in_force(stage, monkeypatch, Half())[0].bring
    stage.walk(at(MONDAY, 9, 30))
    assert stage.walk(at(MONDAY, 16, 30)) == [("close", MONDAY)]


def test_a_new_market_mode_symbol_is_asked_of_the_source_before_it_is_set(stage, monkeypatch):
    source = Source()
    monkeypatch.setattr(config_checks, "market_source", lambda *_: source)
    services = SimpleNamespace(lake=stage.lake, calendar=CALENDAR)

    def require(symbol):
        change = Change("market.mode_symbol", "SPY", symbol)
        config_checks.require_bars(services, CONFIG, [change], at(TUESDAY, 12, 0), {})

    with pytest.raises(ConfigError, match="no bars of SPYY in the lake or at its source"):
        require("SPYY")
    assert source.asked == [("bars", CALENDAR.previous_session(MONDAY, 4), MONDAY)]
    source.bars_of = with_qqq
    require("QQQ")
    require("SPY")
    assert len(source.asked) == 2
    source.fault = SourceError("Alpaca: no answer")
    with pytest.raises(ConfigError, match="try again when it answers"):
        require("SPYY")
