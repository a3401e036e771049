"""Bars: the requests that a range takes, and rows as traded from what the gateway brings."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.adapters.ibkr.bars import as_traded, bar_requests
from alluse_assets.adapters.ibkr.pacing import PacingLimits, Window
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.adjustments import adjusted
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from tests.adapters.ibkr.conftest import NO_LIMITS, NOW, TODAY, MakeSource
from tests.adapters.ibkr.data_messages import NO_DATA, PACING
from tests.adapters.ibkr.gateway import HANG_UP, SILENCE, Fault, Rules, ScriptedGateway
from tests.adapters.ibkr.scripted_market import Bar, Instrument

_BARS_REQUEST = 20


def _daily(gateway: ScriptedGateway, symbol: str = "AAPL", kind: str = "STK") -> Instrument:
    share = gateway.market.share(symbol, sec_type=kind)
    days = trading_calendar().sessions(date(2026, 11, 2), TODAY)
    gateway.market.set_bars(share, "1 day", [Bar(day, 100, 102, 99, 101, 5000) for day in days])
    return share


def test_a_range_of_days_takes_one_request_that_reaches_its_first_session() -> None:
    calendar = trading_calendar()
    (short,) = bar_requests("bars", date(2026, 11, 7), date(2026, 11, 15), 1, calendar, NOW)
    assert (short.duration, short.size) == ("5 D", "1 day")
    assert short.until == datetime(2026, 11, 14, 5, tzinfo=UTC)
    (long,) = bar_requests("bars", date(2016, 11, 7), TODAY, 1, calendar, NOW)
    assert (long.duration, long.until) == ("11 Y", None)
    assert bar_requests("bars", date(2026, 11, 7), date(2026, 11, 8), 1, calendar, NOW) == []
    assert bar_requests("bars", date(2026, 11, 23), date(2026, 11, 24), 1, calendar, NOW) == []


@given(
    st.dates(date(2024, 1, 1), TODAY),
    st.integers(0, 60),
    st.sampled_from([(1, 1), (2, 2), (5, 5), (30, 20), (60, 20)]),
)
def test_requests_of_intraday_bars_cover_every_session_once(
    start: date, days: int, size: tuple[int, int]
) -> None:
    calendar = trading_calendar()
    minutes, most = size
    end = min(start + timedelta(days=days), TODAY)
    requests = bar_requests("intraday_bars", start, end, minutes, calendar, NOW)  # type: ignore[arg-type]
    covered: list[date] = []
    for request in requests:
        count = int(request.duration.removesuffix(" D"))
        last = TODAY if request.until is None else (request.until - timedelta(hours=12)).date()
        assert 1 <= count <= most
        covered += reversed(
            [calendar.previous_session(last + timedelta(days=1), n) for n in range(1, count + 1)]
        )
    assert covered == calendar.sessions(start, end)


def test_a_session_that_is_not_over_has_no_bar_yet(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    share = _daily(gateway)
    opens = trading_calendar().open_time(TODAY)
    gateway.market.set_bars(
        share, "30 mins", [Bar(opens + n * timedelta(minutes=30), 100, 102, 99, 101) for n in range(2)]
    )
    source = make_source()
    bars = source.history("bars", ["AAPL"], date(2026, 11, 16), TODAY)
    assert bars["ts"].to_list() == [date(2026, 11, day) for day in (16, 17, 18, 19)]
    # At ten the bar of half past nine is complete and the next one has just begun.
    intraday = source.history("intraday_bars", ["AAPL"], TODAY, TODAY)
    assert intraday["bar_ts"].to_list() == [opens]
    assert intraday.row(0, named=True)["minutes"] == 30


def test_volume_is_in_shares_whatever_the_gateway_is_set_to_and_an_index_has_none(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _daily(gateway)
    _daily(gateway, "SPX", "IND")
    day = date(2026, 11, 19)
    for sizes, shares in (("shares", 5000), ("lots", 500_000)):
        bars = make_source(stock_sizes=sizes).history("bars", ["AAPL", "SPX"], day, day)
        assert bars["volume"].to_list() == [shares, None]


def test_prices_and_volumes_that_are_not_known_are_never_zero(
    gateway: ScriptedGateway, make_source: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    share = _daily(gateway)
    days = [date(2026, 11, day) for day in (16, 17, 18)]
    nan = float("nan")
    gateway.market.set_bars(
        share,
        "1 day",
        [Bar(days[0], -1, -1, -1, -1), Bar(days[1], nan, nan, nan, nan), Bar(days[2], 5, 6, 4, 5, -1)],
    )
    bars = make_source().history("bars", ["AAPL"], days[0], days[2])
    assert bars.select("ts", "volume").rows() == [(days[2], None)]
    assert caplog.text.count("without a price") == 2


def test_a_split_after_the_session_is_taken_out_of_its_bar(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _daily(gateway)
    actions = pl.DataFrame(
        {
            "ex_date": [date(2026, 11, 18), date(2026, 11, 18), date(2026, 11, 18)],
            "symbol": ["AAPL", "AAPL", "MSFT"],
            "kind": ["split", "dividend", "split"],
            "ratio": [4.0, None, 10.0],
            "amount": [None, 0.3, None],
            "source": ["vendor"] * 3,
        },
        schema=CORPORATE_ACTIONS.schema,
    )
    asked: list[list[str]] = []

    def splits(symbols: list[str]) -> pl.DataFrame:
        asked.append(symbols)
        return actions

    source = make_source(splits=splits)
    bars = source.history("bars", ["AAPL"], date(2026, 11, 17), date(2026, 11, 18))
    assert bars.select("close", "volume").rows() == [(404.0, 1250), (101.0, 5000)]
    assert bars.schema == BARS.schema
    assert asked == [["AAPL"]]


@given(
    st.lists(st.tuples(st.integers(-5, 30), st.sampled_from([0.1, 0.5, 2.0, 3.0, 20.0])), max_size=4),
    st.integers(0, 20),
)
def test_every_later_split_and_no_earlier_one_is_taken_out(
    splits: list[tuple[int, float]], offset: int
) -> None:
    first = date(2026, 1, 5)
    day = first + timedelta(days=offset)
    dates = dict(splits)
    actions = pl.DataFrame(
        [(first + timedelta(days=n), "A", "split", ratio, None, "v") for n, ratio in dates.items()],
        schema=CORPORATE_ACTIONS.schema,
        orient="row",
    )
    bar = pl.DataFrame([(day, "A", 10.0, 12.0, 9.0, 11.0, 6000, "ibkr")], schema=BARS.schema, orient="row")
    expected = 1.0
    for n, ratio in dates.items():
        expected *= ratio if n > offset else 1.0
    found = as_traded(bar, actions, "ts").row(0, named=True)
    assert found["close"] == pytest.approx(11 * expected, abs=1e-6)
    assert found["volume"] == round(6000 / expected)


def test_taking_splits_out_and_reading_with_them_again_gives_the_gateways_bars() -> None:
    days = trading_calendar().sessions(date(2026, 1, 5), date(2026, 1, 16))
    bars = pl.DataFrame(
        [(day, "A", 10.0, 12.0, 9.0, 11.0, 6000, "ibkr") for day in days], schema=BARS.schema, orient="row"
    )
    actions = pl.DataFrame(
        [(days[3], "A", "split", 3.0, None, "v"), (days[6], "A", "split", 0.5, None, "v")],
        schema=CORPORATE_ACTIONS.schema,
        orient="row",
    )
    traded = as_traded(bars, actions, "ts")
    assert traded["close"].n_unique() == 3
    assert adjusted(traded, actions, days[-1]).drop("adjustment_factor").equals(bars)


def test_no_data_is_no_rows_and_a_refusal_is_an_error(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _daily(gateway)
    source = make_source()
    day = date(2026, 11, 19)
    gateway.fail(_BARS_REQUEST, Fault(162, NO_DATA + "AAPL"))
    assert source.history("bars", ["AAPL"], day, day).is_empty()
    for fault, passing, said in (
        (Fault(162, PACING), True, "ten minutes"),
        (Fault(162, "error message:No market data permissions for NASDAQ STK"), False, "subscribe"),
        (SILENCE, True, "no answer"),
        (HANG_UP, True, "closed the connection"),
    ):
        gateway.fail(_BARS_REQUEST, fault)
        asked = make_source(history_seconds=0.3) if fault is SILENCE else source
        with pytest.raises(SourceError, match=said) as error:
            asked.history("bars", ["AAPL"], day, day)
        assert error.value.is_passing is passing
    assert source.history("bars", ["AAPL"], day, day).height == 1


def test_one_symbol_without_an_answer_is_no_answer(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    """Half of what was asked for would look like sessions on which the other half did not trade."""
    _daily(gateway)
    _daily(gateway, "MSFT")
    gateway.fail(_BARS_REQUEST, Fault(354, "not subscribed"))
    with pytest.raises(SourceError, match="354"):
        make_source().history("bars", ["AAPL", "MSFT"], date(2026, 11, 19), date(2026, 11, 19))


def test_requests_of_bars_keep_every_limit_that_the_gateway_enforces(make_source: MakeSource) -> None:
    """Its rules on a shorter clock; ours three times as long, so that a slow reader is no violation."""
    rules = Rules(100_000, 3, 0.15, 0.15, 2, 0.1, 100)
    limits = PacingLimits(
        bars=Window("bars", 3, 0.5),
        same_contract=Window("same contract", 2, 0.4),
        identical=Window("identical", 1, 0.5),
    )
    day = date(2026, 11, 19)
    with ScriptedGateway(rules=rules).running() as gateway:
        _daily(gateway)
        source = make_source(port=gateway.port, limits=limits)
        for _ in range(2):
            assert source.history("bars", ["AAPL"], day, day).height == 1
        assert source.history("intraday_bars", ["AAPL"], date(2026, 9, 1), day).is_empty()
        assert len(gateway.requests(_BARS_REQUEST)) == 5
        assert gateway.violations == []


def test_the_limit_of_all_bars_counts_every_contract(make_source: MakeSource) -> None:
    symbols = ["AAPL", "MSFT", "IBM", "KO", "PEP"]
    day = date(2026, 11, 19)
    limits = replace(NO_LIMITS, bars=Window("bars", 3, 0.6))
    with ScriptedGateway(rules=Rules(100_000, 3, 0.2, 0, 100_000, 0)).running() as gateway:
        for symbol in symbols:
            _daily(gateway, symbol)
        found = make_source(port=gateway.port, limits=limits).history("bars", symbols, day, day)
        assert found.height == 5
        assert gateway.violations == []


def test_no_more_requests_of_bars_are_open_at_once_than_may_be(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    symbols = ["AAPL", "MSFT", "IBM", "KO", "PEP"]
    for symbol in symbols:
        _daily(gateway, symbol)
    gateway.fail(_BARS_REQUEST, *[SILENCE] * len(symbols))
    source = make_source(limits=replace(NO_LIMITS, open_bars=2), history_seconds=30)
    day = date(2026, 11, 19)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(source.history, "bars", symbols, day, day)
        while len(gateway.requests(_BARS_REQUEST)) < 2:
            time.sleep(0.01)
        time.sleep(0.2)  # others would have come meanwhile, all at once
        assert len(gateway.requests(_BARS_REQUEST)) == 2
        gateway.hang_up()
        with pytest.raises(SourceError, match="closed the connection"):
            answer.result()


def test_a_gateway_whose_limits_are_not_kept_refuses(make_source: MakeSource) -> None:
    day = date(2026, 11, 19)
    with ScriptedGateway(rules=Rules()).running() as gateway:
        _daily(gateway)
        source = make_source(port=gateway.port)
        assert source.history("bars", ["AAPL"], day, day).height == 1
        with pytest.raises(SourceError, match="ten minutes") as error:
            source.history("bars", ["AAPL"], day, day)
        assert error.value.is_passing
        assert gateway.violations == ["identical"]
