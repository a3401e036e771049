"""One of Alpaca's two streams: the SDK's client in a thread of its own, and what it has to tell.

The SDK connects, authenticates, subscribes and reconnects with a growing pause. It never gives up, and
only logs what the server refuses. Here it is made to tell: whether it stands, how often it came back,
what was lost, and what will not pass. Importing this module imports the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from alpaca.data.enums import DataFeed, OptionsFeed
from alpaca.data.live.option import OptionDataStream
from alpaca.data.live.stock import StockDataStream
from alpaca.data.live.websocket import DataStream

from alluse_assets.adapters.alpaca.settings import PREFIX, AlpacaSettings
from alluse_assets.adapters.alpaca.stream_rows import Channel, Message
from alluse_assets.base.errors import SourceError
from alluse_assets.base.secrets import Secret

_log = logging.getLogger("alluse.sources.alpaca")

_LARGEST_MESSAGE_BYTES = 16 * 1024**2
_LONGEST_PAUSE_SECONDS = 30.0
_STOP_SECONDS = 5.0
_REMEDIES = {
    "auth failed": f"check the keys that {PREFIX}KEY_ID and {PREFIX}SECRET_KEY refer to",
    "not authenticated": f"check the keys that {PREFIX}KEY_ID and {PREFIX}SECRET_KEY refer to",
    "insufficient subscription": f"set {PREFIX}LIVE_FEED and {PREFIX}OPTION_FEED to feeds that the plan has",
    "symbol limit exceeded": "stream fewer symbols, or subscribe to a plan that allows so many",
    "invalid syntax": "a symbol is not written as Alpaca writes it",
    "connection limit exceeded": "another process streams with these keys: stop it, or use other keys",
}
# Codes of the published contract that come again whatever we do; the others pass.
_LASTING_CODES = frozenset({400, 401, 402, 405, 409, 410, 412, 413})
_LASTING_TEXTS = ("auth failed", "not authenticated", "insufficient subscription")


class Inbox:
    """Messages between the threads that receive them and the one that takes them; bounded, and counted."""

    def __init__(self, limit: int) -> None:
        """Of more than ``limit`` messages that wait, the newest are missed."""
        self._limit = limit
        self._messages: list[Message] = []
        self._missed = 0
        self._lock = threading.Lock()
        self.ended = threading.Event()
        """Set when a connection has ended for good: nobody need wait for messages."""

    def put(self, channel: Channel, message: dict[str, Any]) -> None:
        """Keep a message until it is taken, or count it as missed."""
        with self._lock:
            if len(self._messages) < self._limit:
                self._messages.append((channel, message))
            else:
                self._missed += 1

    def miss(self) -> None:
        """Count a message that could not be read."""
        with self._lock:
            self._missed += 1

    def take(self) -> tuple[list[Message], int]:
        """All messages that wait, as they came, and how many were missed since the beginning."""
        with self._lock:
            messages, self._messages = self._messages, []
            return messages, self._missed


@dataclass
class Standing:
    """How a connection stands; written by its thread, read by others."""

    is_connected: bool = False
    connections: int = 0
    trouble: str = ""
    failure: SourceError | None = field(default=None)


class _Telling(DataStream):
    """What is added to the SDK's streams."""

    inbox: Inbox
    standing: Standing

    async def _start_ws(self) -> None:
        try:
            await super()._start_ws()
        except Exception as error:
            self._note(str(error) or type(error).__name__)
            raise
        self.standing.is_connected = True
        self.standing.connections += 1
        self.standing.trouble = ""

    def _note(self, text: str, code: int = 0) -> None:
        self.standing.trouble = text
        if code in _LASTING_CODES or any(lasting in text for lasting in _LASTING_TEXTS):
            remedy = next((remedy for said, remedy in _REMEDIES.items() if said in text), "")
            self.standing.failure = SourceError(
                f"Alpaca's stream {self._endpoint} refuses: {text}" + (f": {remedy}" if remedy else "")
            )
            self._should_run = False
            if self._stop_stream_event is not None:
                self._stop_stream_event.set()
            # Read where the SDK waits for messages.
            self._stop_stream_queue.put_nowait({"should_stop": True})

    async def close(self) -> None:
        self.standing.is_connected = False
        await super().close()

    async def _consume(self) -> bool:
        while True:
            try:
                return await super()._consume()
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                if self._ws is None:
                    raise
                # A frame that is no list of messages; the ones after it are read as before.
                self.inbox.miss()
                _log.warning("Alpaca's stream: a frame that cannot be read: %s", error)

    async def _dispatch(self, msg: dict[str, Any]) -> None:
        if msg.get("T") == "error":
            _log.error("Alpaca's stream: %s (%s)", msg.get("msg"), msg.get("code"))
            self._note(str(msg.get("msg")), int(msg.get("code") or 0))
            return
        await super()._dispatch(msg)


class _TellingShares(_Telling, StockDataStream):
    pass


class _TellingOptions(_Telling, OptionDataStream):
    pass


class Connection:
    """One stream, from ``start`` until ``stop``."""

    def __init__(
        self,
        endpoint: Literal["shares", "options"],
        settings: AlpacaSettings,
        keys: tuple[Secret, Secret],
        inbox: Inbox,
        subscriptions: dict[Channel, Sequence[str]],
    ) -> None:
        """Nothing is connected yet."""
        self.standing = Standing()
        self._inbox = inbox
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        key_id, secret_key = keys[0].reveal(), keys[1].reveal()
        sockets = {
            "ping_interval": 10,
            "ping_timeout": 20,
            "max_queue": 1024,
            "max_size": _LARGEST_MESSAGE_BYTES,
            "open_timeout": settings.connect_seconds,
            "close_timeout": 1,
        }
        stream: _Telling
        if endpoint == "shares":
            stream = _TellingShares(
                key_id,
                secret_key,
                raw_data=True,
                feed=DataFeed(settings.live_feed),
                websocket_params=sockets,
                url_override=f"{settings.stream_url}/v2/{settings.live_feed}",
            )
        else:
            stream = _TellingOptions(
                key_id,
                secret_key,
                raw_data=True,
                feed=OptionsFeed(settings.option_feed),
                websocket_params=sockets,
                url_override=f"{settings.stream_url}/v1beta1/{settings.option_feed}",
            )
        stream.inbox, stream.standing = inbox, self.standing
        stream._reconnect_min_backoff = settings.retry_wait_seconds
        stream._reconnect_max_backoff = max(_LONGEST_PAUSE_SECONDS, settings.retry_wait_seconds)
        for channel, symbols in subscriptions.items():
            self._subscribe(stream, channel, symbols)
        self._stream = stream
        self._thread = threading.Thread(target=self._run, name=f"alpaca-{endpoint}", daemon=True)

    def start(self) -> None:
        """Connect, and go on until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread, whatever it waits for."""
        self._is_stopping = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(task.cancel)
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)

    def _subscribe(self, stream: Any, channel: Channel, symbols: Sequence[str]) -> None:
        async def keep(message: dict[str, Any]) -> None:
            self._inbox.put(channel, message)

        name = "quotes" if channel == "option_quotes" else channel
        getattr(stream, f"subscribe_{name}")(keep, *symbols)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception as error:
            _log.exception("Alpaca's stream ended")
            self.standing.failure = SourceError(f"Alpaca's stream ended: {error!r}", True)
        finally:
            self.standing.is_connected = False
            if not self._is_stopping and self.standing.failure is None:
                self.standing.failure = SourceError("Alpaca's stream ended of itself", True)
            self._inbox.ended.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._stream._run_forever())
        if self._is_stopping:
            self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            pass
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._stream.close(), 2)
