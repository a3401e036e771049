"""What one trading account holds: balances, shares and options in lots, money owed to it.

Only the records and what follows from them; how events change them is in ``book_fold``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from alluse_assets.base.instruments import OptionContract
from alluse_assets.base.money import ZERO
from alluse_assets.ledger.chart import EQUITY, LedgerAccount
from alluse_assets.ledger.lots import Lot, quantity
from alluse_assets.ledger.unit_value import UnitValue

Lots = tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Receivable:
    """Money owed to an account, cash on ``due``."""

    due: date
    amount: Decimal
    key: str


@dataclass(frozen=True, slots=True)
class OpenOption:
    """An open option: its lots, the underlying, and what is needed to mark and settle it."""

    contract: OptionContract
    underlying: str
    lots: Lots
    last_iv: Decimal | None = None
    """Implied volatility of its last mark by a quote."""

    @property
    def contracts(self) -> int:
        """Contracts held or short (positive)."""
        return quantity(self.lots)


@dataclass(frozen=True, slots=True)
class LongOption(OpenOption):
    """An option that was bought; its lots cost what was paid for them."""


@dataclass(frozen=True, slots=True)
class ShortOption(OpenOption):
    """An option that was sold; its lots cost the premium received."""

    @property
    def chain_id(self) -> str:
        """The chain of rolls it belongs to; an account has one in a contract."""
        return self.lots[0].chain_id


@dataclass(frozen=True, slots=True)
class AccountState:
    """One trading account. Balances are debit-positive, by ledger account."""

    name: str
    kind: str
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    shares: Mapping[str, Lots] = field(default_factory=dict)
    shorts: Mapping[str, ShortOption] = field(default_factory=dict)
    longs: Mapping[str, LongOption] = field(default_factory=dict)
    receivables: tuple[Receivable, ...] = ()
    call_income: Mapping[str, Decimal] = field(default_factory=dict)
    """Per symbol: premiums less buy-backs of calls since its shares came in."""
    value: UnitValue = field(default_factory=UnitValue)
    """The unit value after the last close."""

    def balance(self, account: LedgerAccount) -> Decimal:
        """The balance of one ledger account."""
        return self.balances.get(account.value, ZERO)

    @property
    def cash(self) -> Decimal:
        """Settled cash."""
        return self.balance(LedgerAccount.CASH)

    @property
    def capital(self) -> Decimal:
        """Net of everything that flowed in and out, USD: what is no gain."""
        return -sum((self.balance(ledger_account) for ledger_account in EQUITY), ZERO)

    @property
    def options(self) -> Mapping[str, OpenOption]:
        """Every open option by contract; an account is long or short of one, never both."""
        return {**self.shorts, **self.longs}

    def shares_held(self, symbol: str) -> int:
        """Shares of ``symbol``."""
        return quantity(self.shares.get(symbol, ()))

    def shares_covering_calls(self, symbol: str, multiplier: int) -> int:
        """Shares that open short calls on ``symbol`` bind."""
        return multiplier * sum(
            short.contracts
            for short in self.shorts.values()
            if short.underlying == symbol and short.contract.right == "C"
        )

    def put_collateral(self, multiplier: int) -> Decimal:
        """Strike times multiplier over all short puts: the cash they may take."""
        return sum(
            (
                s.contract.strike * multiplier * s.contracts
                for s in self.shorts.values()
                if s.contract.right == "P"
            ),
            ZERO,
        )

    def adjusted_basis(self, symbol: str) -> Decimal | None:
        """Cost of the shares less net call income on them, per share; None without shares."""
        lots = self.shares.get(symbol, ())
        held = quantity(lots)
        if not held:
            return None
        total = sum((lot.cost for lot in lots), ZERO) - self.call_income.get(symbol, ZERO)
        return total / held
