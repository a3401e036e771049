"""What an account is worth and what it may spend (protocol, sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.money import ZERO, extended, to_cents
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.book_state import WorkingOrder
from alluse_assets.ledger.chart import LedgerAccount
from alluse_assets.ledger.lots import quantity


def valuation(
    account: AccountState, closes: Mapping[str, Decimal], marks: Mapping[str, Decimal], multiplier: int
) -> dict[str, Decimal]:
    """Cash, receivables, shares and options at the mark, and NAV, in cents.

    Args:
        account: whose positions.
        closes: price of every share held, USD per share.
        marks: mark of every option open, USD per share.
        multiplier: shares per contract.

    Raises:
        MissingDataError: a position has no price.
    """
    try:
        shares = sum(
            (extended(closes[symbol], quantity(lots)) for symbol, lots in account.shares.items()), ZERO
        )
        shorts, longs = (
            sum((extended(marks[c], multiplier * option.contracts) for c, option in options.items()), ZERO)
            for options in (account.shorts, account.longs)
        )
    except KeyError as error:
        raise MissingDataError(f"account {account.name} holds {error.args[0]}, which has no price") from error
    cash, receivables = account.cash, account.balance(LedgerAccount.RECEIVABLES)
    return {
        "cash": cash,
        "receivables": receivables,
        "shares_value": shares,
        "long_options_value": longs,
        "short_options_value": -shorts,
        "nav": cash + receivables + shares + longs - shorts,
    }


def deployable(
    account: AccountState,
    nav: Decimal,
    buffer_share: float,
    multiplier: int,
    working: Iterable[WorkingOrder] = (),
) -> Decimal:
    """Cash that may be committed: cash less buffer, tax reserve, put collateral and what orders reserve."""
    buffer = to_cents(Decimal(str(buffer_share)) * nav)
    reserved = sum((order.reserved for order in working if order.account == account.name), ZERO)
    free = (
        account.cash
        - buffer
        - account.balance(LedgerAccount.TAX_RESERVE)
        - account.put_collateral(multiplier)
        - reserved
    )
    return max(ZERO, free)
