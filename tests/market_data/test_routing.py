"""Routes decide who is asked; what one source lacks the next one fills."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_market import RouteRules
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.market_data.routing import RoutedSource
from alluse_assets.market_data.source import Coverage, StreamBatch
from alluse_assets.market_data.tables import BARS, RATES

MONDAY, TUESDAY, WEDNESDAY = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)


@dataclass
class Shelf:
    """A source that has bars of some symbols on some sessions, and keeps what it was asked."""

    name: str
    has: dict[str, list[date]]
    lists: bool = True
    fails: bool = False
    rate: float | None = None
    modes: frozenset = frozenset({"history", "snapshot", "stream"})
    asked: list[tuple] = field(default_factory=list)

    def provides(self):
        spans = {symbol: (min(days), max(days)) for symbol, days in self.has.items()}
        found = {"bars": Coverage(spans if self.lists else None, modes=self.modes)}
        return found | ({"rates": Coverage({"30 days": (MONDAY, WEDNESDAY)})} if self.rate else {})

    def history(self, kind, symbols, start, end, scope=None):
        self.asked.append((kind, tuple(symbols)))
        if self.fails:
            raise SourceError(f"{self.name} is down", is_passing=True)
        if kind == "rates":
            row = {"ts": MONDAY, "tenor_days": 30, "rate_annual": self.rate, "source": self.name}
            return RATES.conform(pl.DataFrame([row]))
        return self._bars([(s, d) for s in symbols for d in self.has.get(s, []) if start <= d <= end])

    def snapshot(self, kind, symbols, scope=None):
        self.asked.append((kind, tuple(symbols)))
        if self.fails:
            raise SourceError(f"{self.name} is down", is_passing=True)
        return self._bars([(s, self.has[s][-1]) for s in symbols if s in self.has])

    def stream(self, kinds, batch_seconds):
        yield StreamBatch({"bars": self._bars([(s, WEDNESDAY) for s in kinds["bars"]])})

    def _bars(self, pairs):
        prices = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100, "source": self.name}
        return BARS.conform(
            pl.DataFrame([{"ts": d, "symbol": s, **prices} for s, d in pairs], schema=BARS.schema)
        )


def routed(*shelves: Shelf, told: list | None = None, **routes) -> RoutedSource:
    sources = {shelf.name: shelf for shelf in shelves}
    rules = RouteRules(**({"default": tuple(sources)} | routes))
    on_fallback = told.append if told is not None else (lambda _: None)
    return RoutedSource(sources, rules, trading_calendar(), on_fallback=on_fallback)


def origins(frame: pl.DataFrame) -> list[tuple]:
    return frame.select("ts", "symbol", "source").rows()


def test_a_session_that_the_first_source_lacks_comes_from_the_next():
    first = Shelf("alpaca", {"SPY": [MONDAY, WEDNESDAY]})
    second = Shelf("files", {"SPY": [MONDAY, TUESDAY, WEDNESDAY]})
    rows = routed(first, second).history("bars", ["SPY"], MONDAY, WEDNESDAY)
    assert origins(rows) == [
        (MONDAY, "SPY", "alpaca"),
        (TUESDAY, "SPY", "files"),
        (WEDNESDAY, "SPY", "alpaca"),
    ]


def test_the_next_source_is_not_asked_for_symbols_that_are_complete():
    first = Shelf("alpaca", {"SPY": [MONDAY, TUESDAY], "QQQ": [MONDAY]})
    second = Shelf("files", {"SPY": [MONDAY], "QQQ": [TUESDAY]})
    routed(first, second).history("bars", ["SPY", "QQQ"], MONDAY, TUESDAY)
    assert second.asked == [("bars", ("QQQ",))]


def test_a_source_is_never_asked_for_what_it_says_it_lacks():
    first = Shelf("alpaca", {"SPY": [MONDAY]}, modes=frozenset({"stream"}))
    second = Shelf("files", {"SPY": [MONDAY]})
    rows = routed(first, second).history("bars", ["SPY", "IBM"], MONDAY, MONDAY)
    assert (first.asked, second.asked) == ([], [("bars", ("SPY",))])
    assert origins(rows) == [(MONDAY, "SPY", "files")]


def test_the_most_particular_route_counts():
    stores = [Shelf(name, {"SPY": [MONDAY], "IBM": [MONDAY]}) for name in ("alpaca", "ibkr", "files")]
    source = routed(
        *stores, default=("alpaca",), kinds={"bars": ("files",)}, tickers={"SPY": {"bars": ("ibkr",)}}
    )
    rows = source.history("bars", ["SPY", "IBM"], MONDAY, MONDAY)
    assert origins(rows) == [(MONDAY, "IBM", "files"), (MONDAY, "SPY", "ibkr")]


def test_a_source_that_fails_is_passed_over_and_told_of():
    told: list = []
    first, second = Shelf("alpaca", {"SPY": [MONDAY]}, fails=True), Shelf("files", {"SPY": [MONDAY]})
    rows = routed(first, second, told=told).history("bars", ["SPY"], MONDAY, MONDAY)
    assert origins(rows) == [(MONDAY, "SPY", "files")]
    assert [(one.source, one.symbols, one.reason) for one in told] == [("alpaca", ("SPY",), "alpaca is down")]


def test_a_failure_that_nobody_makes_good_is_an_error_and_never_an_empty_answer():
    first, second = Shelf("alpaca", {"SPY": [MONDAY]}, fails=True), Shelf("files", {"SPY": [TUESDAY]})
    with pytest.raises(SourceError, match="alpaca is down"):
        routed(first, second).history("bars", ["SPY"], MONDAY, TUESDAY)


def test_a_session_that_nobody_has_is_absent_when_everybody_answered():
    rows = routed(Shelf("alpaca", {"SPY": [MONDAY]})).history("bars", ["SPY"], MONDAY, TUESDAY)
    assert origins(rows) == [(MONDAY, "SPY", "alpaca")]


def test_rates_come_whole_from_the_first_source_that_has_them():
    source = routed(Shelf("alpaca", {"SPY": [MONDAY]}), Shelf("files", {"SPY": [MONDAY]}, rate=0.04))
    assert source.history("rates", [], MONDAY, MONDAY)["source"].to_list() == ["files"]


def test_a_snapshot_asks_the_next_source_for_the_symbols_that_are_left():
    first, second = Shelf("alpaca", {"SPY": [MONDAY]}, lists=False), Shelf("ibkr", {"IBM": [MONDAY]})
    rows = routed(first, second).snapshot("bars", ["SPY", "IBM"])
    assert origins(rows) == [(MONDAY, "IBM", "ibkr"), (MONDAY, "SPY", "alpaca")]
    assert first.asked == [("bars", ("SPY", "IBM"))]
    assert second.asked == [("bars", ("IBM",))]


def test_a_stream_comes_from_a_source_that_has_all_of_it():
    first, second = Shelf("alpaca", {"SPY": [MONDAY]}), Shelf("ibkr", {"SPY": [MONDAY], "IBM": [MONDAY]})
    batch = next(routed(first, second).stream({"bars": ["SPY", "IBM"]}, 1.0))
    assert set(batch.rows["bars"]["source"]) == {"ibkr"}


def test_what_no_route_names_is_an_error_that_says_where_to_name_it():
    with pytest.raises(ConfigError, match=r"kinds\.bars"):
        routed(Shelf("alpaca", {"SPY": [MONDAY]}), default=()).history("bars", ["SPY"], MONDAY, MONDAY)
    with pytest.raises(ConfigError, match="ibkr for bars is not set up"):
        routed(Shelf("alpaca", {}), default=("ibkr",)).history("bars", ["SPY"], MONDAY, MONDAY)


def test_what_sources_have_together_spans_all_of_them():
    first = Shelf("alpaca", {"SPY": [TUESDAY]}, modes=frozenset({"stream"}))
    second = Shelf("files", {"SPY": [MONDAY], "IBM": [MONDAY]}, modes=frozenset({"history"}))
    together = routed(first, second).provides()["bars"]
    assert together.symbols == {"SPY": (MONDAY, TUESDAY), "IBM": (MONDAY, MONDAY)}
    assert together.modes == {"stream", "history"}
    unlisted = routed(first, Shelf("files", {"SPY": [MONDAY]}, lists=False)).provides()["bars"]
    assert unlisted.symbols is None
