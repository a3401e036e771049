"""Books what the broker says about options that ended: expired, assigned, settled in cash.

Nothing is booked on our own authority; the paper broker is the authority of its books.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from alluse_assets.base.errors import OrderError
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import ZERO, extended, text
from alluse_assets.execution.broker import OptionOutcome
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.lots import take
from alluse_assets.ledger.postings import (
    call_assigned,
    long_option_ended,
    option_cash_settled,
    option_expired,
    put_assigned,
)
from alluse_assets.option_chains.marks import intrinsic


def outcome_event(
    outcome: OptionOutcome,
    account: AccountState,
    session: date,
    at: datetime,
    settles_on: date,
    multiplier: int,
    authority: str,
) -> Event:
    """The event with its postings for one outcome.

    Args:
        outcome: what the broker says.
        account: the account before it.
        session: the session in which the option ended.
        at: when.
        settles_on: the session on which proceeds of a call-away or of a long option become cash.
        multiplier: shares per contract.
        authority: whose word it is.
    """
    if outcome.contract in account.longs:
        return _long_ended(outcome, account, session, at, settles_on, multiplier, authority)
    short = account.shorts[outcome.contract]
    contract, symbol = short.contract, short.underlying
    premium = take(short.lots, outcome.contracts)[0].cost
    shares = outcome.contracts * multiplier
    payload: dict[str, Json] = {
        "account": account.name,
        "contract": outcome.contract,
        "symbol": symbol,
        "right": contract.right,
        "strike": text(contract.strike),
        "contracts": outcome.contracts,
        "settlement_price": text(outcome.settlement_price),
        "premium": text(premium),
        "session": session.isoformat(),
        "chain": short.chain_id,
        "early": outcome.early,
    }
    key = f"{outcome.kind}/{session}/{account.name}/{outcome.contract}"
    name, option, count = account.name, outcome.contract, outcome.contracts
    if outcome.kind == "expired":
        postings = option_expired(name, option, count, premium)
        return Event(EventType.OPTION_EXPIRED, at, authority, key, payload, postings)
    if outcome.kind == "cash_settled":
        paid = extended(intrinsic(contract, outcome.settlement_price), shares)
        payload["paid"] = text(paid)
        postings = option_cash_settled(name, option, count, paid, premium)
        return Event(EventType.OPTION_CASH_SETTLED, at, authority, key, payload, postings)
    strike_money = extended(Decimal(contract.strike), shares)
    payload["shares"] = shares
    if contract.right == "P":
        payload["shares_cost"] = text(strike_money - premium)
        postings = put_assigned(name, option, count, symbol, shares, strike_money, premium)
    else:
        cost = take(account.shares[symbol], shares)[0].cost
        basis = account.adjusted_basis(symbol)
        payload |= {
            "proceeds": text(strike_money),
            "shares_cost": text(cost),
            "adjusted_basis": None if basis is None else f"{basis:.4f}",
            "settles_on": settles_on.isoformat(),
        }
        postings = call_assigned(name, option, count, symbol, shares, strike_money, premium, cost)
    return Event(EventType.OPTION_ASSIGNED, at, authority, key, payload, postings)


def _long_ended(
    outcome: OptionOutcome,
    account: AccountState,
    session: date,
    at: datetime,
    settles_on: date,
    multiplier: int,
    authority: str,
) -> Event:
    """A long option's end: nothing, or its intrinsic value in cash."""
    option, count = account.longs[outcome.contract], outcome.contracts
    if outcome.kind == "assigned":
        raise OrderError(
            f"{account.name} is long {outcome.contract}, which {authority} exercised into shares: only "
            "options that settle in cash are held to their end; sell the others before"
        )
    worth = intrinsic(option.contract, outcome.settlement_price) if outcome.kind == "cash_settled" else ZERO
    received, cost = extended(worth, count * multiplier), take(option.lots, count)[0].cost
    payload: dict[str, Json] = {
        "account": account.name,
        "contract": outcome.contract,
        "symbol": option.underlying,
        "right": option.contract.right,
        "strike": text(option.contract.strike),
        "contracts": count,
        "kind": outcome.kind,
        "settlement_price": text(outcome.settlement_price),
        "cost": text(cost),
        "received": text(received),
        "session": session.isoformat(),
        "settles_on": settles_on.isoformat(),
    }
    key = f"long_ended/{session}/{account.name}/{outcome.contract}"
    postings = long_option_ended(account.name, outcome.contract, count, received, cost)
    return Event(EventType.LONG_OPTION_ENDED, at, authority, key, payload, postings)
