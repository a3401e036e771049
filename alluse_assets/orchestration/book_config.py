"""The configuration that a book runs on: its profile's for a new book, its own stored one afterwards.

The journal's first event keeps the whole configuration, and later ones each version since. So editing a
profile never changes a book that is under way; what differs is said instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alluse_assets.accounts.config_in_force import CONFIG_EVENTS, ConfigTimeline, config_state, timeline_of
from alluse_assets.base.config.canonical_form import Change, diff
from alluse_assets.base.config.config_manager import StoredVersion, load, with_values
from alluse_assets.base.config.model_people import AlertRules, NotifyRules
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.config.profile_files import profile_of
from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import instant_text
from alluse_assets.journal.store import JournalStore
from alluse_assets.ledger.config_history import ConfigHistory

_OUTSIDE: Mapping[str, Any] = {
    **{"book.replay_start": None, "book.replay_end": None, "alerts.lowest_sent": AlertRules().lowest_sent},
    **{f"notify.{name}": getattr(NotifyRules(), name) for name in NotifyRules.model_fields},
}
"""Settings that a book does not store, with what stands in their place: how far a replay goes, and how
people are told. None is a trading rule, and a running book must be able to get another channel."""


@dataclass(frozen=True, slots=True)
class BookConfig:
    """What a book runs on. ``ignored``: settings given now that its stored configuration overrides."""

    config: ProtocolConfig
    asked: ProtocolConfig
    """What profile and environment say, with the replay's range and how people are told."""
    first_session: str | None
    timeline: ConfigTimeline
    """What each session was, or will be, decided under."""
    ignored: tuple[Change, ...] = ()


def config_of_book(
    store: JournalStore,
    book: str,
    profile: str,
    environ: Mapping[str, str],
    lump_sum: Decimal | None = None,
) -> BookConfig:
    """The configuration of ``book``, whether it exists already or not.

    Raises:
        ConfigError: a layer is wrong, or ``lump_sum`` is not the one that the book began with.
    """
    require_book_name(book)
    asked = load(profile, environ).config
    if lump_sum is not None:
        asked = with_values(asked, {"book.lump_sum_usd": str(lump_sum)})
    fresh = with_values(asked, _OUTSIDE)
    state = config_state(row.event for row in store.read(book, types=CONFIG_EVENTS))
    if state.config_history.current is None:
        return BookConfig(fresh, asked, None, ConfigTimeline(((None, fresh),)))
    timeline = timeline_of(state.config_history, state.last_closed)
    config = timeline.current
    if lump_sum is not None and config.book.lump_sum_usd != fresh.book.lump_sum_usd:
        raise ConfigError(
            f"book.lump_sum_usd: book {book!r} began with {config.book.lump_sum_usd} USD, not {lump_sum}; "
            "give another book's name"
        )
    first_session = str(state.opened["first_session"])
    return BookConfig(config, asked, first_session, timeline, tuple(diff(config, fresh)))


def profile_asked(book: str, environ: Mapping[str, str]) -> str:
    """The profile that says how people are told of ``book``: that of ``alluse up``, else the book's own."""
    shown = environ.get("ALLUSE_PROFILE") if environ.get("ALLUSE_BOOK") == book else ""
    return shown or profile_of(book)


def stored_versions(history: ConfigHistory) -> list[StoredVersion]:
    """The versions of a book as layers: the first sets everything, each later one what it changed."""
    return [
        StoredVersion(
            version.number,
            {change.path: change.after for change in version.changes} if version.changes else version.form,
            version.by,
            instant_text(version.at),
            version.why,
        )
        for version in history.versions
    ]


def require_book_name(book: str) -> None:
    """Refuse a name that neither the journal nor the lake can take.

    Raises:
        ConfigError: it is no book's name.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,62}", book):
        raise ConfigError(f"book name {book!r}: use lower-case letters, digits, '.', '_' and '-', at most 63")
