"""Changing the configuration of a book that is under way: what a person asks becomes an event, or a refusal.

A change, and a way back to an earlier version, is always a new version. Where the book's rules say so it
is a request first, which ``config_requests`` answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from alluse_assets.accounts.config_in_force import config_in_force, config_of
from alluse_assets.accounts.config_limits import possible_changes
from alluse_assets.base.config.canonical_form import Change, diff, fingerprint
from alluse_assets.base.config.config_manager import with_texts
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import Event, instant_text
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookKind
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.config_history import listed, request_hash


def decide_change(
    state: BookState,
    kind: BookKind,
    values: Sequence[tuple[str, str]],
    why: str,
    by: str,
    at: datetime,
) -> Event:
    """The event that a change of settings leads to: a new version, or a request where one is needed.

    Args:
        state: the book now.
        kind: of the book; a replay's change is a person's own act and needs nobody else.
        values: setting or section by dotted path, and its new value as YAML; all of them count together.
        why: the reason, for whoever reads the history.
        by: who changes it.
        at: when, in the book's time.

    Raises:
        ConfigError: a path, a value or the result does not hold, nothing would change, a setting cannot
            change in a running book, or ``why`` or ``by`` is empty.
    """
    _require_words(why, by)
    names = [name for name, _ in values]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{twice[0]}: is given twice; give it once")
    before = config_in_force(state)
    after = with_texts(before, dict(values))
    if not diff(before, after):
        listed = ", ".join(f"{name} is {value} already" for name, value in values) or "no setting is given"
        raise ConfigError(f"nothing to change: {listed} (version {state.config_version} is in force)")
    return _decided(state, kind, before, after, why, by, at, None)


def decide_rollback(state: BookState, kind: BookKind, to: int, why: str, by: str, at: datetime) -> Event:
    """The event that brings back the values of version ``to``, as a new version or a request for one.

    Raises:
        ConfigError: there is no such version, its values are in force already or do not hold any more, or
            ``why`` or ``by`` is empty.
    """
    _require_words(why, by)
    versions = state.config_history.versions
    wanted = next((version for version in versions if version.number == to), None)
    if wanted is None:
        raise ConfigError(f"there is no version {to} of the configuration; there are 1 to {len(versions)}")
    before, after = config_in_force(state), config_of(wanted)
    if not diff(before, after):
        raise ConfigError(
            f"nothing to roll back: version {state.config_version}, which is in force, has the values of "
            f"version {to}"
        )
    return _decided(state, kind, before, after, why, by, at, to)


def needs_approval(kind: BookKind, config: ProtocolConfig) -> bool:
    """Whether a change is a request first. ``config``: what is in force, never what is asked for."""
    return kind != "replay" and config.approvals.config_change


def changed_event(
    state: BookState,
    changes: Sequence[Change],
    after: ProtocolConfig,
    why: str,
    by: str,
    at: datetime,
    rolled_back_to: int | None,
    request: str | None,
    approved_by: str | None,
) -> Event:
    """``config.changed`` for the next version. ``after`` is the whole configuration after ``changes``."""
    number = state.config_version + 1
    return Event(
        EventType.CONFIG_CHANGED,
        at,
        f"person:{approved_by or by}",
        f"config/version/{number}",
        {
            "version": number,
            "changes": listed(changes),
            "why": why,
            "by": by,
            "config_fingerprint": fingerprint(after),
            "rolled_back_to": rolled_back_to,
            "request": request,
            "approved_by": approved_by,
        },
        cause=f"config/{request}/requested" if request else None,
    )


def _decided(
    state: BookState,
    kind: BookKind,
    before: ProtocolConfig,
    after: ProtocolConfig,
    why: str,
    by: str,
    at: datetime,
    rolled_back_to: int | None,
) -> Event:
    changes = possible_changes(state, before, after)
    if not needs_approval(kind, before):
        return changed_event(state, changes, after, why, by, at, rolled_back_to, None, None)
    based_on, requests = state.config_version, state.config_history.requests
    digest = request_hash(based_on, changes, rolled_back_to)
    for request in requests.values():
        if (request.hash, request.outcome) == (digest, "open") and at < request.expires_at:
            raise ConfigError(
                f"{request.by} asked for the same already: request {request.id}, open until "
                f"{instant_text(request.expires_at)}"
            )
    request_id = f"config-{len(requests) + 1}"
    expires_at = at + timedelta(minutes=before.approvals.config_change_expires_minutes)
    return Event(
        EventType.CONFIG_CHANGE_REQUESTED,
        at,
        f"person:{by}",
        f"config/{request_id}/requested",
        {
            "request": request_id,
            "hash": digest,
            "based_on": based_on,
            "changes": listed(changes),
            "why": why,
            "by": by,
            "expires_at": instant_text(expires_at),
            "rolled_back_to": rolled_back_to,
        },
    )


def _require_words(why: str, by: str) -> None:
    if not why.strip():
        raise ConfigError("say why: the reason of a change stays in the history")
    if not by.strip():
        raise ConfigError("say who changes it")
