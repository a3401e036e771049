"""What an account holds after one change: shares, long and short options in lots, income of calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.base.money import ZERO
from alluse_assets.ledger.account_state import AccountState, LongOption, OpenOption, ShortOption
from alluse_assets.ledger.lots import Lot, take

V = TypeVar("V")
Option = TypeVar("Option", bound=OpenOption)


def with_shares(account: AccountState, symbol: str, lot: Lot) -> AccountState:
    """The account with more shares."""
    return replace(account, shares={**account.shares, symbol: (*account.shares.get(symbol, ()), lot)})


def with_long(account: AccountState, contract: str, symbol: str, lot: Lot) -> AccountState:
    """The account with more of a long option."""
    known = account.longs.get(contract) or LongOption(parse_occ_symbol(contract), symbol, ())
    return replace(account, longs={**account.longs, contract: replace(known, lots=(*known.lots, lot))})


def without_longs(account: AccountState, contract: str, contracts: int) -> AccountState:
    """The account with fewer of a long option, the oldest lots first."""
    option = account.longs[contract]
    _, rest = take(option.lots, contracts)
    left = replace(option, lots=rest) if rest else None
    return replace(account, longs=put(account.longs, contract, left))


def without_shorts(account: AccountState, contract: str, contracts: int) -> AccountState:
    """The account with fewer of a short option, the oldest lots first."""
    short = account.shorts[contract]
    _, rest = take(short.lots, contracts)
    return replace(account, shorts=put(account.shorts, contract, replace(short, lots=rest) if rest else None))


def add_call_income(account: AccountState, short: ShortOption, amount: Decimal) -> AccountState:
    """The account with what a call on its shares brought, or cost, USD; a put changes nothing."""
    if short.contract.right != "C":
        return account
    income = account.call_income.get(short.underlying, ZERO) + amount
    return replace(account, call_income={**account.call_income, short.underlying: income})


def with_ivs(options: Mapping[str, Option], marks: Mapping[str, Any]) -> dict[str, Option]:
    """Each option with its mark's volatility, where that has one."""
    ivs = {contract: marks[contract]["iv"] for contract in options}
    return {
        contract: option if ivs[contract] is None else replace(option, last_iv=Decimal(ivs[contract]))
        for contract, option in options.items()
    }


def put(mapping: Mapping[str, V], key: str, value: V | None) -> Mapping[str, V]:
    """``mapping`` with ``key`` set, or without it where the value is empty."""
    changed = {k: v for k, v in mapping.items() if k != key}
    if value:
        changed[key] = value
    return changed
