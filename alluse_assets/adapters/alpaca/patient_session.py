"""The HTTP session that the SDK's clients use: time-outs, the limit of calls, repetition, whole answers.

The SDK passes no time-out, repeats only 429 and 504, takes a body that breaks off for an exception of
its own, and follows page tokens for ever. All of that is put right here, below it, for every client.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from alluse_assets.adapters.alpaca.call_limiter import CallLimiter
from alluse_assets.base.errors import SourceError

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT_SECONDS = 30.0


class PatientSession(requests.Session):
    """Sends a request until it has a whole answer, is refused, or the budget of time is used up."""

    def __init__(
        self,
        limiter: CallLimiter,
        connect_seconds: float,
        answer_seconds: float,
        retry_wait_seconds: float,
        retry_budget_seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self._limiter = limiter
        self._timeouts = (connect_seconds, answer_seconds)
        self._first_wait = retry_wait_seconds
        self._budget = retry_budget_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._call = threading.local()

    @contextmanager
    def one_call(self) -> Iterator[None]:
        """Within it, all requests are pages of one question: no page may be asked for twice."""
        self._call.pages = set()
        try:
            yield
        finally:
            self._call.pages = None

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """As ``requests`` does it; 4xx answers come back as they are, what passes is asked for again.

        Raises:
            SourceError: no whole answer within the budget, or pages that go round in a circle.
        """
        path = urlsplit(str(url)).path
        self._turn_page(path, (options.get("params") or {}).get("page_token"))
        options["timeout"] = self._timeouts
        started = self._monotonic()
        repeated = 0
        while True:
            started += self._limiter.wait()
            answer, trouble = self._attempt(method, url, *args, **options)
            if answer is not None and not trouble:
                return answer
            wait = min(self._first_wait * 2**repeated, _LONGEST_WAIT_SECONDS)
            wait = max(wait, _asked_to_wait(answer))
            if self._monotonic() + wait - started > self._budget:
                times = f"{repeated + 1} times" if repeated else "once"
                raise SourceError(f"Alpaca: {path}: {trouble}; asked {times}: try again later", True)
            self._sleep(wait)
            repeated += 1

    def _attempt(self, *args: Any, **options: Any) -> tuple[requests.Response | None, str]:
        """The answer and what is wrong with it; no text: it is whole."""
        try:
            answer = super().request(*args, **options)
        except requests.Timeout:
            return None, f"no answer within {self._timeouts[1]:g} s"
        except requests.exceptions.ChunkedEncodingError:
            return None, "the answer broke off"
        except requests.ConnectionError as error:
            return None, f"no connection ({type(error).__name__})"
        if answer.status_code in _PASSING:
            return answer, f"HTTP {answer.status_code} {answer.reason}"
        if answer.status_code < 400 and not _is_json_object(answer):
            return answer, f"HTTP {answer.status_code} with an answer that breaks off or is no JSON object"
        return answer, ""

    def _turn_page(self, path: str, token: str | None) -> None:
        pages: set[tuple[str, str]] | None = getattr(self._call, "pages", None)
        if pages is None or token is None:
            return
        if (path, token) in pages:
            raise SourceError(f"Alpaca: {path}: the same page was to be asked for twice: paging in a circle")
        pages.add((path, token))


def _is_json_object(answer: requests.Response) -> bool:
    try:
        return isinstance(answer.json(), dict)
    except ValueError:
        return False


def _asked_to_wait(answer: requests.Response | None) -> float:
    """Seconds that the server asks us to wait: Retry-After, else the instant at which its limit is new."""
    if answer is None:
        return 0.0
    after = answer.headers.get("Retry-After", "")
    now = datetime.now(UTC)
    try:
        if after:
            return max(0.0, float(after))
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(after) - now).total_seconds())
        except (ValueError, TypeError):
            return 0.0
    reset = answer.headers.get("X-RateLimit-Reset", "")
    if answer.status_code == 429 and reset.isdigit():
        return max(0.0, int(reset) - now.timestamp())
    return 0.0
