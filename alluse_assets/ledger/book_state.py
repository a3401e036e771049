"""What a book holds at a point of its journal: accounts, orders, rolls, questions, protection, configuration.

Only the records; how events change them is in ``book_fold``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from alluse_assets.base.events import Event
from alluse_assets.ledger.account_state import AccountState, ShortOption
from alluse_assets.ledger.approval_state import ApprovalState
from alluse_assets.ledger.config_history import ConfigHistory
from alluse_assets.ledger.last_prices import LastPrice
from alluse_assets.ledger.roll_state import RollUnderWay
from alluse_assets.protection.state import ProtectionState


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order that is not terminal. ``reserved`` is the cash it may still need, ``shares`` it may give."""

    intent_id: str
    account: str
    instrument: str
    action: str
    state: str
    quantity: int
    filled: int
    reserved: Decimal
    shares: int
    created: Event | None = None
    """Its ``order.created``: enough to go on with it after a restart."""

    @property
    def parent(self) -> str:
        """Key of the roll whose leg it is; empty: of none."""
        return str(self.created.payload.get("parent") or "") if self.created else ""


@dataclass(frozen=True, slots=True)
class BookState:
    """A whole book."""

    accounts: Mapping[str, AccountState] = field(default_factory=dict)
    orders: Mapping[str, WorkingOrder] = field(default_factory=dict)
    intents_of_session: Mapping[str, str] = field(default_factory=dict)
    """Every intent of the current session with its latest state."""
    decided_in_session: Mapping[str, str] = field(default_factory=dict)
    """Every decision of the current session, by its event's key, with what follows from it."""
    ended_of_session: tuple[tuple[str, ShortOption], ...] = ()
    """What ended in the current session, as it was before: the account's name, and the option."""
    filled_of_session: Mapping[str, int] = field(default_factory=dict)
    """Contracts or shares that orders of the current session have had, by instrument."""
    first_purchases: frozenset[str] = frozenset()
    """Accounts whose first share purchase has been planned."""
    first_purchases_done: frozenset[str] = frozenset()
    """Accounts whose first purchase is not planned again: some was bought or refused, or none was due."""
    entries_of_week: tuple[tuple[str, str], ...] = ()
    """(account, symbol) of each entry in the current week."""
    week: str = ""
    mode_guess: str | None = None
    """The current week's guess."""
    last_opened: date | None = None
    last_closed: date | None = None
    last_prices: Mapping[str, LastPrice] = field(default_factory=dict)
    """By symbol, in the shares of ``last_closed``: its closes, and of what had none its last price."""
    protection: ProtectionState = field(default_factory=ProtectionState)
    rolls: Mapping[str, RollUnderWay] = field(default_factory=dict)
    """Rolls under way, by the key of the event that decided them."""
    config_history: ConfigHistory = field(default_factory=ConfigHistory)
    opened: Mapping[str, Any] = field(default_factory=dict)
    """The payload of ``book.opened``."""
    approvals: Mapping[str, ApprovalState] = field(default_factory=dict)
    """What a person was asked and is still of use, by its id."""

    @property
    def config_version(self) -> int:
        """The number of the configuration in force; 0 before the book is opened."""
        current = self.config_history.current
        return current.number if current else 0

    @property
    def config_fingerprint(self) -> str:
        """The fingerprint of the configuration in force; empty before the book is opened."""
        current = self.config_history.current
        return current.fingerprint if current else ""

    def with_account(self, account: AccountState) -> BookState:
        """The same book with one account replaced."""
        return replace(self, accounts={**self.accounts, account.name: account})
