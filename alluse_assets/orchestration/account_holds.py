"""What a person does to the accounts of a book: pause, close only, halt (the kill switch), resume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from alluse_assets.accounts.states import lift_hold, place_hold, rule_of, status_of
from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.base.errors import AccountError
from alluse_assets.base.events import Event
from alluse_assets.base.person import person_actor, person_name
from alluse_assets.journal.store import JournalStore
from alluse_assets.ledger.book_fold import fold
from alluse_assets.ledger.book_state import BookState
from alluse_assets.orchestration.config_journal import read_book_now

_LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class HoldChange:
    """An account after a person's command. ``kept``: holds that stay, each with what would end it."""

    account: str
    status: str
    changed: bool
    kept: tuple[str, ...] = ()


def hold_accounts(
    store: JournalStore,
    anchors: AnchorFiles,
    book: str,
    accounts: Sequence[str],
    hold: str,
    why: str,
    by: str,
    clock: Callable[[], datetime],
) -> list[HoldChange]:
    """Place ``hold`` (paused, close_only, halted) on accounts; none given: on all.

    Raises:
        AccountError: there is no such account, or no reason or no name is given.
        JournalError: there is no such book, or it is not opened.
        ConflictError: another process writes to the book.
    """

    actor = person_actor(person_name(by, AccountError))

    def decide(state: BookState, name: str, at: datetime) -> Iterable[Event | None]:
        return [place_hold(state.protection, name, hold, why, at, actor)]

    return _change(store, anchors, book, accounts, why, clock, decide)


def resume_accounts(
    store: JournalStore,
    anchors: AnchorFiles,
    book: str,
    accounts: Sequence[str],
    why: str,
    by: str,
    clock: Callable[[], datetime],
    holds: Sequence[str] = (),
) -> list[HoldChange]:
    """Lift holds from accounts; none given: from all. What stays says what would end it.

    Args:
        store: the journals.
        anchors: where the new head is signed.
        book: whose accounts.
        accounts: which; empty: all.
        why: for the journal.
        by: the person's name.
        clock: says what time it is, once nobody else writes to the book.
        holds: exactly these, which may be a level's SAFE; empty: what a person placed, and nothing else.

    Raises:
        AccountError: there is no such account or hold, a person may not end it, or no reason or no name is
            given.
        JournalError: there is no such book, or it is not opened.
        ConflictError: another process writes to the book.
    """

    actor = person_actor(person_name(by, AccountError))

    def decide(state: BookState, name: str, at: datetime) -> Iterable[Event | None]:
        held = state.protection.holds.get(name, {})
        mine = [hold for hold in held if (hold in holds if holds else rule_of(hold).is_a_persons)]
        left = state
        for hold in mine:
            event = lift_hold(left.protection, name, hold, why, at, actor, "person")
            if event:
                yield event
                left = fold([event], left)

    def require(state: BookState, names: Sequence[str]) -> None:
        there = sorted({hold for name in names for hold in state.protection.holds.get(name, {})})
        for hold in holds:
            if hold not in there:
                raise AccountError(f"nothing is held by {hold}; what holds: {', '.join(there) or 'nothing'}")

    return _change(store, anchors, book, accounts, why, clock, decide, require)


def _change(
    store: JournalStore,
    anchors: AnchorFiles,
    book: str,
    accounts: Sequence[str],
    why: str,
    clock: Callable[[], datetime],
    decide: Callable[[BookState, str, datetime], Iterable[Event | None]],
    require: Callable[[BookState, Sequence[str]], None] = lambda state, names: None,
) -> list[HoldChange]:
    if not why.strip():
        raise AccountError("say why, with --why: the journal keeps it")
    with store.lease(book, _LEASE_SECONDS):
        now = read_book_now(store, book, clock)
        names = _named(now.state, book, accounts)
        require(now.state, names)
        events = [event for name in names for event in decide(now.state, name, now.at) if event]
        if events:
            anchors.add(book, store.append(book, events, now.head))
    after = fold(events, now.state)
    touched = {str(event.payload["account"]) for event in events}
    return [
        HoldChange(name, status_of(after.protection, name).value, name in touched, _kept(after, book, name))
        for name in names
    ]


def _kept(state: BookState, book: str, name: str) -> tuple[str, ...]:
    held = state.protection.holds.get(name, {})
    return tuple(f"{hold}: {rule_of(hold).why_not}{_how(book, name, hold)}" for hold in held)


def _how(book: str, name: str, hold: str) -> str:
    rule = rule_of(hold)
    by_name_only = "person" in rule.lifted_by and not rule.is_a_persons
    return f": alluse resume --book {book} --account {name} --hold {hold} --why WHY" if by_name_only else ""


def _named(state: BookState, book: str, accounts: Sequence[str]) -> list[str]:
    unknown = sorted(set(accounts) - set(state.accounts))
    if unknown:
        there = ", ".join(sorted(state.accounts))
        raise AccountError(f"book {book!r} has no account {unknown[0]}; it has {there}")
    return sorted(accounts or state.accounts)
