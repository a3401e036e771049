"""Answers a request of a book: read under the lease, judged by the core, appended in one transaction.

A yes to a changed configuration makes the new version in the same append. Everything else goes ahead at
the book's next step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from alluse_assets.accounts.config_changes import KIND as CONFIG
from alluse_assets.accounts.config_changes import approved_change
from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.base.config.model_people import ApprovalRules
from alluse_assets.base.errors import ApprovalError
from alluse_assets.execution.approval_alerts import with_alert
from alluse_assets.execution.approval_table import APPROVAL_EVENTS, what_became_of
from alluse_assets.execution.approvals import answer
from alluse_assets.journal.store import JournalStore
from alluse_assets.ledger.approval_state import ApprovalState
from alluse_assets.ledger.book_fold import fold
from alluse_assets.ledger.book_state import BookState
from alluse_assets.orchestration.config_journal import read_book

LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Given:
    """A request as it is answered. ``config_version``: the version that the answer made, if it made one."""

    asked: ApprovalState
    config_version: int | None = None


def give_answer(
    store: JournalStore,
    anchors: AnchorFiles,
    book: str,
    approval: str,
    by: str,
    yes: bool,
    clock: Callable[[], datetime],
    why: str = "",
    hash_prefix: str = "",
) -> Given:
    """Give a person's answer; the request as it is answered, and what came of it at once.

    Args:
        store: the journals.
        anchors: where the new head is signed.
        book: whose request it is.
        approval: its id, or the beginning of it where only one open request begins so.
        by: the person's name.
        yes: the answer.
        clock: says what time it is, once nobody else writes to the book.
        why: their own words.
        hash_prefix: the beginning of the hash that they saw; empty: whatever is asked under that id.

    Raises:
        ApprovalError: it cannot be answered so; nothing was written.
        ConfigError: the change that it is about does not hold any more; nothing was written.
        JournalError: there is no such book.
        ConflictError: another process writes to the book for too long.
    """
    with store.lease(book, LEASE_SECONDS):
        now = read_book(store, book, clock)
        asked = _found(now.state, approval)
        if asked is None:
            events = [row.event for row in store.read(book, types=APPROVAL_EVENTS)]
            if ended := what_became_of(events, approval):
                raise ApprovalError(f"{ended}; what is open: alluse approvals --book {book}")
        name, given = (asked.approval, asked.hash) if asked else (approval, "")
        prefix = hash_prefix.strip().lower()
        if asked and not asked.hash.startswith(prefix):
            given = prefix
        rules = _rules(now.state)
        event = answer(now.state.approvals, name, given, by, yes, now.at, now.kind, rules, why.strip())
        given_events = with_alert(now.state.approvals[name], event)
        after = fold(given_events, now.state)
        answered = after.approvals[name]
        done = approved_change(after, answered, now.at) if yes and answered.kind == CONFIG else []
        anchors.add(book, store.append(book, [*given_events, *done], now.head))
    return Given(answered, fold(done, after).config_version if done else None)


def _found(state: BookState, given: str) -> ApprovalState | None:
    """The request that ``given`` names.

    Raises:
        ApprovalError: it is the beginning of several open ones.
    """
    if given in state.approvals:
        return state.approvals[given]
    begin_so = [a for name, a in state.approvals.items() if given and name.startswith(given)]
    still_open = [a for a in begin_so if a.answer is None]
    if len(still_open) > 1:
        names = ", ".join(sorted(a.approval for a in still_open))
        raise ApprovalError(f"approval {given}: several begin so: {names}; give the whole id")
    return next(iter(still_open or begin_so), None)


def _rules(state: BookState) -> ApprovalRules:
    """Those in force; a book that is not opened yet has the defaults."""
    return config_in_force(state).approvals if state.config_history.current else ApprovalRules()
