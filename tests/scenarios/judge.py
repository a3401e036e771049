"""Compares what a scenario expects with what the journal says, and tells the difference for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any

from alluse_assets.accounts.states import status_of
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.events import Event
from alluse_assets.ledger.book_state import BookState
from tests.scenarios.words import SessionWords, contract_of

_SHOWN = (
    "account", "symbol", "right", "instrument", "contract", "action", "quantity", "contracts", "price",
    "outcome", "chosen", "considered", "refused", "rule", "to", "net", "level_from", "level_to", "at",
    "actions", "multiple", "purpose", "state", "hold", "state_from", "state_to", "until", "tier_from",
    "tier_to", "is_stale", "priority", "text", "closed", "opened", "mode", "early", "settlement_price",
    "deployable", "drawdown",
)  # fmt: skip


def judge_session(told: SessionWords, events: Sequence[Event], state: BookState) -> list[str]:
    """What is wrong with a session, in words; nothing when all is as expected."""
    faults = []
    place = 0
    for name, fields in told.expect:
        found = next((n for n in range(place, len(events)) if _is(events[n], name, fields)), None)
        if found is None:
            behind = f" after event {place}" if place else ""
            faults.append(f"expected{behind}: {name} {dict(fields)}: not found")
            break
        place = found + 1
    for name, fields in told.never:
        faults += [f"must never be: {short(event)}" for event in events if _is(event, name, fields)]
    for account, wanted in told.then.items():
        faults += judge_account(account, wanted, state)
    return faults


def judge_account(name: str, wanted: Mapping[str, Any], state: BookState) -> list[str]:
    """What is wrong with an account's state after a session."""
    account, protection = state.accounts[name], state.protection
    known: dict[str, Any] = {
        "cash": account.cash,
        "shares": {symbol: account.shares_held(symbol) for symbol in account.shares},
        "short": {contract: short.contracts for contract, short in account.shorts.items()},
        "long": {contract: option.contracts for contract, option in account.longs.items()},
        "status": status_of(protection, name).value,
        "holds": sorted(protection.holds.get(name, {})),
        "basis": {symbol: account.adjusted_basis(symbol) for symbol in account.shares},
        "receivable": sum((owed.amount for owed in account.receivables), Decimal(0)),
        "unit_value": account.value.unit,
        "pivot": name in protection.pivots,
        "levels": {
            symbol: protection.level_of(name, symbol)
            for symbol in {
                *(chain.symbol for chain in protection.chains_of(name)),
                *(cooling.symbol for cooling in protection.cool_offs.values() if cooling.account == name),
            }
        },
    }
    faults = []
    for what, value in wanted.items():
        if what not in known:
            faults.append(f"then: {name}: {what} is not known; there are {sorted(known)}")
        elif not (
            matches(value, known[what]) and (not isinstance(value, Mapping) or len(value) == len(known[what]))
        ):
            faults.append(f"then: {name}: {what} is {_plain(known[what])}, not {value}")
    return faults


def matches(wanted: Any, found: Any) -> bool:
    """Whether ``found`` is as wanted: maps by the wanted keys, lists whole, ~ a part."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return False
        return all(_key(key) in found and matches(value, found[_key(key)]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(found, Sequence)
            and not isinstance(found, str)
            and len(wanted) == len(found)
            and all(matches(one, other) for one, other in zip(wanted, found, strict=True))
        )
    if wanted is None or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, int | float):
        try:
            return not isinstance(found, bool) and Decimal(str(wanted)) == Decimal(str(found))
        except InvalidOperation:
            return False
    if isinstance(wanted, date):
        return str(found) == wanted.isoformat()
    if wanted.startswith("~"):
        return wanted[1:] in str(found)
    return bool(found == _key(wanted))


def short(event: Event) -> str:
    """One event on one line."""
    shown = [
        f"{key}={event.payload[key]}" for key in _SHOWN if event.payload.get(key) not in (None, [], {}, "")
    ]
    if "gate" in event.payload:
        shown.append(f"refused={event.payload['gate']['refused']}")  # type: ignore[call-overload,index]
    return f"{event.type.value} {' '.join(shown)}"


def _is(event: Event, name: str, fields: Mapping[str, Any]) -> bool:
    """Whether an event is of the type and has the fields; ``by`` is its actor, ``time`` New York's."""
    if not fnmatchcase(event.type.value, name):
        return False
    clock = event.effective_at.astimezone(NEW_YORK).strftime("%H:%M")
    return matches(fields, {"by": event.actor, "time": clock, **event.payload})


def _key(words: Any) -> Any:
    contract = contract_of(words) if isinstance(words, str) else None
    return contract.symbol if contract else words


def _plain(value: Any) -> Any:
    return {k: str(v) for k, v in value.items()} if isinstance(value, Mapping) else str(value)
