"""Routes decide who is asked; what one source lacks the next one fills."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl
import pytest

from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.model_market import RouteRules
from alluse_assets.base.errors import ConfigError, SourceError
from alluse_assets.market_data.routing import RoutedSource
from alluse_assets.market_data.source import Coverage, StreamBatch
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, RATES
from alluse_assets.option_chains.tables import OPTION_QUOTES

MONDAY, TUESDAY, WEDNESDAY = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)
MONTH_END = date(2024, 6, 30)
AFTER = datetime(2024, 7, 1, tzinfo=UTC)
"""All sessions of the month are over."""


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


def routed(*shelves: Shelf, told: list | None = None, now=AFTER, roots=None, **routes) -> RoutedSource:
    sources = {shelf.name: shelf for shelf in shelves}
    rules = RouteRules(**({"default": tuple(sources)} | routes))
    on_fallback = told.append if told is not None else (lambda _: None)
    return RoutedSource(sources, rules, trading_calendar(), lambda: now, roots or {}, on_fallback=on_fallback)


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
    first, second = Shelf("alpaca", {"SPY": [MONDAY]}, fails=True), Shelf("files", {"IBM": [TUESDAY]})
    with pytest.raises(SourceError, match="for bars of SPY: alpaca is down") as failure:
        routed(first, second).history("bars", ["SPY", "IBM"], MONDAY, TUESDAY)
    assert failure.value.is_passing


def test_a_session_that_nobody_has_is_absent_when_everybody_answered():
    rows = routed(Shelf("alpaca", {"SPY": [MONDAY]})).history("bars", ["SPY"], MONDAY, TUESDAY)
    assert origins(rows) == [(MONDAY, "SPY", "alpaca")]


def test_rates_come_whole_from_the_first_source_that_has_them():
    source = routed(Shelf("alpaca", {"SPY": [MONDAY]}), Shelf("files", {"SPY": [MONDAY]}, rate=0.04))
    assert source.history("rates", [], MONDAY, MONDAY)["source"].to_list() == ["files"]


def test_rates_that_nobody_gives_are_an_error_and_never_empty():
    first, second = Shelf("alpaca", {}, rate=0.03, fails=True), Shelf("files", {"SPY": [MONDAY]}, rate=0.04)
    rates = routed(first, second).history("rates", [], MONDAY, MONDAY)
    assert rates["source"].to_list() == ["files"]
    with pytest.raises(SourceError, match="no source answered for rates: alpaca is down"):
        routed(first).history("rates", [], MONDAY, MONDAY)


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


def test_a_session_that_is_not_over_is_no_gap():
    """The market stage asks to the month's end; a second source that was down failed each of its runs."""
    first = Shelf("alpaca", {"SPY": [MONDAY, TUESDAY]}, lists=False)
    second = Shelf("ibkr", {"SPY": [MONDAY]}, lists=False, fails=True)
    for now in (datetime(2024, 6, 4, 20, tzinfo=UTC), datetime(2024, 6, 5, 19, 59, tzinfo=UTC)):
        rows = routed(first, second, now=now).history("bars", ["SPY"], MONDAY, MONTH_END)
        assert origins(rows) == [(MONDAY, "SPY", "alpaca"), (TUESDAY, "SPY", "alpaca")]
        assert second.asked == []


def test_the_session_under_way_is_taken_from_who_has_some_of_it():
    first = Shelf("alpaca", {"SPY": [MONDAY, TUESDAY]}, lists=False)
    rows = routed(first, now=datetime(2024, 6, 4, 15, tzinfo=UTC)).history("bars", ["SPY"], TUESDAY, TUESDAY)
    assert origins(rows) == [(TUESDAY, "SPY", "alpaca")]


def test_what_there_is_stays_when_the_source_for_the_rest_fails():
    told: list = []
    first = Shelf("alpaca", {"SPY": [MONDAY], "IBM": [MONDAY, TUESDAY]}, lists=False)
    second = Shelf("ibkr", {}, lists=False, fails=True)
    rows = routed(first, second, told=told).history("bars", ["SPY", "IBM"], MONDAY, TUESDAY)
    assert origins(rows) == [
        (MONDAY, "IBM", "alpaca"),
        (MONDAY, "SPY", "alpaca"),
        (TUESDAY, "IBM", "alpaca"),
    ]
    assert [(one.source, one.symbols) for one in told] == [("ibkr", ("SPY",))]


def test_when_nothing_is_owed_an_empty_answer_makes_a_failure_good():
    first, second = Shelf("alpaca", {}, lists=False, fails=True), Shelf("ibkr", {}, lists=False)
    before = datetime(2024, 6, 3, 12, tzinfo=UTC)
    assert routed(first, second, now=before).history("bars", ["SPY"], MONDAY, MONTH_END).is_empty()
    with pytest.raises(SourceError, match="alpaca is down"):
        routed(first, now=before).history("bars", ["SPY"], MONDAY, MONTH_END)


def test_a_source_is_not_asked_for_gaps_beyond_what_it_says_it_has():
    first = Shelf("alpaca", {"SPY": [MONDAY], "IBM": [WEDNESDAY]}, lists=False)
    second = Shelf("files", {"SPY": [MONDAY], "IBM": [MONDAY, TUESDAY]})
    routed(first, second).history("bars", ["SPY", "IBM"], MONDAY, WEDNESDAY)
    assert second.asked == [("bars", ("IBM",))]
    alone = Shelf("files", {"SPY": [MONDAY]})
    assert routed(alone).history("bars", ["SPY"], TUESDAY, WEDNESDAY).is_empty()
    assert alone.asked == []


def test_a_snapshot_keeps_what_was_answered_whoever_failed():
    told: list = []
    first, second = (
        Shelf("alpaca", {}, lists=False, fails=True),
        Shelf("ibkr", {"SPY": [MONDAY]}, lists=False),
    )
    rows = routed(first, second, told=told).snapshot("bars", ["SPY", "IBM"])
    assert origins(rows) == [(MONDAY, "SPY", "ibkr")]
    assert [(one.source, one.symbols) for one in told] == [("alpaca", ("SPY", "IBM"))]


def test_a_dead_source_of_one_ticker_costs_that_ticker_only():
    routes = {"default": ("alpaca",), "tickers": {"SPX": {"bars": ("ibkr",)}}}
    first, second = Shelf("alpaca", {"SPY": [MONDAY]}), Shelf("ibkr", {"SPX": [MONDAY]}, fails=True)
    source = routed(first, second, **routes)
    assert origins(source.snapshot("bars", ["SPX", "SPY"])) == [(MONDAY, "SPY", "alpaca")]
    with pytest.raises(SourceError, match="bars of SPX: ibkr is down") as failure:
        source.snapshot("bars", ["SPX"])
    assert failure.value.is_passing


@pytest.mark.parametrize("mode", ["snapshot", "history"])
def test_a_route_to_a_source_that_cannot_be_asked_in_this_way_is_an_error(mode):
    told: list = []
    deaf = Shelf("files", {"SPY": [MONDAY]}, modes=frozenset({"stream"}))
    other = Shelf("alpaca", {"IBM": [MONDAY]})
    span = (MONDAY, MONDAY) if mode == "history" else ()
    source = routed(deaf, other, told=told, default=("files",), tickers={"IBM": {"bars": ("alpaca",)}})
    message = rf"SPY routed to files, which has no {mode} of bars: name a source .* kinds\.bars"
    with pytest.raises(SourceError, match=message) as refused:
        getattr(source, mode)("bars", ["SPY"], *span)
    assert not refused.value.is_passing
    assert told == []
    assert origins(getattr(source, mode)("bars", ["SPY", "IBM"], *span)) == [(MONDAY, "IBM", "alpaca")]
    assert [(one.source, one.symbols) for one in told] == [("files", ("SPY",))]
    assert deaf.asked == []


def test_a_kind_with_a_route_of_its_own_is_not_provided_by_the_default():
    first = Shelf("files", {"SPY": [MONDAY]}, rate=0.04)
    source = routed(first, Shelf("alpaca", {}, lists=False), default=("files",), kinds={"rates": ("alpaca",)})
    assert set(source.provides()) == {"bars"}


@dataclass
class Splits:
    """A source of splits; without ``lists`` it is asked for whatever is wanted."""

    name: str
    has: dict[str, date]
    lists: bool = False
    fails: bool = False
    asked: list[tuple] = field(default_factory=list)

    def provides(self):
        spans = {symbol: (day, day) for symbol, day in self.has.items()} if self.lists else None
        return {"corporate_actions": Coverage(spans)}

    def history(self, kind, symbols, start, end, scope=None):
        self.asked.append(tuple(symbols))
        if self.fails:
            raise SourceError(f"{self.name} is down")
        days = {s: d for s, d in self.has.items() if s in symbols and start <= d <= end}
        rows = [
            {"ex_date": d, "symbol": s, "kind": "split", "ratio": 4.0, "source": self.name}
            for s, d in days.items()
        ]
        return CORPORATE_ACTIONS.conform(pl.DataFrame(rows)) if rows else CORPORATE_ACTIONS.empty()


def test_of_what_has_no_row_on_most_days_the_first_source_that_answers_for_a_symbol_is_believed():
    first = Splits("files", {"SPY": TUESDAY}, lists=True)
    second, third = Splits("alpaca", {"SPY": MONDAY, "IBM": MONDAY}), Splits("ibkr", {})
    found = routed(first, second, third).history("corporate_actions", ["SPY", "IBM", "T"], MONDAY, WEDNESDAY)
    assert found.select("symbol", "source").rows() == [("IBM", "alpaca"), ("SPY", "files")]
    assert (second.asked, third.asked) == ([("IBM", "T")], [])


def test_no_split_is_an_answer_and_a_failure_is_not():
    down, up = Splits("alpaca", {}, fails=True), Splits("ibkr", {})
    assert routed(down, up).history("corporate_actions", ["SPY"], MONDAY, TUESDAY).is_empty()
    with pytest.raises(SourceError, match="for corporate_actions of SPY: alpaca is down"):
        routed(down).history("corporate_actions", ["SPY"], MONDAY, TUESDAY)


@dataclass
class Wire:
    """A source that streams, and says who it is."""

    name: str
    has: tuple[str, ...] | None = None

    def provides(self):
        spans = None if self.has is None else dict.fromkeys(self.has, (MONDAY, MONDAY))
        coverage = Coverage(spans, modes=frozenset({"stream"}))
        return dict.fromkeys(("share_quotes", "option_quotes"), coverage)

    def stream(self, kinds, batch_seconds):
        row = dict.fromkeys(OPTION_QUOTES.schema) | {"source": self.name}
        yield StreamBatch({"option_quotes": pl.DataFrame([row])})


def streams(source: RoutedSource, **kinds) -> str:
    """Who streams ``kinds``."""
    return next(source.stream(kinds, 1.0)).rows["option_quotes"]["source"].item()


def wired(roots=None, **routes) -> RoutedSource:
    sources = {name: Wire(name) for name in ("alpaca", "ibkr")}
    return RoutedSource(sources, RouteRules(**routes), trading_calendar(), lambda: AFTER, roots or {})


def test_a_stream_follows_the_order_of_the_route():
    assert streams(wired(default=("ibkr", "alpaca")), share_quotes=["SPY"]) == "ibkr"
    assert streams(wired(default=("alpaca", "ibkr")), share_quotes=["SPY"]) == "alpaca"
    either = {"SPX": {"share_quotes": ("ibkr", "alpaca")}}
    source = wired(default=("alpaca",), tickers=either)
    assert streams(source, share_quotes=["SPX"]) == "ibkr"
    assert streams(source, share_quotes=["SPX", "SPY"]) == "alpaca"


@pytest.mark.parametrize(
    ("contract", "ticker"),
    [
        ("SPXW240621P05000000", "SPX"),
        ("SPX240621P05000000", "SPX"),
        ("BRKB240621C00400000", "BRK.B"),
        ("BRKB1240621C00400000", "BRK.B"),
        ("BRKB  240621C00400000", "BRK.B"),
        ("IBM240621P00100000", "IBM"),
    ],
)
def test_an_option_is_routed_by_its_underlying(contract, ticker):
    roots = {"SPXW": "SPX", "SPX": "SPX"}
    by_ticker = wired(roots, default=("alpaca",), tickers={ticker: {"option_quotes": ("ibkr",)}})
    assert streams(by_ticker, option_quotes=[contract]) == "ibkr"
    assert streams(by_ticker, option_quotes=["SPY240621P00500000"]) == "alpaca"


def test_what_no_one_source_streams_is_an_error_that_names_the_routes():
    source = wired({"SPXW": "SPX"}, default=("alpaca",), tickers={"SPX": {"option_quotes": ("ibkr",)}})
    routes = r"share_quotes of SPY: alpaca; option_quotes of SPX: ibkr"
    with pytest.raises(SourceError, match=routes):
        streams(source, share_quotes=["SPY", "IBM"], option_quotes=["SPXW240621P05000000"])
