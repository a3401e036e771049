"""Which postings each money event carries. Every function returns lines that sum to zero.

Premium is a liability until the option ends; an assigned put's premium lowers the shares' cost and an
assigned call's premium raises the proceeds (IRS Publication 550, writers of puts and calls).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from alluse_assets.base.errors import LedgerError
from alluse_assets.base.events import Posting
from alluse_assets.base.money import ZERO
from alluse_assets.ledger.chart import LedgerAccount as L

Postings = tuple[Posting, ...]


def _balanced(*lines: Posting) -> Postings:
    kept = tuple(line for line in lines if line.amount or line.quantity)
    total = sum((line.amount for line in kept), ZERO)
    if total:
        raise LedgerError(f"postings sum to {total}, not zero: {kept}")
    return kept


def capital_paid_in(account: str, amount: Decimal) -> Postings:
    """A deposit from outside."""
    return _balanced(Posting(account, L.CASH, amount), Posting(account, L.CAPITAL, -amount))


def option_sold(account: str, contract: str, contracts: int, premium: Decimal, fee: Decimal) -> Postings:
    """A short option opened: ``premium`` in cash against the liability, less the fee."""
    return _balanced(
        Posting(account, L.CASH, premium - fee),
        Posting(account, L.FEES, fee),
        Posting(account, L.SHORT_OPTIONS, -premium, contract, -contracts),
    )


def option_bought_back(
    account: str, contract: str, contracts: int, paid: Decimal, premium: Decimal, fee: Decimal
) -> Postings:
    """A short option closed: its ``premium`` leaves the liability, the difference is gain."""
    return _balanced(
        Posting(account, L.CASH, -paid - fee),
        Posting(account, L.FEES, fee),
        Posting(account, L.SHORT_OPTIONS, premium, contract, contracts),
        Posting(account, L.REALISED_GAIN, paid - premium),
    )


def option_expired(account: str, contract: str, contracts: int, premium: Decimal) -> Postings:
    """A short option ended worthless: the premium is earned."""
    return _balanced(
        Posting(account, L.SHORT_OPTIONS, premium, contract, contracts),
        Posting(account, L.REALISED_GAIN, -premium),
    )


def put_assigned(
    account: str,
    contract: str,
    contracts: int,
    symbol: str,
    shares: int,
    strike_cost: Decimal,
    premium: Decimal,
) -> Postings:
    """A short put took shares: their cost is the strike less the premium."""
    return _balanced(
        Posting(account, L.SHARES, strike_cost - premium, symbol, shares),
        Posting(account, L.SHORT_OPTIONS, premium, contract, contracts),
        Posting(account, L.CASH, -strike_cost),
    )


def call_assigned(
    account: str,
    contract: str,
    contracts: int,
    symbol: str,
    shares: int,
    proceeds: Decimal,
    premium: Decimal,
    shares_cost: Decimal,
) -> Postings:
    """A short call gave the shares away: strike (receivable) plus premium less cost is gain."""
    return _balanced(
        Posting(account, L.RECEIVABLES, proceeds),
        Posting(account, L.SHORT_OPTIONS, premium, contract, contracts),
        Posting(account, L.SHARES, -shares_cost, symbol, -shares),
        Posting(account, L.REALISED_GAIN, shares_cost - proceeds - premium),
    )


def option_cash_settled(
    account: str, contract: str, contracts: int, paid: Decimal, premium: Decimal
) -> Postings:
    """A short index option ended in the money: ``paid`` in cash, the rest of the premium is gain."""
    return _balanced(
        Posting(account, L.CASH, -paid),
        Posting(account, L.SHORT_OPTIONS, premium, contract, contracts),
        Posting(account, L.REALISED_GAIN, paid - premium),
    )


def long_option_bought(account: str, contract: str, contracts: int, paid: Decimal, fee: Decimal) -> Postings:
    """A long option opened: an asset at what was paid for it."""
    return _balanced(
        Posting(account, L.LONG_OPTIONS, paid, contract, contracts),
        Posting(account, L.FEES, fee),
        Posting(account, L.CASH, -paid - fee),
    )


def long_option_sold(
    account: str, contract: str, contracts: int, received: Decimal, cost: Decimal, fee: Decimal
) -> Postings:
    """A long option closed: what it brought less its ``cost`` is gain."""
    return _balanced(
        Posting(account, L.CASH, received - fee),
        Posting(account, L.FEES, fee),
        Posting(account, L.LONG_OPTIONS, -cost, contract, -contracts),
        Posting(account, L.REALISED_GAIN, cost - received),
    )


def long_option_ended(account: str, contract: str, contracts: int, owed: Decimal, cost: Decimal) -> Postings:
    """A long option ended at its expiry: ``owed`` in cash at settlement, nothing where it was worthless."""
    return _balanced(
        Posting(account, L.RECEIVABLES, owed),
        Posting(account, L.LONG_OPTIONS, -cost, contract, -contracts),
        Posting(account, L.REALISED_GAIN, cost - owed),
    )


def shares_bought(account: str, symbol: str, shares: int, paid: Decimal, fee: Decimal) -> Postings:
    """Shares bought for cash."""
    return _balanced(
        Posting(account, L.SHARES, paid, symbol, shares),
        Posting(account, L.FEES, fee),
        Posting(account, L.CASH, -paid - fee),
    )


def receivable_settled(account: str, amount: Decimal) -> Postings:
    """Money that was owed to us became cash."""
    return _balanced(Posting(account, L.CASH, amount), Posting(account, L.RECEIVABLES, -amount))


def dividend_accrued(account: str, amount: Decimal) -> Postings:
    """A dividend earned on its ex-date, owed until it is paid."""
    return _balanced(Posting(account, L.RECEIVABLES, amount), Posting(account, L.DIVIDENDS, -amount))


def shares_split(
    account: str, symbol: str, shares: int, options: Sequence[tuple[str, str, int, Decimal]], ratio: int
) -> Postings:
    """A split ``ratio`` to 1: more units at the same cost.

    ``options``: old contract, new contract, contracts before, premium received for them.
    """
    moved = [
        line
        for old, new, contracts, premium in options
        for line in (
            Posting(account, L.SHORT_OPTIONS, premium, old, contracts),
            Posting(account, L.SHORT_OPTIONS, -premium, new, -contracts * ratio),
        )
    ]
    return _balanced(Posting(account, L.SHARES, ZERO, symbol, shares * (ratio - 1)), *moved)
