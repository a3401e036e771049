"""Answering a request to change the configuration: the answer binds to exactly what was asked."""

from __future__ import annotations

from datetime import datetime

from alluse_assets.accounts.config_changes import changed_event
from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.accounts.config_limits import possible_changes
from alluse_assets.base.config.config_manager import from_canonical
from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import Event, instant_text
from alluse_assets.journal.event_types import EventType
from alluse_assets.journal.store import BookKind
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.config_history import ConfigRequest, request_hash, with_value


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
    changes = possible_changes(state, before, after)
    return changed_event(
        state, changes, after, request.why, request.by, at, request.rolled_back_to, request.id, by
    )


def _open_request(state: BookState, request_id: str) -> ConfigRequest:
    requests = state.config_history.requests
    found = requests.get(request_id)
    if found is not None and found.outcome == "open":
        return found
    waiting = ", ".join(one.id for one in requests.values() if one.outcome == "open") or "none"
    what = f"is {found.outcome} already" if found else "is not known"
    raise ConfigError(f"request {request_id} {what}; open: {waiting}")
