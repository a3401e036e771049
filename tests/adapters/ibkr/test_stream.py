"""The stream: rows as they change, a connection that is made again, and an end without remains."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date

import polars as pl
import pytest

from alluse_assets.adapters.ibkr.pacing import Pacer
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.adapters.ibkr.stream import read_stream
from alluse_assets.base.errors import DataError, SourceError
from alluse_assets.market_data.source import DataKind, StreamBatch
from alluse_assets.market_data.tables import SHARE_QUOTES
from alluse_assets.option_chains.tables import OPTION_QUOTES
from tests.adapters.ibkr.conftest import NO_LIMITS, NOW, TODAY, MakeSource
from tests.adapters.ibkr.data_messages import push_quote
from tests.adapters.ibkr.gateway import HANG_UP, SILENCE, Fault, ScriptedGateway
from tests.adapters.ibkr.scripted_market import Instrument, Quote

_NEAR = date(2026, 11, 27)
_PUT = "AAPL261127P00200000"
_MARKET_DATA, _CANCEL, _DETAILS = 1, 2, 9
Until = Callable[[StreamBatch], bool]


def _listed(gateway: ScriptedGateway) -> tuple[Instrument, Instrument]:
    share = gateway.market.share("AAPL", Quote(199.9, 200.1, last=200.0))
    put = gateway.market.option(share, _NEAR, "P", 200.0, Quote(1.0, 1.2, volume=3, open_interest=77))
    return share, put


def _rows(batches: Iterator[StreamBatch], kind: DataKind, until: Until) -> tuple[pl.DataFrame, StreamBatch]:
    """Rows of a kind up to the batch that was waited for, and that batch."""
    parts: list[pl.DataFrame] = []
    deadline = time.monotonic() + 20
    for batch in batches:
        if kind in batch.rows:
            parts.append(batch.rows[kind])
        if until(batch):
            return pl.concat(parts) if parts else pl.DataFrame(), batch
        assert time.monotonic() < deadline, "the batch that was waited for did not come"
    raise AssertionError("the stream ended")


def _has(kind: DataKind) -> Until:
    return lambda batch: kind in batch.rows


def _shows(kind: DataKind, bid: float, ask: float) -> Until:
    return lambda batch: kind in batch.rows and (bid, ask) in batch.rows[kind].select("bid", "ask").rows()


def _quick_stream(gateway: ScriptedGateway, **kinds: list[str]) -> Iterator[StreamBatch]:
    """A stream that waits a twentieth of a second before it connects again."""
    settings = IbkrSettings(port=gateway.port, timeout_seconds=5, snapshot_seconds=5)
    return read_stream(
        kinds,  # type: ignore[arg-type]
        0.05,
        settings,
        NO_LIMITS,
        Pacer(),
        lambda: NOW,
        lambda: TODAY,
        first_delay_seconds=0.05,
    )


def test_quotes_come_as_rows_with_the_underlyings_price_and_the_open_interest(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    share, put = _listed(gateway)
    stream = make_source().stream({"share_quotes": ["AAPL"], "option_quotes": [_PUT]}, 0.05)
    try:
        options, batch = _rows(stream, "option_quotes", _has("option_quotes"))
        (row,) = options.rows(named=True)
        assert options.schema == OPTION_QUOTES.schema
        assert (row["contract_symbol"], row["underlying_price"], row["open_interest"]) == (_PUT, 200.0, 77)
        assert (row["bid"], row["ask"], row["volume"], row["quote_ts"]) == (1.0, 1.2, 3, NOW)
        assert (batch.connected, batch.reconnects, batch.missed) == (True, 0, 0)
        gateway.push(lambda client: push_quote(client, share.con_id, Quote(209.9, 210.1)))
        shares, _ = _rows(stream, "share_quotes", _has("share_quotes"))
        assert shares.schema == SHARE_QUOTES.schema
        gateway.push(lambda client: push_quote(client, put.con_id, Quote(2.0, 2.2), "P"))
        options, _ = _rows(stream, "option_quotes", _shows("option_quotes", 2.0, 2.2))
        assert options.select("bid", "underlying_price").rows()[-1] == (2.0, 210.0)
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_rows_come_in_the_order_of_the_ticks_and_only_when_something_changed(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    share, _ = _listed(gateway)
    stream = make_source().stream({"share_quotes": ["AAPL"]}, 0.05)
    try:
        _rows(stream, "share_quotes", _has("share_quotes"))
        seen: list[float] = []
        # Ticks of one packet are one change, so each is waited for before the next is sent.
        for bid in (1.0, 2.0, 3.0):
            quote = Quote(bid, 5.0)
            gateway.push(lambda client, quote=quote: push_quote(client, share.con_id, quote))  # type: ignore[misc]
            rows, _ = _rows(stream, "share_quotes", _shows("share_quotes", bid, 5.0))
            seen += [bid for bid, ask in rows.select("bid", "ask").rows() if ask == 5.0]
            gateway.push(lambda client, quote=quote: push_quote(client, share.con_id, quote))  # type: ignore[misc]
            for batch in (next(stream), next(stream)):
                if batch.rows:
                    seen += batch.rows["share_quotes"]["bid"].to_list()
        assert seen == [1.0, 2.0, 3.0]
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_nothing_new_is_an_empty_batch_and_the_stream_lives(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _listed(gateway)
    stream = make_source().stream({"share_quotes": ["AAPL"]}, 0.05)
    try:
        _rows(stream, "share_quotes", _has("share_quotes"))
        batch = next(stream)
        assert (dict(batch.rows), batch.connected) == ({}, True)
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_a_connection_that_drops_is_made_again_and_everything_subscribed_anew(
    gateway: ScriptedGateway,
) -> None:
    share, _ = _listed(gateway)
    stream = _quick_stream(gateway, share_quotes=["AAPL"], option_quotes=[_PUT])
    try:
        _rows(stream, "option_quotes", _has("option_quotes"))
        gateway.hang_up()
        gateway.market.change(share, bid=149.9, ask=150.1)
        rows, batch = _rows(
            stream, "share_quotes", lambda b: b.connected and b.reconnects == 1 and bool(b.rows)
        )
        assert rows["bid"].to_list()[-1] == 149.9
        gateway.push(lambda client: client.error(-1, 1100, "Connectivity between IB and TWS has been lost"))
        _rows(stream, "share_quotes", lambda b: b.connected and b.reconnects == 2)
        gateway.push(lambda client: client.error(-1, 1101, "Connectivity restored - data lost"))
        _, batch = _rows(stream, "share_quotes", lambda b: b.connected and b.reconnects == 3)
        assert batch.missed == 0
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_while_it_is_away_the_batches_say_so(gateway: ScriptedGateway) -> None:
    _listed(gateway)
    stream = _quick_stream(gateway, share_quotes=["AAPL"])
    try:
        _rows(stream, "share_quotes", _has("share_quotes"))
        gateway.handshake = HANG_UP
        gateway.hang_up()
        tried = gateway.attempts
        _, batch = _rows(stream, "share_quotes", lambda b: not b.connected and gateway.attempts >= tried + 3)
        assert dict(batch.rows) == {}
        gateway.handshake = None
        _rows(stream, "share_quotes", lambda b: b.connected and b.reconnects == 1)
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_a_connection_that_was_merely_restored_goes_on(gateway: ScriptedGateway) -> None:
    share, _ = _listed(gateway)
    stream = _quick_stream(gateway, share_quotes=["AAPL"])
    try:
        _rows(stream, "share_quotes", _has("share_quotes"))
        gateway.push(lambda client: client.error(-1, 1102, "Connectivity restored - data maintained"))
        gateway.push(lambda client: push_quote(client, share.con_id, Quote(150.0, 150.2)))
        _, batch = _rows(stream, "share_quotes", _has("share_quotes"))
        assert (batch.connected, batch.reconnects) == (True, 0)
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_messages_that_cannot_be_read_are_counted(gateway: ScriptedGateway) -> None:
    _listed(gateway)
    stream = _quick_stream(gateway, share_quotes=["AAPL"])
    try:
        _rows(stream, "share_quotes", _has("share_quotes"))
        gateway.push(lambda client: client.send(1, 6, "x", "y", "z", "", ""))
        _, batch = _rows(stream, "share_quotes", lambda b: b.missed > 0)
        assert (batch.connected, batch.missed) == (True, 1)
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_what_is_refused_is_told_of_and_the_rest_goes_on(
    gateway: ScriptedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    _listed(gateway)
    gateway.market.share("MSFT", Quote(refusal=(354, "Requested market data is not subscribed")))
    stream = _quick_stream(gateway, share_quotes=["AAPL", "MSFT", "ZZZZ"])
    try:
        rows, _ = _rows(stream, "share_quotes", _has("share_quotes"))
        _rows(stream, "share_quotes", lambda _: "354" in caplog.text)
        assert set(rows["symbol"]) == {"AAPL"}
        assert "knows no ZZZZ" in caplog.text
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_a_stream_that_is_refused_altogether_ends(gateway: ScriptedGateway) -> None:
    gateway.market.share("MSFT", Quote(refusal=(354, "Requested market data is not subscribed")))
    with pytest.raises(SourceError, match="354") as error:
        _rows(_quick_stream(gateway, share_quotes=["MSFT"]), "share_quotes", lambda _: False)
    assert not error.value.is_passing


@pytest.mark.parametrize(
    ("kinds", "settings", "said"),
    [
        ({"bars": ["AAPL"]}, {}, "streams no bars"),
        ({"share_quotes": ["ZZZZ"]}, {}, "knows none"),
        ({"option_quotes": ["AAPL"]}, {}, "streamed by contract"),
        ({"share_quotes": ["AAPL", "MSFT", "IBM"]}, {"lines": 2}, "takes 3 market data lines"),
    ],
)
def test_a_stream_that_cannot_be_is_refused_for_good(
    gateway: ScriptedGateway,
    make_source: MakeSource,
    kinds: dict[DataKind, list[str]],
    settings: dict[str, int],
    said: str,
) -> None:
    for symbol in ("AAPL", "MSFT", "IBM"):
        gateway.market.share(symbol, Quote(1.0, 1.1))
    with pytest.raises(SourceError, match=said) as error:
        next(make_source(**settings).stream(kinds, 0.05))
    assert not error.value.is_passing


def test_a_gateway_that_is_away_at_first_is_an_error_that_passes(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.fail(_DETAILS, Fault(504, "Not connected"))
    with pytest.raises(SourceError, match="504") as error:
        next(make_source().stream({"share_quotes": ["AAPL"]}, 0.05))
    assert error.value.is_passing


def test_closing_the_stream_ends_its_subscriptions_its_connection_and_its_thread(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    _listed(gateway)
    before = threading.active_count()
    stream = make_source().stream({"share_quotes": ["AAPL"], "option_quotes": [_PUT]}, 0.05)
    _rows(stream, "option_quotes", _has("option_quotes"))
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert gateway.is_left()
    assert len(gateway.requests(_CANCEL)) == len(gateway.requests(_MARKET_DATA)) == 2


def test_a_stream_can_be_closed_while_it_waits_for_a_gateway_that_says_nothing(
    gateway: ScriptedGateway,
) -> None:
    _listed(gateway)
    before = threading.active_count()
    stream = _quick_stream(gateway, share_quotes=["AAPL"])
    _rows(stream, "share_quotes", _has("share_quotes"))
    gateway.greeting = SILENCE
    gateway.hang_up()
    _rows(stream, "share_quotes", lambda b: not b.connected)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_rows_that_nobody_takes_are_counted_instead_of_kept_without_end(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    share, _ = _listed(gateway)
    stream = make_source(stream_buffer=2).stream({"share_quotes": ["AAPL"]}, 0.05)
    try:
        _rows(stream, "share_quotes", _has("share_quotes"))
        rows = 0
        for bid in range(1, 400):
            quote = Quote(float(bid), 500.0)
            gateway.push(lambda client, quote=quote: push_quote(client, share.con_id, quote))  # type: ignore[misc]
        deadline = time.monotonic() + 10
        while (batch := next(stream)).missed == 0 and time.monotonic() < deadline:
            rows = max(rows, batch.rows["share_quotes"].height if batch.rows else 0)
        assert batch.missed > 0
        assert rows <= 2
    finally:
        stream.close()  # type: ignore[attr-defined]


def test_a_fault_of_our_own_ends_the_stream_instead_of_losing_rows(gateway: ScriptedGateway) -> None:
    _listed(gateway)

    def no_calendar() -> date:
        raise DataError("outside the calendar")

    settings = IbkrSettings(port=gateway.port)
    stream = read_stream(
        {"share_quotes": ["AAPL"]}, 0.05, settings, NO_LIMITS, Pacer(), lambda: NOW, no_calendar
    )
    with pytest.raises(DataError, match="outside the calendar"):
        _rows(stream, "share_quotes", lambda _: False)
