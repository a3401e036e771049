"""The port to a channel that reaches people. ``adapters/notify`` implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from alluse_assets.base.config.model_fields import Priority


@dataclass(frozen=True, slots=True)
class Message:
    """What a person gets: plain text, and how urgent it is."""

    title: str
    body: str
    priority: Priority


class Channel(Protocol):
    """One way to reach people."""

    def send(self, message: Message) -> None:
        """Deliver ``message``, within the configured time.

        Raises:
            DeliveryError: it was not delivered, or nobody knows. The text never holds the address.
        """
