"""When the next message may be sent, so that the gateway's limits are kept rather than hit.

``Pace`` is pure: it is told the time. ``Pacer`` is the same with a clock, shared by all threads of a
process. Limits: 50 messages a second for all clients of a login; for bars at most 60 requests in ten
minutes, fewer than six for one contract within two seconds, no identical one within 15 seconds.
Source: TWS API, "Historical Data Limitations" and "Pacing".
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_LOGGER = logging.getLogger("alluse.ibkr")
_WORTH_TELLING_SECONDS = 5.0
_KEYS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``most`` messages in any stretch of ``seconds``."""

    name: str
    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PacingLimits:
    """The windows that requests fall under. Five messages a second are left to other clients."""

    messages: Window = Window("messages a second", 45, 1.0)
    bars: Window = Window("requests of bars in ten minutes", 60, 600.0)
    same_contract: Window = Window("requests of bars of one contract within two seconds", 5, 2.0)
    identical: Window = Window("identical requests of bars within 15 seconds", 1, 15.0)
    open_bars: int = 20
    """Requests of bars that wait for their answers at once; the gateway takes 50, and fewer are faster."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One message's claim on a window; messages of different keys do not disturb each other."""

    window: Window
    key: Hashable = None


@dataclass(slots=True)
class Pace:
    """What was sent when. Times are seconds of any one clock that does not go back."""

    _sent: dict[Claim, deque[float]] = field(default_factory=dict)

    def wait_seconds(self, now: float, claims: Sequence[Claim]) -> tuple[float, Window | None]:
        """How long from ``now`` a message with these claims has to wait, and for which window."""
        longest, reason = 0.0, None
        for claim in claims:
            times = self._sent.get(claim)
            if times is not None and len(times) == claim.window.most:
                wait = times[0] + claim.window.seconds - now
                if wait > longest:
                    longest, reason = wait, claim.window
        return longest, reason

    def record(self, now: float, claims: Sequence[Claim]) -> None:
        """A message with these claims is sent at ``now``."""
        for claim in claims:
            self._sent.setdefault(claim, deque(maxlen=claim.window.most)).append(now)
        if len(self._sent) > _KEYS_KEPT:
            self._sent = {c: t for c, t in self._sent.items() if now - t[-1] < c.window.seconds}


class Pacer:
    """Holds messages back until every window has room. Processes do not know of each other's messages."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        """``on_wait`` is told of a wait of five seconds and more, and for what; by default it is logged."""
        self._clock = clock
        self._sleep = sleep
        self._on_wait = on_wait or _log
        self._pace = Pace()
        self._lock = threading.Lock()

    async def admit(self, claims: Sequence[Claim]) -> None:
        """Return when the message may be sent; it counts as sent then."""
        told = False
        while True:
            with self._lock:
                now = self._clock()
                wait, window = self._pace.wait_seconds(now, claims)
                if wait <= 0:
                    self._pace.record(now, claims)
                    return
            if wait >= _WORTH_TELLING_SECONDS and not told and window is not None:
                told = True
                self._on_wait(wait, f"{window.most} {window.name}")
            await self._sleep(wait)


@lru_cache(maxsize=64)
def pacer_of(place: str) -> Pacer:
    """The one pacer of this process for the gateway at ``place``: its limits are for a login as a whole."""
    return Pacer()


def _log(seconds: float, limit: str) -> None:
    _LOGGER.warning("Interactive Brokers: waiting %.0f s, the limit is %s", seconds, limit)
