"""Alpaca's two data streams on the loopback, after their published contract, with faults on demand.

Both speak msgpack to the SDK: a welcome, authentication within the session, subscriptions that are
answered with all that is subscribed to, data in lists, errors with their published codes.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.adapters.alpaca.rest_server import KEY_ID, SECRET_KEY

PATIENCE_SECONDS = 60.0


def timestamp(instant: datetime) -> msgpack.Timestamp:
    return msgpack.Timestamp.from_datetime(instant)


@dataclass
class Session:
    """One client's connection."""

    path: str
    socket: ServerConnection
    channels: dict[str, list[str]] = field(default_factory=dict)


class StreamServer:
    """Both endpoints on one port. ``symbol_limit`` counts trades and quotes, as the free plan does."""

    def __init__(self) -> None:
        self.feeds = {"/v2/iex", "/v1beta1/indicative"}
        self.symbol_limit = 30
        self.refuse_at_door: list[int] = []
        self.sessions: list[Session] = []
        self.subscriptions: list[tuple[str, dict[str, list[str]]]] = []
        self._server: Server | None = None

    @contextmanager
    def running(self) -> Iterator["StreamServer"]:
        with serve(self._serve, "127.0.0.1", 0, close_timeout=1) as server:
            self.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self.drop()
                server.shutdown()
                thread.join()

    def send(self, path: str, *messages: dict[str, Any]) -> None:
        """One frame with all of ``messages``, to the client that is subscribed there."""
        self.send_bytes(path, msgpack.packb(list(messages)))

    def send_bytes(self, path: str, frame: bytes) -> None:
        self.subscribed(path).socket.send(frame)

    def drop(self, path: str = "") -> None:
        """Cut connections off, without a word."""
        for session in list(self.sessions):
            if session.path.startswith(path):
                with suppress(OSError):
                    session.socket.socket.shutdown(socket.SHUT_RDWR)

    def subscribed(self, path: str) -> Session:
        """The session of ``path``, as soon as it has subscribed."""
        found = wait_until(lambda: [s for s in self.sessions if s.path == path and s.channels])
        session: Session = found[-1]
        return session

    def _serve(self, ws: ServerConnection) -> None:
        path = ws.request.path if ws.request else ""
        with suppress(ConnectionClosed):
            _say(ws, {"T": "success", "msg": "connected"})
            credentials = msgpack.unpackb(ws.recv())
            if self.refuse_at_door:
                code = self.refuse_at_door.pop(0)
                _say(ws, {"T": "error", "code": code, "msg": _TEXTS[code]})
                return
            if (credentials["key"], credentials["secret"]) != (KEY_ID, SECRET_KEY):
                _say(ws, {"T": "error", "code": 402, "msg": "auth failed"})
                return
            if path not in self.feeds:
                _say(ws, {"T": "error", "code": 409, "msg": "insufficient subscription"})
                return
            if any(session.path == path for session in self.sessions):
                _say(ws, {"T": "error", "code": 406, "msg": "connection limit exceeded"})
                return
            session = Session(path, ws)
            self.sessions.append(session)
            try:
                _say(ws, {"T": "success", "msg": "authenticated"})
                while True:
                    self._subscribe(session, msgpack.unpackb(ws.recv()))
            finally:
                self.sessions.remove(session)

    def _subscribe(self, session: Session, asked: dict[str, Any]) -> None:
        assert asked.pop("action") == "subscribe"
        if sum(len(asked.get(channel, [])) for channel in ("trades", "quotes")) > self.symbol_limit:
            _say(session.socket, {"T": "error", "code": 405, "msg": "symbol limit exceeded"})
            return
        self.subscriptions.append((session.path, asked))
        _say(session.socket, {"T": "subscription", **asked})
        session.channels = asked


_TEXTS = {404: "auth timeout", 406: "connection limit exceeded", 500: "internal error"}


def _say(ws: ServerConnection, message: dict[str, Any]) -> None:
    ws.send(msgpack.packb([message]))


def wait_until(look: Callable[[], Any]) -> Any:
    """What ``look`` finds as soon as it is true; the patience only ends a test that hangs."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.005)
    return found
