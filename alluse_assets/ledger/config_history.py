"""Every configuration that a book ran on: the part of a book's state about it.

Belongs here: folding the events. Not here: deciding a change (``accounts.config_changes``), and the typed
configuration that a version stands for (``accounts.config_in_force``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from alluse_assets.base.config.canonical_form import Change
from alluse_assets.base.events import Event, Json

Form = Mapping[str, Any]
"""A configuration in canonical form: the whole tree as JSON values."""


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """One version. Number 1 is what the book was opened with; it has no ``changes``.

    ``at`` is in the book's own time; ``after`` is the last session that was closed when it came, so it
    counts for every later one. ``rolled_back_to`` names the version whose values it brought back.
    """

    number: int
    form: Form
    fingerprint: str
    by: str
    why: str
    at: datetime
    after: date | None
    changes: tuple[Change, ...] = ()
    rolled_back_to: int | None = None
    request: str | None = None
    """The approval that led to it; None where nobody had to be asked."""
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigHistory:
    """All versions in order. ``asked``: how often a person was asked to approve another one."""

    versions: tuple[ConfigVersion, ...] = ()
    asked: int = 0

    @property
    def current(self) -> ConfigVersion | None:
        """The version in force; None before the book is opened."""
        return self.versions[-1] if self.versions else None

    def number_of(self, fingerprint: str) -> int:
        """The newest version with that fingerprint; the one in force where none has it, 0 without any."""
        for version in reversed(self.versions):
            if version.fingerprint == fingerprint:
                return version.number
        return self.versions[-1].number if self.versions else 0


def opened(event: Event) -> ConfigHistory:
    """The history that begins with ``book.opened``."""
    p: Any = event.payload
    first = ConfigVersion(
        1, p["config"], str(p["config_fingerprint"]), event.actor, "opened", event.effective_at, None
    )
    return ConfigHistory((first,))


def changed(history: ConfigHistory, event: Event, last_closed: date | None) -> ConfigHistory:
    """The history after ``config.changed``."""
    p: Any = event.payload
    changes = changes_from(p["changes"])
    form = history.versions[-1].form
    for change in changes:
        form = with_value(form, change.path, change.after)
    version = ConfigVersion(
        p["version"],
        form,
        p["config_fingerprint"],
        p["by"],
        p["why"],
        event.effective_at,
        last_closed,
        changes,
        p["rolled_back_to"],
        p["request"],
        p["approved_by"],
    )
    return replace(history, versions=(*history.versions, version))


def with_value(form: Form, path: str, value: Any) -> dict[str, Any]:
    """A canonical form with one setting, by dotted path, replaced; what is beside it is shared."""
    name, _, below = path.partition(".")
    if not below:
        return {**form, name: value}
    return {**form, name: with_value(form.get(name, {}), below, value)}


def value_in(form: Form, path: str, missing: Any) -> Any:
    """The canonical value of a setting, by dotted path; ``missing`` where an older form has no such one."""
    value: Any = form
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return missing
        value = value[name]
    return value


def listed(changes: Sequence[Change]) -> list[Json]:
    """Changes as a payload carries them."""
    return [{"path": change.path, "before": change.before, "after": change.after} for change in changes]


def changes_from(rows: Any) -> tuple[Change, ...]:
    """Changes out of a payload."""
    return tuple(Change(item["path"], item["before"], item["after"]) for item in rows)
