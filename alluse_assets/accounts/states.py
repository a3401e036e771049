"""The states of an account, what each of them allows, and who may take it out of which (protocol, section 8).

An account is ACTIVE unless something holds it. Each hold has a name and a state; several may hold an
account at once, and the strictest counts. A hold ends by whoever may lift it, and never takes another one
with it: an account that is SAFE for its level and paused by a person stays paused when the level is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alluse_assets.base.errors import AccountError
from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType
from alluse_assets.protection.state import Hold, ProtectionState


class AccountStatus(StrEnum):
    """From the freest to the strictest."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    SAFE = "SAFE"
    CLOSE_ONLY = "CLOSE_ONLY"
    MERGING = "MERGING"
    HALTED = "HALTED"
    MERGED = "MERGED"
    CLOSED = "CLOSED"


_STRICTNESS = {status: place for place, status in enumerate(AccountStatus)}


@dataclass(frozen=True, slots=True)
class HoldRule:
    """What a kind of hold does. ``lifted_by``: who may end it: rule, person."""

    status: AccountStatus
    lifted_by: frozenset[str]
    why_not: str
    """What somebody hears who may not lift it, or did not: what would end it."""

    @property
    def is_a_persons(self) -> bool:
        """Whether it is a person's own act, so that only a person ends it."""
        return self.lifted_by == frozenset({"person"})


_BOTH, _RULE, _PERSON = frozenset({"rule", "person"}), frozenset({"rule"}), frozenset({"person"})
HOLD_RULES: Mapping[str, HoldRule] = {
    "level_3": HoldRule(
        AccountStatus.SAFE, _BOTH, "it ends by itself when the symbol has left level 3, or by a person"
    ),
    "vix_safe": HoldRule(
        AccountStatus.SAFE, _RULE, "it ends by itself when the volatility index has come down and is fresh"
    ),
    "vix_close_only": HoldRule(
        AccountStatus.CLOSE_ONLY, _RULE, "it ends by itself when the volatility index has come down"
    ),
    "unreconciled": HoldRule(
        AccountStatus.SAFE, _RULE, "it ends when the account reconciles with the broker again"
    ),
    "paused": HoldRule(AccountStatus.PAUSED, _PERSON, "a person paused it, and a person resumes it"),
    "close_only": HoldRule(AccountStatus.CLOSE_ONLY, _PERSON, "a person set it, and a person ends it"),
    "halted": HoldRule(
        AccountStatus.HALTED, _PERSON, "the kill switch was pulled: a person releases it, never a rule"
    ),
    "merging": HoldRule(AccountStatus.MERGING, _RULE, "a merge that has begun is brought to its end"),
    "merged": HoldRule(AccountStatus.MERGED, frozenset(), "a merged account never trades again"),
    "closed": HoldRule(AccountStatus.CLOSED, frozenset(), "a closed account never trades again"),
}
"""By the part of a hold's name before the colon: ``level_3:AAPL`` is a hold of kind ``level_3``."""


def status_of(state: ProtectionState, account: str) -> AccountStatus:
    """The strictest state that something holds the account in; ACTIVE when nothing does."""
    return strictest(state.holds.get(account, {}).values())


def strictest(holds: Iterable[Hold]) -> AccountStatus:
    """The strictest of some holds' states."""
    return max(
        (AccountStatus(hold.state) for hold in holds),
        key=_STRICTNESS.__getitem__,
        default=AccountStatus.ACTIVE,
    )


def allows_entries(status: AccountStatus) -> bool:
    """Whether new options may be sold and shares bought: in ACTIVE only."""
    return status is AccountStatus.ACTIVE


def allows_exits(status: AccountStatus) -> bool:
    """Whether options may be bought back: everywhere but where nothing is sent at all."""
    return status not in (AccountStatus.HALTED, AccountStatus.MERGED, AccountStatus.CLOSED)


def allows_rolls(status: AccountStatus) -> bool:
    """Whether the second half of a roll, a sale, may follow a close. In SAFE the caller asks for a credit."""
    return status in (AccountStatus.ACTIVE, AccountStatus.PAUSED, AccountStatus.SAFE)


def place_hold(
    state: ProtectionState, account: str, hold: str, why: str, at: datetime, actor: str
) -> Event | None:
    """The event that holds an account; None when that hold is there already.

    Args:
        state: what holds it now.
        account: which.
        hold: kind of the hold, with what it is about behind a colon.
        why: a sentence for people.
        at: when.
        actor: ``rule:...`` or a person.
    """
    held = state.holds.get(account, {})
    if hold in held:
        return None
    rule = rule_of(hold)
    before = strictest(held.values())
    after = strictest([*held.values(), Hold(hold, rule.status.value, actor)])
    number = state.hold_changes.get(account, 0) + 1
    return _event(EventType.HOLD_PLACED, account, hold, why, before, after, at, actor, rule.status, number)


def lift_hold(
    state: ProtectionState, account: str, hold: str, why: str, at: datetime, actor: str, who: str
) -> Event | None:
    """The event that ends a hold; None when it is not there.

    Args:
        state: what holds it now.
        account: which.
        hold: the hold's whole name.
        why: a sentence for people.
        at: when.
        actor: who does it, for the journal.
        who: ``rule`` or ``person``.

    Raises:
        AccountError: ``who`` may not end it; the message says what would.
    """
    held = state.holds.get(account, {})
    if hold not in held:
        return None
    rule = rule_of(hold)
    if who not in rule.lifted_by:
        raise AccountError(f"account {account} is {held[hold].state} ({hold}): {rule.why_not}")
    before = strictest(held.values())
    after = strictest(one for name, one in held.items() if name != hold)
    number = state.hold_changes.get(account, 0) + 1
    return _event(EventType.HOLD_LIFTED, account, hold, why, before, after, at, actor, rule.status, number)


def rule_of(hold: str) -> HoldRule:
    """The rule of a hold's kind.

    Raises:
        AccountError: there is no such kind.
    """
    kind = hold.partition(":")[0]
    if kind not in HOLD_RULES:
        raise AccountError(f"no hold is called {kind!r}; there are {', '.join(HOLD_RULES)}")
    return HOLD_RULES[kind]


def _event(
    kind: EventType,
    account: str,
    hold: str,
    why: str,
    before: AccountStatus,
    after: AccountStatus,
    at: datetime,
    actor: str,
    status: AccountStatus,
    number: int,
) -> Event:
    # By number, not by time: a replay's clock stands between its sessions, and there may be many changes.
    verb = kind.value.rpartition("_")[2]
    return Event(
        kind,
        at,
        actor,
        f"hold/{account}/{hold}/{verb}/{number}",
        {
            "account": account,
            "hold": hold,
            "state": status.value,
            "why": why,
            "state_from": before.value,
            "state_to": after.value,
        },
    )
