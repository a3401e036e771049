"""A gateway that speaks the TWS protocol over real sockets, tells what a test wrote, and fails as told.

It enforces the limits of the real one: messages a second, market data lines, requests of bars. What each
message means is in modules such as ``data_messages``, which register handlers by message number; orders
can be added the same way.
"""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.adapters.ibkr.scripted_market import ScriptedMarket
from tests.adapters.ibkr.wire import SERVER_VERSION, fields_of, frame

START_API = 71
ERROR = 4


@dataclass(frozen=True)
class Rules:
    """Limits. Messages are a bucket of one second's worth, so that a slow reader is no violation.

    ``snapshot_seconds``: how long a snapshot takes, and holds its line.
    """

    messages_a_second: float = 50
    bars: int = 60
    bars_seconds: float = 600
    identical_seconds: float = 15
    same_contract: int = 5
    same_contract_seconds: float = 2
    lines: int = 100
    snapshot_seconds: float = 0


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer. ``bytes`` are sent as they are; then it may hang up."""

    code: int | None = None
    text: str = ""
    sent: bytes = b""
    hangs_up: bool = False


SILENCE = Fault()
HANG_UP = Fault(hangs_up=True)
HALF_A_MESSAGE = Fault(sent=frame(10, 1, "AAPL", "STK")[:-6], hangs_up=True)


@dataclass(eq=False)
class Client:
    """One connection."""

    gateway: ScriptedGateway
    writer: asyncio.StreamWriter
    client_id: int = -1
    data_type: int = 1
    lines: set[int] = field(default_factory=set)
    subscriptions: dict[int, int] = field(default_factory=dict)
    allowance: float = 0.0
    seen_at: float = 0.0

    def send(self, *fields: object) -> None:
        """One message to the client."""
        self.writer.write(frame(*fields))

    def error(self, request: int, code: int, text: str) -> None:
        """An error message."""
        self.send(ERROR, 2, request, code, text, "")


Handler = Callable[[Client, list[str]], None]


class ScriptedGateway:
    """``received`` has every message by number, in order; ``violations`` the limits that were broken."""

    handlers: dict[int, Handler] = {}  # noqa: RUF012  filled by ``handles`` when modules are imported

    def __init__(self, market: ScriptedMarket | None = None, rules: Rules | None = None) -> None:
        self.market = market or ScriptedMarket()
        self.rules = rules or Rules()
        self.port = 0
        self.received: list[list[str]] = []
        self.violations: list[str] = []
        self.clients: list[Client] = []
        self.most_lines = 0
        self.attempts = 0
        self.greeting: Fault | None = None
        self.handshake: Fault | None = None
        self.used_ids: set[int] = set()
        self._faults: dict[int, deque[Fault]] = defaultdict(deque)
        self._bars_at: deque[float] = deque()
        self._bars_of: dict[object, deque[float]] = defaultdict(deque)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()

    def fail(self, message: int, *faults: Fault) -> None:
        """The next requests of this number end so, one after the other; later ones are answered."""
        self._faults[message].extend(faults)

    def requests(self, message: int) -> list[list[str]]:
        """What was received of one number."""
        return [fields for fields in list(self.received) if fields[0] == str(message)]

    def push(self, act: Callable[[Client], None]) -> None:
        """Do something to every client that is connected, in the gateway's own thread."""
        done = threading.Event()

        def run() -> None:
            for client in self.clients:
                act(client)
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    def hang_up(self) -> None:
        """Close every connection, as a restart of the gateway does."""
        self.push(lambda client: client.writer.close())

    def is_left(self) -> bool:
        """Whether every client has gone, within ten seconds; all that they sent has been handled then."""
        deadline = time.monotonic() + 10
        while self.clients and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self.clients

    @contextmanager
    def running(self) -> Iterator[ScriptedGateway]:
        """Listen until the end of the block."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        assert self._ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for client in self.clients:
            client.writer.close()
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self, writer, allowance=self.rules.messages_a_second, seen_at=self._loop.time())
        try:
            if await reader.readexactly(4) != b"API\0":
                return
            await _read(reader)
            self.attempts += 1
            if self.handshake is not None:
                self._suffer(client, self.handshake, 0)
                await reader.read()
                return
            writer.write(frame(SERVER_VERSION, "20261120 09:00:00 EST"))
            self.clients.append(client)
            while not writer.is_closing():
                self._handle(client, await _read(reader))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if client in self.clients:
                self.clients.remove(client)
            self.used_ids.discard(client.client_id)
            writer.close()

    def _handle(self, client: Client, fields: list[str]) -> None:
        self.received.append(fields)
        number = int(fields[0])
        if not self._in_time(client):
            client.error(-1, 100, "Max rate of messages per second has been exceeded")
            return
        if self._faults[number]:
            request = int(fields[1]) if number in (20, 78) else int(fields[2])
            self._suffer(client, self._faults[number].popleft(), request)
            return
        if number == START_API:
            self._start(client, int(fields[2]))
        elif number in self.handlers:
            self.handlers[number](client, fields)
        else:
            raise AssertionError(f"the scripted gateway knows no message {number}: {fields}")
        self.most_lines = max(self.most_lines, len(client.lines))

    def _start(self, client: Client, client_id: int) -> None:
        if client_id in self.used_ids:
            client.error(-1, 326, "Unable to connect as the client id is already in use.")
            client.writer.close()
            return
        if self.greeting is not None:
            self._suffer(client, self.greeting, -1)
            return
        client.client_id = client_id
        self.used_ids.add(client_id)
        client.send(15, 1, "DU000001")
        client.send(9, 1, 1)
        client.error(-1, 2104, "Market data farm connection is OK:usfarm")

    def _suffer(self, client: Client, fault: Fault, request: int) -> None:
        if fault.code is not None:
            client.error(request, fault.code, fault.text)
        client.writer.write(fault.sent)
        if fault.hangs_up:
            client.writer.close()

    def _in_time(self, client: Client) -> bool:
        now, rate = self._loop.time(), self.rules.messages_a_second
        client.allowance = min(rate, client.allowance + (now - client.seen_at) * rate) - 1
        client.seen_at = now
        if client.allowance < 0:
            self.violations.append("messages a second")
        return client.allowance >= 0

    def later(self, act: Callable[[], None]) -> None:
        """Do something when a snapshot's time has passed; at once when it takes none."""
        if self.rules.snapshot_seconds:
            self._loop.call_later(self.rules.snapshot_seconds, act)
        else:
            act()

    def paces_bars(self, contract: object, request: object) -> bool:
        """Whether a request of bars is within the limits; it counts whether or not."""
        now, rules = self._loop.time(), self.rules
        windows = (
            ("bars", self._bars_at, rules.bars, rules.bars_seconds),
            ("identical", self._bars_of["same", request], 1, rules.identical_seconds),
            ("contract", self._bars_of[contract], rules.same_contract, rules.same_contract_seconds),
        )
        broken = []
        for name, times, most, seconds in windows:
            while times and now - times[0] >= seconds:
                times.popleft()
            times.append(now)
            if len(times) > most:
                broken.append(name)
        self.violations += broken
        return not broken


def handles(number: int) -> Callable[[Handler], Handler]:
    """Register what answers a message."""

    def register(handler: Handler) -> Handler:
        ScriptedGateway.handlers[number] = handler
        return handler

    return register


async def _read(reader: asyncio.StreamReader) -> list[str]:
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    return fields_of(await reader.readexactly(length))
