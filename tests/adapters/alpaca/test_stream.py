"""The real SDK's streams before the loopback server. Waiting has a patience, and no test measures time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from alluse_assets.adapters.alpaca import AlpacaSource
from alluse_assets.adapters.alpaca.connection import Inbox
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import TABLE_OF, DataKind, StreamBatch
from tests.adapters.alpaca.conftest import MakeSource
from tests.adapters.alpaca.market import NOW, TODAY
from tests.adapters.alpaca.rest_server import Fault, RestServer
from tests.adapters.alpaca.stream_server import PATIENCE_SECONDS, StreamServer, timestamp, wait_until

SHARES, OPTIONS = "/v2/iex", "/v1beta1/indicative"
CALL = "SPY240315C00510000"
BATCH_SECONDS = 0.02
Kinds = dict[DataKind, list[str]]


@pytest.fixture
def source(make_source: MakeSource, streams: StreamServer) -> AlpacaSource:
    return make_source(stream_url=streams.url)


def quote(symbol: str, bid: float, ask: float, at: datetime = NOW) -> dict[str, Any]:
    return {"T": "q", "S": symbol, "t": timestamp(at), "bp": bid, "ap": ask, "bs": 1, "as": 1, "c": ["R"]}


def minute_bar(symbol: str, at: datetime, close: float, kind: str = "b") -> dict[str, Any]:
    prices = {"o": close, "h": close, "l": close, "c": close}
    return {"T": kind, "S": symbol, "t": timestamp(at), **prices, "v": 100, "n": 3, "vw": close}


@contextmanager
def flowing(source: AlpacaSource, kinds: Kinds) -> Iterator[Iterator[StreamBatch]]:
    batches = source.stream(kinds, BATCH_SECONDS)
    try:
        yield batches
    finally:
        batches.close()  # type: ignore[attr-defined]


def until(batches: Iterator[StreamBatch], look: Callable[[StreamBatch], bool]) -> list[StreamBatch]:
    """Batches up to the first that ``look`` accepts."""
    seen: list[StreamBatch] = []
    for batch in batches:
        seen.append(batch)
        if look(batch):
            return seen
        assert len(seen) * BATCH_SECONDS < PATIENCE_SECONDS, "it did not come"
    raise AssertionError("the stream ended")


def rows_of(batches: Iterator[StreamBatch], kind: DataKind, number: int) -> pl.DataFrame:
    """The first ``number`` rows of ``kind``."""
    found = [TABLE_OF[kind].empty()]
    for batch in batches:
        found.append(batch.rows.get(kind, TABLE_OF[kind].empty()))
        if sum(frame.height for frame in found) >= number:
            return pl.concat(found)
    raise AssertionError("the stream ended")


def is_up(batch: StreamBatch) -> bool:
    return batch.connected


def test_share_quotes_come_in_their_order_and_form(source: AlpacaSource, streams: StreamServer) -> None:
    with flowing(source, {"share_quotes": ["AAPL", "SPY"]}) as batches:
        until(batches, is_up)
        streams.send(SHARES, quote("SPY", 509, 511), quote("AAPL", 169, 171), quote("SPY", 510, 512))
        rows = rows_of(batches, "share_quotes", 3)
    assert rows.schema == TABLE_OF["share_quotes"].schema
    assert rows.select("symbol", "bid", "ask").rows() == [
        ("SPY", 509, 511),
        ("AAPL", 169, 171),
        ("SPY", 510, 512),
    ]
    assert set(rows["quote_ts"]) == {NOW}
    assert set(rows["session"]) == {TODAY}
    assert set(rows["source"]) == {"alpaca-iex"}


def test_minute_bars_come_again_when_late_trades_change_them_and_only_of_regular_hours(
    source: AlpacaSource, streams: StreamServer
) -> None:
    early = datetime(2024, 3, 6, 14, 29, tzinfo=UTC)
    opening = early + timedelta(minutes=1)
    with flowing(source, {"intraday_bars": ["SPY"]}) as batches:
        until(batches, is_up)
        streams.send(
            SHARES,
            minute_bar("SPY", early, 500),
            minute_bar("SPY", opening, 510),
            minute_bar("SPY", opening, 511, "u"),
            minute_bar("SPY", datetime(2024, 3, 6, 21, 0, tzinfo=UTC), 512),
            minute_bar("SPY", datetime(2024, 3, 2, 15, 0, tzinfo=UTC), 513),
            minute_bar("SPY", opening + timedelta(minutes=1), 514),
        )
        rows = rows_of(batches, "intraday_bars", 3)
    assert rows.schema == TABLE_OF["intraday_bars"].schema
    assert rows.select("bar_ts", "close").rows() == [
        (opening, 510),
        (opening, 511),
        (opening + timedelta(minutes=1), 514),
    ]


def test_option_quotes_carry_the_underlyings_latest_price(
    source: AlpacaSource, streams: StreamServer
) -> None:
    with flowing(source, {"option_quotes": [CALL]}) as batches:
        until(batches, is_up)
        streams.send(OPTIONS, quote(CALL, 5.0, 5.2))
        before = rows_of(batches, "option_quotes", 1)
        # In two streams there is no order between a share's quote and an option's: wait for its effect.
        streams.send(SHARES, quote("SPY", 519, 521))
        while True:
            streams.send(OPTIONS, quote(CALL, 5.0, 5.4))
            after = rows_of(batches, "option_quotes", 1)
            if after["underlying_price"][-1] == 520.0:
                break
    assert before.schema == TABLE_OF["option_quotes"].schema
    assert before.row(0, named=True) == {
        "quote_ts": NOW,
        "session": TODAY,
        "underlying": "SPY",
        "underlying_price": 510.0,
        "contract_symbol": CALL,
        "expiry": date(2024, 3, 15),
        "right": "C",
        "strike": 510.0,
        "bid": 5.0,
        "ask": 5.2,
        "last": None,
        "volume": None,
        "open_interest": None,
        "age_seconds": 0.0,
        "source": "alpaca-indicative",
    }


def test_a_quote_that_is_no_market_leaves_the_price_as_it_was(
    source: AlpacaSource, streams: StreamServer
) -> None:
    with flowing(source, {"option_quotes": [CALL], "share_quotes": ["SPY"]}) as batches:
        until(batches, is_up)
        streams.send(SHARES, quote("SPY", 0, 521), quote("SPY", 300, 900), quote("SPY", 520, 519))
        assert rows_of(batches, "share_quotes", 3).height == 3
        streams.send(OPTIONS, quote(CALL, 5.0, 5.2))
        assert rows_of(batches, "option_quotes", 1)["underlying_price"].to_list() == [510.0]


def test_an_option_without_a_price_of_its_underlying_comes_with_none(
    source: AlpacaSource, streams: StreamServer, rest: RestServer
) -> None:
    del rest.market.snapshots["SPY"]
    with flowing(source, {"option_quotes": [CALL]}) as batches:
        until(batches, is_up)
        streams.send(OPTIONS, quote(CALL, 5.0, 5.2))
        assert rows_of(batches, "option_quotes", 1)["underlying_price"].to_list() == [None]


def test_the_underlyings_of_options_are_subscribed_to_but_not_handed_on(
    source: AlpacaSource, streams: StreamServer
) -> None:
    with flowing(source, {"option_quotes": [CALL]}) as batches:
        until(batches, is_up)
        assert streams.subscribed(SHARES).channels == {"quotes": ["SPY"]}
        assert streams.subscribed(OPTIONS).channels == {"quotes": [CALL]}
        streams.send(SHARES, quote("SPY", 519, 521))
        streams.send(OPTIONS, quote(CALL, 5.0, 5.2))
        seen = until(batches, lambda batch: "option_quotes" in batch.rows)
    assert not any("share_quotes" in batch.rows for batch in seen)


def test_a_silent_stream_still_gives_batches(source: AlpacaSource) -> None:
    with flowing(source, {"share_quotes": ["SPY"]}) as batches:
        until(batches, is_up)
        silent = [next(batches) for _ in range(3)]
    assert [(dict(batch.rows), batch.connected, batch.missed) for batch in silent] == [({}, True, 0)] * 3


def test_a_stream_that_drops_is_made_again_and_subscribes_to_the_same(
    source: AlpacaSource, streams: StreamServer
) -> None:
    kinds: Kinds = {"share_quotes": ["SPY"], "intraday_bars": ["AAPL"]}
    with flowing(source, kinds) as batches:
        until(batches, is_up)
        for number in (1, 2):
            streams.subscribed(SHARES)
            streams.drop(SHARES)
            until(batches, lambda batch, number=number: batch.reconnects == number and batch.connected)
            wait_until(lambda number=number: len(streams.subscriptions) == number + 1)
            streams.send(SHARES, quote("SPY", 509, 511 + number))
            assert rows_of(batches, "share_quotes", 1)["ask"].to_list() == [511 + number]
    assert len(streams.subscriptions) == 3
    assert all(asked == streams.subscriptions[0] for asked in streams.subscriptions)


def test_while_it_is_down_the_batches_say_so(source: AlpacaSource, streams: StreamServer) -> None:
    with flowing(source, {"share_quotes": ["SPY"]}) as batches:
        until(batches, is_up)
        streams.subscribed(SHARES)
        streams.refuse_at_door = [500] * 10_000
        streams.drop(SHARES)
        down = until(batches, lambda batch: not batch.connected)[-1]
        assert down.reconnects == 0
        streams.refuse_at_door = []
        assert until(batches, is_up)[-1].reconnects == 1


def test_one_of_two_streams_down_is_not_connected(source: AlpacaSource, streams: StreamServer) -> None:
    with flowing(source, {"option_quotes": [CALL]}) as batches:
        until(batches, is_up)
        streams.subscribed(OPTIONS)
        streams.refuse_at_door = [500] * 10_000
        streams.drop(OPTIONS)
        until(batches, lambda batch: not batch.connected)


GARBAGE = {
    "bytes that are no msgpack": b"\xc1\xc1\xc1",
    "half a message": b"\x91\x84\xa1T\xa1q",
    "a number": b"\x05",
    "a list of numbers": b"\x92\x01\x02",
}


@pytest.mark.parametrize("frame", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_frame_that_cannot_be_read_is_counted_and_the_next_one_is_read(
    frame: bytes, source: AlpacaSource, streams: StreamServer
) -> None:
    with flowing(source, {"share_quotes": ["SPY"]}) as batches:
        until(batches, is_up)
        streams.send_bytes(SHARES, frame)
        streams.send(SHARES, quote("SPY", 509, 511))
        last = until(batches, lambda batch: "share_quotes" in batch.rows)[-1]
    assert (last.missed, last.connected, last.reconnects) == (1, True, 0)


def test_a_message_without_a_price_is_counted_and_its_neighbours_are_read(
    source: AlpacaSource, streams: StreamServer
) -> None:
    broken = quote("SPY", 509, 511)
    del broken["ap"]
    timeless = {**quote("SPY", 509, 511), "t": "now"}
    with flowing(source, {"share_quotes": ["SPY"]}) as batches:
        until(batches, is_up)
        streams.send(SHARES, quote("SPY", 1, 2), broken, timeless, quote("SPY", 3, 4))
        last = until(batches, lambda batch: "share_quotes" in batch.rows)[-1]
    assert last.rows["share_quotes"]["bid"].to_list() == [1, 3]
    assert last.missed == 2


def test_messages_that_nobody_takes_in_time_are_counted(
    make_source: MakeSource, streams: StreamServer
) -> None:
    source = make_source(stream_url=streams.url, stream_buffer=10)
    with flowing(source, {"share_quotes": ["SPY"]}) as batches:
        until(batches, is_up)
        streams.send(SHARES, *[quote("SPY", n, n + 1) for n in range(1, 26)])
        seen = until(batches, lambda batch: batch.missed > 0)
        taken = sum(batch.rows["share_quotes"].height for batch in seen if "share_quotes" in batch.rows)
        while taken + seen[-1].missed < 25:
            seen = [next(batches)]
            taken += seen[-1].rows.get("share_quotes", pl.DataFrame()).height
    assert taken + seen[-1].missed == 25


def test_a_full_inbox_keeps_what_came_first() -> None:
    inbox = Inbox(2)
    for n in range(3):
        inbox.put("quotes", {"n": n})
    assert inbox.take() == ([("quotes", {"n": 0}), ("quotes", {"n": 1})], 1)
    inbox.put("quotes", {"n": 3})
    assert inbox.take() == ([("quotes", {"n": 3})], 1)


def refusal(source: AlpacaSource, words: str, symbols: tuple[str, ...] = ("SPY",)) -> SourceError:
    """How a stream of share quotes ends that has nothing to give."""
    with flowing(source, {"share_quotes": list(symbols)}) as batches, pytest.raises(SourceError) as failure:
        until(batches, lambda batch: bool(batch.rows))
    assert words in str(failure.value)
    return failure.value


def test_wrong_keys_end_the_stream_with_what_to_do(make_source: MakeSource, streams: StreamServer) -> None:
    failure = refusal(make_source(secret="wrong", stream_url=streams.url), "ALLUSE_ALPACA_SECRET_KEY")
    assert not failure.is_passing
    assert "wrong" not in str(failure)


def test_a_feed_that_the_plan_does_not_have_ends_the_stream(
    source: AlpacaSource, streams: StreamServer
) -> None:
    streams.feeds.remove(SHARES)
    assert not refusal(source, "insufficient subscription: set ALLUSE_ALPACA_LIVE_FEED").is_passing


def test_more_symbols_than_the_plan_allows_end_the_stream(
    source: AlpacaSource, streams: StreamServer
) -> None:
    streams.symbol_limit = 1
    assert not refusal(source, "symbol limit exceeded: stream fewer symbols", ("SPY", "AAPL")).is_passing


def test_keys_that_another_process_streams_with_are_tried_until_the_budget_ends(
    make_source: MakeSource, streams: StreamServer
) -> None:
    streams.refuse_at_door = [406] * 10_000
    source = make_source(stream_url=streams.url, retry_budget_seconds=0.2)
    assert refusal(source, "connection limit exceeded").is_passing


def test_a_connection_that_the_process_before_still_holds_is_waited_for(
    source: AlpacaSource, streams: StreamServer
) -> None:
    streams.refuse_at_door = [406, 404, 500]
    with flowing(source, {"share_quotes": ["SPY"]}) as batches:
        assert until(batches, is_up)[-1].reconnects == 0


def test_a_server_that_is_not_there_is_given_up_as_passing(make_source: MakeSource) -> None:
    source = make_source(stream_url="ws://127.0.0.1:9", retry_budget_seconds=0.1)
    assert refusal(source, "cannot be connected").is_passing


def test_closing_ends_the_connections(source: AlpacaSource, streams: StreamServer) -> None:
    with flowing(source, {"option_quotes": [CALL]}) as batches:
        until(batches, is_up)
        assert len(streams.sessions) == 2
    wait_until(lambda: not streams.sessions)


def test_closing_before_it_is_connected_ends_too(make_source: MakeSource, streams: StreamServer) -> None:
    streams.refuse_at_door = [500] * 10_000
    with flowing(make_source(stream_url=streams.url), {"share_quotes": ["SPY"]}) as batches:
        assert not next(batches).connected
    assert streams.sessions == []


def test_a_price_that_cannot_be_asked_for_at_the_start_is_an_error(
    make_source: MakeSource, streams: StreamServer, rest: RestServer
) -> None:
    rest.fail_next(*[Fault(503)] * 20)
    source = make_source(stream_url=streams.url, retry_budget_seconds=0)
    with flowing(source, {"option_quotes": [CALL]}) as batches, pytest.raises(SourceError) as failure:
        next(batches)
    assert failure.value.is_passing
    assert streams.sessions == []


@pytest.mark.parametrize("kinds", [{}, {"share_quotes": []}, {"bars": ["SPY"]}])
def test_what_cannot_be_streamed_is_refused(kinds: Kinds, source: AlpacaSource) -> None:
    with flowing(source, kinds) as batches, pytest.raises(SourceError) as failure:
        next(batches)
    assert not failure.value.is_passing
