"""A channel over the library Apprise. Its URL is a secret, read anew for each message.

The library says only in its log why something failed, and that log may hold addresses: it is kept from
the process's log, and what is told of it goes through ``redaction``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alluse_assets.adapters.notify.redaction import without_address
from alluse_assets.adapters.secrets import secret_sources
from alluse_assets.alerts.channel import Channel, Message
from alluse_assets.base.config.model_fields import Priority
from alluse_assets.base.config.model_people import NotifyRules
from alluse_assets.base.errors import DeliveryError, SecretError
from alluse_assets.base.secrets import Secret, resolve

if TYPE_CHECKING:
    import apprise

_THREAD = "alluse-notify"
_LIBRARY_LOG = "apprise"
_QUIET_LOGS = ("urllib3.connectionpool", "urllib3.util.retry", "requests_oauthlib.oauth1_session")
"""Libraries below that write paths of URLs, and with them tokens, when a process logs everything."""
_TYPES: Mapping[Priority, str] = {
    "LOW": "info",
    "MEDIUM": "info",
    "HIGH": "warning",
    "CRITICAL": "failure",
}


def open_channels(rules: NotifyRules, environ: Mapping[str, str]) -> dict[str, Channel]:
    """The configured channels by name. A secret that cannot be read fails its own channel's messages only."""
    sources = secret_sources(environ)
    return {
        name: AppriseChannel(
            lambda reference=channel.secret: resolve(reference, sources),  # type: ignore[misc]
            rules.send_within_seconds,
        )
        for name, channel in rules.channels.items()
    }


@dataclass(frozen=True, slots=True)
class AppriseChannel:
    """Sends to the services of one Apprise URL. ``within_seconds`` is for a whole message."""

    read_url: Callable[[], Secret] = field(repr=False)
    within_seconds: float

    def send(self, message: Message) -> None:
        """Deliver ``message``; see ``Channel.send``."""
        try:
            url = self.read_url().reveal()
        except SecretError as error:
            raise DeliveryError(str(error)) from None
        service = _service(url, self.within_seconds)
        outcome: list[str | None] = []
        # A service may take longer than its own time-outs say; a thread that hangs is left behind.
        thread = threading.Thread(
            target=lambda: outcome.append(_sent(service, message)), name=_THREAD, daemon=True
        )
        thread.start()
        thread.join(self.within_seconds)
        if not outcome:
            raise DeliveryError(f"no answer within {self.within_seconds:g} s")
        if outcome[0] is not None:
            raise DeliveryError(without_address(outcome[0], url))


def _sent(service: apprise.NotifyBase, message: Message) -> str | None:
    """Send; why it failed, or None. Its text may hold the address."""
    import apprise

    with _Heard() as heard:
        try:
            sender = apprise.Apprise(asset=service.asset)
            sender.add(service)
            done = sender.notify(
                message.body,
                message.title,
                apprise.NotifyType(_TYPES[message.priority]),
                apprise.NotifyFormat.TEXT,
            )
        except Exception as error:
            # Whatever a plug-in raises is a delivery that failed, and must not stop other channels.
            return f"{type(error).__name__}: {error}"
        return None if done else heard.text or "the service did not take it and does not say why"


def _service(url: str, within_seconds: float) -> apprise.NotifyBase:
    """The service of a URL. The first one loads a hundred and fifty plug-ins, which takes seconds.

    Raises:
        DeliveryError: the URL is none that the library knows.
    """
    import apprise

    asset = apprise.AppriseAsset(
        app_id="ALL-USE", app_desc="ALL-USE alerts", app_url="", async_mode=False, interpret_emojis=False
    )
    with _Heard() as heard:
        try:
            service = apprise.Apprise.instantiate(url.strip(), asset=asset)
        except Exception:
            # Plug-ins are many and parse by hand; what they raise may hold the address.
            service = None
    if service is None:
        said = without_address(heard.text, url)
        raise DeliveryError(f"the secret is no URL that Apprise can use. {said}".strip())
    # The notifier repeats by its own rules.
    service.retry = 0
    service.socket_connect_timeout = service.socket_read_timeout = within_seconds
    return service


class _Heard(logging.Filter):
    """What the library says in this thread while it works, and nobody else hears."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._said: list[str] = []

    @property
    def text(self) -> str:
        """All that was said, on one line."""
        return " ".join(self._said)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a record of this thread, and stop it here."""
        if record.thread != self._thread:
            return True
        if record.levelno >= logging.WARNING:
            self._said.append(record.getMessage())
        return False

    def __enter__(self) -> _Heard:
        """Listen."""
        log = logging.getLogger(_LIBRARY_LOG)
        if not log.isEnabledFor(logging.WARNING):
            log.setLevel(logging.WARNING)
        log.addFilter(self)
        for name in _QUIET_LOGS:
            logging.getLogger(name).addFilter(_not_ours)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        logging.getLogger(_LIBRARY_LOG).removeFilter(self)


def _not_ours(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD
