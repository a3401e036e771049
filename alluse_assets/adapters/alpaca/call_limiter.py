"""Our own side of a limit of calls: no more than so many in any stretch of time, whoever calls.

It keeps one process within the limit. Several processes that share a key are told by the server.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class CallLimiter:
    """Lets ``calls`` through in any ``seconds``; the one after them waits until the first is that old."""

    def __init__(
        self,
        calls: int,
        seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._starts: deque[float] = deque(maxlen=calls)
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Return when the caller may go; the time it slept, in seconds. Callers go in their order."""
        with self._lock:
            now = self._monotonic()
            full = len(self._starts) == self._starts.maxlen
            start = max(now, self._starts[0] + self._seconds) if full else now
            self._starts.append(start)
        pause = start - now
        if pause > 0:
            self._sleep(pause)
        return pause
