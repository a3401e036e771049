"""The chart of accounts: the ledger accounts of every trading account."""

from __future__ import annotations

from enum import StrEnum


class LedgerAccount(StrEnum):
    """Debits are positive. Assets and expenses grow by debit; capital, liabilities and income by credit."""

    CASH = "cash"
    RECEIVABLES = "receivables"
    SHARES = "shares"
    """Shares at cost; an assigned put's premium lowers it."""
    LONG_OPTIONS = "long_options"
    SHORT_OPTIONS = "short_options"
    """Premium received and not yet earned: a liability, so its balance is negative."""
    REALISED_GAIN = "realised_gain"
    DIVIDENDS = "dividends"
    INTEREST = "interest"
    FEES = "fees"
    TAX_RESERVE = "tax_reserve"
    TAX_PAID = "tax_paid"
    TRANSFERS_IN = "transfers_in"
    TRANSFERS_OUT = "transfers_out"
    CAPITAL = "capital"


POSITION_ACCOUNTS = (LedgerAccount.SHARES, LedgerAccount.LONG_OPTIONS, LedgerAccount.SHORT_OPTIONS)
EQUITY = (
    LedgerAccount.CAPITAL,
    LedgerAccount.TRANSFERS_IN,
    LedgerAccount.TRANSFERS_OUT,
    LedgerAccount.TAX_PAID,
)
"""What is a flow, not a gain: capital in and out, transfers, tax paid."""
