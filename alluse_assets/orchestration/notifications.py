"""Sends what is due of a book's alerts: reads, decides, claims, sends, writes down how it went.

At least once: a message is claimed before it is sent, and one whose end nobody knows is sent again. Once
only where nothing fails: the claim's key and the book's notifier lease keep two notifiers apart.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from alluse_assets.adapters.notify import open_channels
from alluse_assets.alerts.channel import Channel
from alluse_assets.alerts.delivery import Send, Standing, StandingState, decide_deliveries, standings
from alluse_assets.alerts.message import message_of
from alluse_assets.alerts.states import CurrentAlert
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import DeliveryError
from alluse_assets.orchestration.alert_answers import current_alerts, kind_of
from alluse_assets.orchestration.services import Services

log = logging.getLogger(__name__)

BUDGET_SECONDS = 25.0
"""When a pass starts no more messages. With the time that one may take it ends within a sensor's minute."""
_MOST_THREADS = 6
"""Channels that are worked at side by side; each needs a connection of the pool now and then."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did, and what is left. ``sent`` and ``failed`` count messages.

    ``why_not``: why nothing was looked at, where that is so.
    """

    book: str
    sent: int = 0
    failed: int = 0
    waiting: int = 0
    given_up: int = 0
    next_at: datetime | None = None
    why_not: str = ""

    @property
    def sentence(self) -> str:
        """One line for people."""
        if self.why_not:
            return f"book {self.book}: nothing was sent: {self.why_not}"
        parts = [f"{self.sent} sent", f"{self.failed} failed", f"{self.waiting} waiting"]
        if self.given_up:
            parts.append(f"{self.given_up} given up, see alluse alerts --book {self.book}")
        if self.next_at:
            parts.append(f"next at {self.next_at:%Y-%m-%d %H:%M:%S} UTC")
        return f"book {self.book}: {', '.join(parts)}"


def send_due(
    services: Services,
    book: str,
    config: ProtocolConfig,
    now: datetime,
    *,
    channels: Mapping[str, Channel] | None = None,
    also_a_replay: bool = False,
) -> Pass:
    """Send what is due now.

    Args:
        services: the open installation.
        book: whose alerts.
        config: how people are told: the profile's and the environment's, not the one the book stores.
        now: the time.
        channels: instead of the configured ones, for tests.
        also_a_replay: send alerts of past sessions too, for trying the channels out.

    Raises:
        JournalError: there is no such book.
    """
    why_not = why_nothing_is_sent(config, "live" if also_a_replay else kind_of(services, book))
    if why_not:
        return Pass(book, why_not=why_not)
    with services.deliveries.lease(book) as held:
        if not held:
            return Pass(book, why_not="another notifier is at work for this book")
        cut_off = services.deliveries.end_cut_off(book, config.notify)
        if cut_off:
            log.warning("book %s: %s deliveries were cut off; they are sent again", book, cut_off)
        alerts = current_alerts(services, book)
        tried = services.deliveries.read(book)
        rules, lowest = config.notify, config.alerts.lowest_sent
        sends = decide_deliveries(alerts.values(), tried, rules, lowest, now)
        opened = channels if channels is not None else open_channels(rules, os.environ)
        sender = _Sender(services, book, config, now, alerts, time.monotonic() + BUDGET_SECONDS)
        by_channel: dict[str, list[Send]] = {}
        for send in sends:
            by_channel.setdefault(send.channel, []).append(send)
        with ThreadPoolExecutor(max_workers=max(1, min(_MOST_THREADS, len(by_channel)))) as threads:
            done = [*threads.map(lambda one: sender.send_all(opened[one[0]], one[1]), [*by_channel.items()])]
        left = standings(alerts.values(), services.deliveries.read(book), rules, lowest, now)
    return _summary(book, sum(s for s, _ in done), sum(f for _, f in done), left)


@dataclass(frozen=True, slots=True)
class _Sender:
    services: Services
    book: str
    config: ProtocolConfig
    now: datetime
    alerts: Mapping[str, CurrentAlert]
    deadline: float

    def send_all(self, channel: Channel, sends: Sequence[Send]) -> tuple[int, int]:
        """Send to one channel, in order; messages sent and failed.

        After a failure the rest waits for the next pass: a dead channel costs one time-out a pass.
        """
        for done, send in enumerate(sends):
            if time.monotonic() > self.deadline:
                return done, 0
            if not self._send(channel, send):
                return done, 1
        return len(sends), 0

    def _send(self, channel: Channel, send: Send) -> bool:
        store, rules, name = self.services.deliveries, self.config.notify, send.channel
        claimed = tuple(store.claim(self.book, name, send.items, self.now))
        if not claimed:
            return True
        message = message_of(self.book, replace(send, items=claimed), self.alerts, self.now)
        error = ""
        try:
            channel.send(message)
        except DeliveryError as failure:
            error = str(failure)
            log.warning("book %s: channel %s: not delivered: %s", self.book, name, error)
        store.end(self.book, name, claimed, error, self.now, rules)
        return not error


def why_nothing_is_sent(config: ProtocolConfig, kind: str) -> str:
    """Why a book of this kind sends no alert under ``config``; empty: it sends them."""
    if not config.notify.enabled:
        return "notify.enabled is false"
    if not config.notify.channels:
        return (
            "no channel is configured; name one in notify.channels of the profile (docs/how_to/get_alerts.md)"
        )
    if kind == "replay":
        return "it is a replay, its alerts are of the past; alluse notify --replay sends them all the same"
    return ""


def _summary(book: str, sent: int, failed: int, left: Sequence[Standing]) -> Pass:
    waiting = [one for one in left if one.next]
    return Pass(
        book,
        sent,
        failed,
        sum(one.state is StandingState.WAITING for one in left),
        sum(one.state is StandingState.GIVEN_UP for one in left),
        min((one.next.due for one in waiting if one.next), default=None),
    )
