"""Connecting, losing the connection, and leaving nothing behind."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from alluse_assets.adapters.ibkr.session import together
from alluse_assets.base.errors import SourceError
from tests.adapters.ibkr.conftest import MakeSource
from tests.adapters.ibkr.gateway import HALF_A_MESSAGE, HANG_UP, SILENCE, Fault, ScriptedGateway
from tests.adapters.ibkr.scripted_market import Quote

_START_API, _PLACE_ORDER = 71, 3


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_gateway_that_is_not_there_is_said_to_be_so_with_what_to_do(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="start TWS or the gateway") as error:
        make_source(port=_free_port()).snapshot("share_quotes", ["AAPL"])
    assert error.value.is_passing


@pytest.mark.parametrize(
    ("handshake", "greeting", "said"),
    [
        (SILENCE, None, "does not answer within"),
        (HANG_UP, None, "cannot be reached"),
        (None, SILENCE, "does not answer within"),
        (None, HANG_UP, "cannot be reached"),
        (None, HALF_A_MESSAGE, "cannot be reached"),
        (None, Fault(502, "Couldn't connect to TWS"), "502"),
    ],
)
def test_a_gateway_that_does_not_let_us_in_is_an_error_that_passes(
    gateway: ScriptedGateway,
    make_source: MakeSource,
    handshake: Fault | None,
    greeting: Fault | None,
    said: str,
) -> None:
    gateway.handshake, gateway.greeting = handshake, greeting
    gateway.market.share("AAPL", Quote(199.9, 200.1))
    is_silent = SILENCE in (handshake, greeting)
    source = make_source(timeout_seconds=0.3) if is_silent else make_source()
    with pytest.raises(SourceError, match=said) as error:
        source.snapshot("share_quotes", ["AAPL"])
    assert error.value.is_passing
    gateway.handshake = gateway.greeting = None
    assert make_source().snapshot("share_quotes", ["AAPL"]).height == 1


def test_a_client_id_in_use_is_passed_over_for_the_next_one(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.market.share("AAPL", Quote(199.9, 200.1))
    gateway.used_ids = {71, 72}
    assert make_source().snapshot("share_quotes", ["AAPL"]).height == 1
    assert [fields[2] for fields in gateway.requests(_START_API)] == ["71", "72", "73"]


def test_when_every_client_id_is_in_use_the_range_is_named(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.used_ids = {5, 6}
    with pytest.raises(SourceError, match=r"client ids 5 to 6.*ALLUSE_IBKR_CLIENT_ID") as error:
        make_source(client_id=5, client_ids=2).snapshot("share_quotes", ["AAPL"])
    assert error.value.is_passing


def test_half_a_message_and_then_nothing_is_an_error_that_passes(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.fail(9, HALF_A_MESSAGE)
    with pytest.raises(SourceError, match="closed the connection") as error:
        make_source().snapshot("share_quotes", ["AAPL"])
    assert error.value.is_passing
    gateway.fail(9, Fault(sent=HALF_A_MESSAGE.sent))
    with pytest.raises(SourceError, match="no answer"):
        make_source(timeout_seconds=0.5).snapshot("share_quotes", ["AAPL"])


def test_a_message_that_cannot_be_read_is_no_quote(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    gateway.market.share("AAPL", Quote(199.9, 200.1))
    gateway.fail(1, Fault(sent=b"\0\0\0\x0d1\x006\x00x\x00y\x00z\x00\x00\x00"))
    with pytest.raises(SourceError, match="no answer"):
        make_source(snapshot_seconds=0.5).snapshot("share_quotes", ["AAPL"])


def test_every_call_closes_its_connection_whatever_happened(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.market.share("AAPL", Quote(199.9, 200.1))
    gateway.market.share("MSFT", Quote(refusal=(354, "not subscribed")))
    before = threading.active_count()
    source = make_source()
    source.snapshot("share_quotes", ["AAPL"])
    assert gateway.is_left()
    with pytest.raises(SourceError):
        source.snapshot("share_quotes", ["MSFT"])
    assert gateway.is_left()
    assert threading.active_count() == before


def test_it_can_be_used_from_many_threads_and_from_inside_an_event_loop(
    gateway: ScriptedGateway, make_source: MakeSource
) -> None:
    gateway.market.share("AAPL", Quote(199.9, 200.1))
    source = make_source()

    async def inside() -> int:
        return source.snapshot("share_quotes", ["AAPL"]).height

    with ThreadPoolExecutor(4) as threads:
        heights = list(threads.map(lambda _: source.snapshot("share_quotes", ["AAPL"]).height, range(8)))
    assert heights == [1] * 8
    assert asyncio.run(inside()) == 1


def test_it_never_sends_an_order(gateway: ScriptedGateway, make_source: MakeSource) -> None:
    gateway.market.share("AAPL", Quote(199.9, 200.1))
    make_source().snapshot("share_quotes", ["AAPL"])
    assert gateway.received
    assert gateway.requests(_PLACE_ORDER) == []


def test_the_library_is_imported_when_it_is_needed_and_missed_by_name() -> None:
    """In a process of its own, in which the library cannot be found."""
    program = """
import sys
sys.modules["ib_async"] = None
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.adapters.ibkr.source import IbkrSource
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.errors import ConfigError
try:
    IbkrSource(IbkrSettings(), trading_calendar())
except ConfigError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "install alluse[ibkr]" in found.stdout


def test_the_first_failure_ends_what_is_asked_for_together() -> None:
    ended: list[str] = []

    async def fails() -> None:
        raise SourceError("refused")

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("the other one")
            raise

    async def both() -> None:
        with pytest.raises(SourceError, match="refused"):
            await together([waits(), fails()])
        await asyncio.sleep(0)
        assert ended == ["the other one"]

    asyncio.run(both())


def test_a_call_that_is_interrupted_ends_at_once_whatever_it_waits_for() -> None:
    """In a process of its own: the gateway says nothing for ten minutes, and somebody presses Ctrl-C."""
    program = """
import signal, socket
# A shell that starts its jobs in the background lets them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
from alluse_assets.adapters.ibkr.settings import IbkrSettings
from alluse_assets.adapters.ibkr.source import IbkrSource
from alluse_assets.base.calendar import trading_calendar
import ib_async
with socket.create_server(("127.0.0.1", 0)) as silent:
    settings = IbkrSettings(port=silent.getsockname()[1], timeout_seconds=600)
    source = IbkrSource(settings, trading_calendar())
    source.provides()
    print("asking", flush=True)
    try:
        source.snapshot("share_quotes", ["AAPL"])
    except KeyboardInterrupt:
        print("interrupted")
"""
    asking = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert asking.stdout is not None
    assert asking.stdout.readline() == "asking\n"
    time.sleep(0.5)
    asking.send_signal(signal.SIGINT)
    told, _ = asking.communicate(timeout=60)
    assert told == "interrupted\n"
