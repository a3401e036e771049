"""How long work says how far it is: a command shows a bar, a run in the background writes log lines."""

from __future__ import annotations

import logging
from typing import Protocol

_LOG = logging.getLogger("alluse.progress")


class Progress(Protocol):
    """Told about every step; ``done`` of ``total`` pieces of what ``label`` names are finished."""

    def step(self, label: str, done: int, total: int) -> None:
        """Take note."""


class LoggedProgress:
    """Progress for a process that nobody watches: one line when a piece of work is through."""

    def step(self, label: str, done: int, total: int) -> None:
        """Log the last step."""
        if done == total:
            _LOG.info("%s: %d of %d", label, done, total)
