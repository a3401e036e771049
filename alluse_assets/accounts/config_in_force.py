"""The typed configuration of a book as its journal has it: now, and session by session.

A step that decides takes its configuration from here, never from what it was started with, so a version
that came meanwhile counts at the next step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import rfc8785

from alluse_assets.base.config.config_manager import from_canonical
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import JournalError
from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import fold
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.config_history import ConfigHistory, ConfigVersion

CONFIG_EVENTS = (EventType.BOOK_OPENED, EventType.CONFIG_CHANGED, EventType.SESSION_CLOSED)
"""Events that say which configuration counts when; the rest of a journal is not needed for it."""

_KEPT = 64


def config_state(events: Iterable[Event]) -> BookState:
    """What a book's state says of its configuration: versions and the last closed session."""
    return fold(event for event in events if event.type in CONFIG_EVENTS)


def config_in_force(state: BookState) -> ProtocolConfig:
    """What the book runs on now. A setting that its journal does not have yet has its default.

    Raises:
        JournalError: the book is not opened.
        ConfigError: the journal holds settings that this release does not have or allow.
    """
    current = state.config_history.current
    if current is None:
        raise JournalError("the book has no configuration: it is not opened yet")
    return config_of(current)


def config_of(version: ConfigVersion) -> ProtocolConfig:
    """What one version stands for."""
    return _typed(rfc8785.dumps(dict(version.form)))


@lru_cache(maxsize=_KEPT)
def _typed(form: bytes) -> ProtocolConfig:
    """By the whole text: a fingerprint of an older release covers fewer settings."""
    return from_canonical(json.loads(form))


@dataclass(frozen=True, slots=True)
class ConfigTimeline:
    """Which configuration each session of a book was, or will be, decided under.

    ``versions``: the last session that was closed when a version came (None: none was), and the version.
    """

    versions: tuple[tuple[date | None, ProtocolConfig], ...]
    last_closed: date | None = None

    @property
    def current(self) -> ProtocolConfig:
        """The configuration in force."""
        return self.versions[-1][1]

    def place(self, session: date) -> int:
        """The place in ``versions`` of what counts in ``session``."""
        return max(
            (n for n, (after, _) in enumerate(self.versions) if after is None or session > after), default=0
        )

    def on(self, session: date) -> ProtocolConfig:
        """The configuration of ``session``; what is in force for one that is not closed yet."""
        return self.versions[self.place(session)][1]


def timeline_of(history: ConfigHistory, last_closed: date | None) -> ConfigTimeline:
    """The timeline of a book that is opened."""
    return ConfigTimeline(tuple((v.after, config_of(v)) for v in history.versions), last_closed)
