"""Changing the configuration of a book that is under way: what a person asks becomes an event, or a refusal.

A change, and a way back to an earlier version, is always a new version. Where the book's rules say so a
person is asked first (``execution.approvals``), and the answer makes the version: ``approved_change``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alluse_assets.accounts.config_in_force import config_in_force, config_of
from alluse_assets.accounts.config_limits import possible_changes
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.config.canonical_form import Change, diff, fingerprint
from alluse_assets.base.config.config_manager import from_canonical, with_texts
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import ApprovalError, ConfigError
from alluse_assets.base.events import Event, Json
from alluse_assets.base.person import person_actor, person_name
from alluse_assets.execution.approvals import hash_of, request, unusable, used
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookKind
from alluse_assets.ledger.approval_state import ApprovalState
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.config_history import changes_from, listed, with_value

KIND = "config"
"""What is asked, among all that a person is asked."""


def decide_change(
    state: BookState,
    kind: BookKind,
    values: Sequence[tuple[str, str]],
    why: str,
    by: str,
    at: datetime,
) -> Event:
    """The event that a change of settings leads to: a new version, or a request for one.

    Args:
        state: the book now.
        kind: of the book; a replay's change is a person's own act and needs nobody else.
        values: setting or section by dotted path, and its new value as YAML; all of them count together.
        why: the reason, for whoever reads the history.
        by: who changes it.
        at: when, in the book's time.

    Raises:
        ConfigError: a path, a value or the result does not hold, nothing would change, a setting cannot
            change in a running book, or ``why`` is empty, or ``by`` is no name.
    """
    by = _who_and_why(by, why)
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
            ``why`` is empty, or ``by`` is no name.
    """
    by = _who_and_why(by, why)
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


def approved_change(state: BookState, asked: ApprovalState, at: datetime) -> list[Event]:
    """What a person's yes leads to: it is used, and the new version is there.

    It is judged again as if it were asked now.

    Args:
        state: the book, with the answer in it.
        asked: the request, as it is answered.
        at: now.

    Raises:
        ApprovalError: it has no yes, has expired, or is not what its hash says.
        ConfigError: it was asked on another version, or does not hold any more.
    """
    subject: Any = asked.subject
    objection = unusable(asked, hash_of(asked.subject), at)
    if objection is not None:
        raise ApprovalError(f"approval {asked.approval}: {objection}")
    if state.config_version != subject["based_on"]:
        raise ConfigError(
            f"approval {asked.approval}: it was asked on version {subject['based_on']} of the configuration, "
            f"and version {state.config_version} is in force now: ask again"
        )
    form = state.config_history.versions[-1].form
    for change in changes_from(subject["changes"]):
        form = with_value(form, change.path, change.after)
    after = from_canonical(form)
    changes = possible_changes(state, config_in_force(state), after)
    changed = _changed_event(
        state, changes, after, subject["why"], _asker(asked), at, subject["rolled_back_to"], asked
    )
    return [used(asked, at, changed.actor), changed]


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
        return _changed_event(state, changes, after, why, by, at, rolled_back_to, None)
    subject: dict[str, Json] = {
        "based_on": state.config_version,
        "changes": listed(changes),
        "why": why,
        "rolled_back_to": rolled_back_to,
    }
    for asked in state.approvals.values():
        is_open = asked.answer is None and not asked.has_expired(at)
        if asked.kind == KIND and is_open and _is_same(asked.subject, subject):
            raise ConfigError(
                f"{_asker(asked)} asked for the same already: {asked.approval}, open until "
                f"{new_york_text(asked.expires_at)}"
            )
    expires_at = at + timedelta(minutes=before.approvals.config_change_expires_minutes)
    number = str(state.config_history.asked + 1)
    return request(KIND, number, subject, ["config_change"], person_actor(by), at, expires_at)


def _is_same(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two requests want the same, whatever their reasons are."""
    return {**one, "why": ""} == {**other, "why": ""}


def _asker(asked: ApprovalState) -> str:
    return asked.requested_by.removeprefix("person:")


def _changed_event(
    state: BookState,
    changes: Sequence[Change],
    after: ProtocolConfig,
    why: str,
    by: str,
    at: datetime,
    rolled_back_to: int | None,
    approval: ApprovalState | None,
) -> Event:
    """``config.changed`` for the next version. ``after`` is the whole configuration after ``changes``."""
    number = state.config_version + 1
    approved_by = approval.answered_by if approval else None
    return Event(
        EventType.CONFIG_CHANGED,
        at,
        person_actor(approved_by or by),
        f"config/version/{number}",
        {
            "version": number,
            "changes": listed(changes),
            "why": why,
            "by": by,
            "config_fingerprint": fingerprint(after),
            "rolled_back_to": rolled_back_to,
            "request": approval.approval if approval else None,
            "approved_by": approved_by,
        },
        cause=f"approval/{approval.approval}/answered" if approval else None,
    )


def _who_and_why(by: str, why: str) -> str:
    if not why.strip():
        raise ConfigError("say why: the reason of a change stays in the history")
    return person_name(by, ConfigError)
