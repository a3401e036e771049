"""Answers a request of a book: read under the lease, judged by the core, appended as one event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.base.config.model_people import ApprovalRules
from alluse_assets.base.errors import ApprovalError, JournalError
from alluse_assets.execution.approvals import answer
from alluse_assets.journal.chain import Head
from alluse_assets.journal.store import BookKind, JournalStore
from alluse_assets.ledger.approval_state import ApprovalState
from alluse_assets.ledger.book_state import BookState, apply

LEASE_SECONDS = 30.0


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
) -> ApprovalState:
    """Give a person's answer; the request as it is answered.

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
        JournalError: there is no such book.
        ConflictError: another process writes to the book for too long.
    """
    kind = kind_of(store, book)
    with store.lease(book, LEASE_SECONDS):
        head, state = Head(), BookState()
        for row in store.read(book):
            head, state = row.head, apply(state, row.event)
        asked = _found(state, approval)
        name, given = (asked.approval, asked.hash) if asked else (approval, "")
        prefix = hash_prefix.strip().lower()
        if asked and not asked.hash.startswith(prefix):
            given = prefix
        event = answer(state.approvals, name, given, by, yes, clock(), kind, _rules(state), why.strip())
        anchors.add(book, store.append(book, [event], head))
    return apply(state, event).approvals[name]


def kind_of(store: JournalStore, book: str) -> BookKind:
    """The kind of a book.

    Raises:
        JournalError: there is no such book.
    """
    books = {row.name: row.kind for row in store.books()}
    if book not in books:
        raise JournalError(f"there is no book {book!r}; there are: {', '.join(sorted(books)) or 'none yet'}")
    return books[book]


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
