"""Changing the configuration of a book that is under way: what a person asks becomes an event, or a refusal.

A change, and a way back to an earlier version, is always a new version. Where the book's rules say so it
is a request first, which another command answers; the answer binds to exactly what was asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import rfc8785

from alluse_assets.accounts.config_in_force import config_in_force, config_of
from alluse_assets.base.config.canonical_form import Change, diff, fingerprint
from alluse_assets.base.config.config_manager import from_canonical, with_texts
from alluse_assets.base.config.model_fields import KINDS
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import Event, Json, instant_text
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookKind
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.config_history import ConfigRequest, with_value

FIXED: Mapping[str, str] = {
    "book": "it is what the book was opened with, and its accounts hold it already",
    "market.source": "positions would be valued at the prices of another market",
    "market.index_options": "it says how open options are exercised and settled",
    "multiplier": "collateral and shares of open options are counted by it",
}
"""Settings and sections that stay as long as a book lives, and why. Another book can have others."""


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


def answer_change_request(
    state: BookState, kind: BookKind, request_id: str, by: str, yes: bool, at: datetime
) -> Event:
    """What a person's answer to a request leads to: the new version, or the request's end.

    Raises:
        ConfigError: there is no such open request, it expired, another version is in force than it was
            asked on, the asker may not approve it, or it does not hold any more.
    """
    request = _open_request(state, request_id)
    if not by.strip():
        raise ConfigError("say who answers")
    if not yes:
        return Event(
            EventType.CONFIG_CHANGE_REJECTED,
            at,
            f"person:{by}",
            f"config/{request.id}/rejected",
            {"request": request.id, "hash": request.hash, "by": by},
            cause=f"config/{request.id}/requested",
        )
    return approved_change(state, kind, request, by, at)


def approved_change(state: BookState, kind: BookKind, request: ConfigRequest, by: str, at: datetime) -> Event:
    """The new version that an approved request leads to, judged again as if it were asked now.

    Raises:
        ConfigError: it expired, was asked on another version, may not be approved by ``by``, or does not
            hold any more.
    """
    before = config_in_force(state)
    if at >= request.expires_at:
        raise ConfigError(
            f"request {request.id} expired at {instant_text(request.expires_at)}: unanswered means no; "
            "ask again"
        )
    if state.config_version != request.based_on:
        raise ConfigError(
            f"request {request.id} was asked on version {request.based_on} of the configuration, and "
            f"version {state.config_version} is in force now: ask again"
        )
    if kind == "live" and before.approvals.live_approver_is_another and by == request.by:
        raise ConfigError(f"request {request.id} was asked by {by}: in a live book another person approves")
    if request.hash != request_hash(request.based_on, request.changes, request.rolled_back_to):
        raise ConfigError(
            f"request {request.id} is not what its hash says: the journal was changed; verify it"
        )
    form = state.config_history.versions[-1].form
    for change in request.changes:
        form = with_value(form, change.path, change.after)
    after = from_canonical(form)
    changes = _possible_changes(state, before, after)
    return _changed(
        state, changes, after, request.why, request.by, at, request.rolled_back_to, request.id, by
    )


def request_hash(based_on: int, changes: Sequence[Change], rolled_back_to: int | None) -> str:
    """SHA-256 (hex) over exactly what is asked: the version it starts from, and every value."""
    asked: Any = {"based_on": based_on, "changes": _listed(changes), "rolled_back_to": rolled_back_to}
    return hashlib.sha256(rfc8785.dumps(asked)).hexdigest()


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
    changes = _possible_changes(state, before, after)
    if not needs_approval(kind, before):
        return _changed(state, changes, after, why, by, at, rolled_back_to, None, None)
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
            "changes": _listed(changes),
            "why": why,
            "by": by,
            "expires_at": instant_text(expires_at),
            "rolled_back_to": rolled_back_to,
        },
    )


def _changed(
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
    number = state.config_version + 1
    return Event(
        EventType.CONFIG_CHANGED,
        at,
        f"person:{approved_by or by}",
        f"config/version/{number}",
        {
            "version": number,
            "changes": _listed(changes),
            "why": why,
            "by": by,
            "config_fingerprint": fingerprint(after),
            "rolled_back_to": rolled_back_to,
            "request": request,
            "approved_by": approved_by,
        },
        cause=f"config/{request}/requested" if request else None,
    )


def _possible_changes(state: BookState, before: ProtocolConfig, after: ProtocolConfig) -> tuple[Change, ...]:
    """What differs, when a running book can take it.

    Raises:
        ConfigError: it cannot.
    """
    changes = tuple(diff(before, after))
    faults = [
        f"{change.path}: cannot change in a running book: {reason}; open another book with it"
        for change in changes
        for fixed, reason in FIXED.items()
        if f"{change.path}.".startswith(f"{fixed}.")
    ]
    dropped = _traded(before) - _traded(after)
    for name, account in sorted(state.accounts.items()):
        held = set(account.shares) | {short.underlying for short in account.shorts.values()}
        faults += [
            f"accounts.{account.kind}.tickers: {symbol} is held by {name}, and quotes are collected for "
            "tickers only; close it first"
            for symbol in sorted(held & dropped)
        ]
    if faults:
        raise ConfigError("\n  ".join(faults))
    return changes


def _traded(config: ProtocolConfig) -> set[str]:
    return {ticker for kind in KINDS for ticker in config.accounts.of(kind).tickers}


def _open_request(state: BookState, request_id: str) -> ConfigRequest:
    requests = state.config_history.requests
    found = requests.get(request_id)
    if found is not None and found.outcome == "open":
        return found
    waiting = ", ".join(one.id for one in requests.values() if one.outcome == "open") or "none"
    what = f"is {found.outcome} already" if found else "is not known"
    raise ConfigError(f"request {request_id} {what}; open: {waiting}")


def _require_words(why: str, by: str) -> None:
    if not why.strip():
        raise ConfigError("say why: the reason of a change stays in the history")
    if not by.strip():
        raise ConfigError("say who changes it")


def _listed(changes: Sequence[Change]) -> list[Json]:
    return [{"path": change.path, "before": change.before, "after": change.after} for change in changes]
