"""What protection remembers of a book: chains of rolls with their levels, cool-offs, pivots, breakers, holds.

A part of ``ledger.book_state``, folded from the same events in ``ledger.book_fold`` by ``protect``,
without I/O. Nothing here decides; ``levels``, ``drawdown`` and ``circuit_breakers`` do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType


@dataclass(frozen=True, slots=True)
class Chain:
    """A short option and its successors by rolling (protocol, section 1).

    Attributes:
        id: intent of its first order.
        anchor_price: price of the underlying at the first entry, USD, in the shares of now.
        anchor_atr: ATR then, USD per share, in the shares of now.
        anchor_iv: implied volatility of the contract first sold; None where it had none.
        opened: session of the first entry.
        credit: premiums received less what buying back for a roll cost, USD, fees aside.
        contracts: open now, over all its contracts.
        level: 0 normal, 1 enhanced, 2 recovery, 3 preservation.
        best_price: highest price of the underlying seen since, USD; what a trailing stop counts from.
        rolled_into: contracts that rolls have sold since it came to its level; what is not among them is
            still to be rolled there.
        move_level: the level of the adverse move alone, when ``level`` last changed.
        triggers: further triggers that raised it then.
        script_due: whether it came to its level without quotes, so that its orders are still to be told.
        safe_lifted: whether a person lifted the account's SAFE for it since it came to its level.
        ended_at: when its last contract went; None while one is open.
    """

    id: str
    account: str
    symbol: str
    right: str
    anchor_price: Decimal
    anchor_atr: Decimal
    anchor_iv: Decimal | None
    opened: date
    credit: Decimal
    contracts: int
    level: int = 0
    best_price: Decimal = Decimal(0)
    rolled_into: tuple[str, ...] = ()
    move_level: int = 0
    triggers: tuple[str, ...] = ()
    script_due: bool = False
    safe_lifted: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CoolOff:
    """A symbol of an account whose chain ended at level 3: it keeps the level for a while."""

    account: str
    symbol: str
    chain: str
    right: str
    level: int
    until: date
    """Its first session in which the level may be lifted."""
    safe_lifted: bool = False
    """Whether a person lifted the account's SAFE for it."""


@dataclass(frozen=True, slots=True)
class DeepDrawdown:
    """A symbol that closed far under a put's strike: no account sells puts on it before ``until``."""

    symbol: str
    until: date


@dataclass(frozen=True, slots=True)
class Pivot:
    """An account far under its high-water mark: calls only.

    ``resumes_from``: first session in which puts may resume where there are no shares to write on.
    ``resumed``: whether they have.
    """

    account: str
    resumes_from: date
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason that keeps an account out of ACTIVE: see ``accounts.states``."""

    name: str
    state: str
    by: str


Lifted = TypeVar("Lifted", Chain, CoolOff)


@dataclass(frozen=True, slots=True)
class ProtectionState:
    """All of it, for one book."""

    chains: Mapping[str, Chain] = field(default_factory=dict)
    cool_offs: Mapping[str, CoolOff] = field(default_factory=dict)
    """By the chain that ended."""
    deep: Mapping[str, DeepDrawdown] = field(default_factory=dict)
    pivots: Mapping[str, Pivot] = field(default_factory=dict)
    vix_tier: int = 0
    """The circuit breakers' tier in force: 0 none, 1 half, 2 SAFE, 3 CLOSE_ONLY."""
    vix_tier_by_value: int = 0
    """What the index's value alone asks for; a stale one is a tier tighter."""
    holds: Mapping[str, Mapping[str, Hold]] = field(default_factory=dict)
    """By account, then by the hold's name."""
    hold_changes: Mapping[str, int] = field(default_factory=dict)
    """By account: how often one of its holds was placed or lifted. The next one's number, for its key."""

    def level_of(self, account: str, symbol: str) -> int:
        """The symbol's level in an account: the highest of its chains and of one that cools off."""
        levels = [chain.level for chain in self.chains_that_count(account) if chain.symbol == symbol]
        return max([0, *levels, *(cooling.level for cooling in self.cooling(account, symbol))])

    def cooling(self, account: str, symbol: str) -> list[CoolOff]:
        """The cool-offs of a symbol in an account: one for each chain that ended at level 3."""
        return [one for one in self.cool_offs.values() if (one.account, one.symbol) == (account, symbol)]

    def chains_of(self, account: str) -> list[Chain]:
        """An account's open chains, by id."""
        found = [chain for chain in self.chains.values() if chain.account == account and chain.contracts]
        return sorted(found, key=lambda chain: chain.id)

    def chains_that_count(self, account: str) -> list[Chain]:
        """An account's chains whose level holds for new entries: open ones, and those that ended at level 3.

        The latter are here until the close, which begins their cool-off.
        """
        return [
            chain
            for chain in self.chains.values()
            if chain.account == account and (chain.contracts or chain.level >= 3)
        ]


def protect(state: ProtectionState, event: Event) -> ProtectionState:
    """The state after one event."""
    handler = _HANDLERS.get(event.type)
    return handler(state, event) if handler else state


def _filled(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    begun = p.get("chain")
    if not begun:
        return state
    amount, quantity = Decimal(p["amount"]), int(p["quantity"])
    chain = state.chains.get(begun["id"])
    if p["action"] == "BUY_TO_CLOSE":
        paid = amount if p["purpose"] == "roll_close" else Decimal(0)
        return _fewer(state, begun["id"], quantity, paid, event.effective_at)
    if chain is None:
        iv = begun["anchor_iv"]
        chain = Chain(
            begun["id"],
            p["account"],
            p["symbol"],
            begun["right"],
            Decimal(begun["anchor_price"]),
            Decimal(begun["anchor_atr"]),
            None if iv is None else Decimal(iv),
            event.effective_at.date(),
            Decimal(0),
            0,
            best_price=Decimal(begun["anchor_price"]),
        )
    grown = replace(chain, credit=chain.credit + amount, contracts=chain.contracts + quantity, ended_at=None)
    if p["purpose"] == "roll_open":
        grown = replace(grown, rolled_into=(*grown.rolled_into, p["instrument"]))
    return replace(state, chains={**state.chains, chain.id: grown})


def _script_ready(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    told = replace(state.chains[p["chain"]], script_due=False)
    return replace(state, chains={**state.chains, told.id: told})


def _assigned(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    pivot = state.pivots.get(p["account"])
    if pivot is not None and pivot.resumed and p["right"] == "P":
        # There are shares to write on again.
        state = replace(state, pivots={**state.pivots, pivot.account: replace(pivot, resumed=False)})
    return _ended(state, event)


def _ended(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    return _fewer(state, p.get("chain", ""), int(p["contracts"]), Decimal(0), event.effective_at)


def _fewer(
    state: ProtectionState, chain_id: str, contracts: int, paid: Decimal, at: datetime
) -> ProtectionState:
    chain = state.chains.get(chain_id)
    if chain is None:
        return state
    open_now = chain.contracts - contracts
    left = replace(chain, contracts=open_now, credit=chain.credit - paid, ended_at=None if open_now else at)
    return replace(state, chains={**state.chains, chain_id: left})


def _level_changed(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    chain = state.chains[p["chain"]]
    # A chain that comes to the level of rolls may be rolled, whatever was rolled at another level.
    moved = replace(
        chain,
        level=int(p["level_to"]),
        rolled_into=(),
        move_level=int(p["move_level"]),
        triggers=tuple(p["triggers"]),
        script_due=p["at"] == "open" and bool(p["script"]),
        safe_lifted=False,
    )
    return replace(state, chains={**state.chains, chain.id: moved})


def _cool_off_begun(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    until, chain = date.fromisoformat(p["until"]), state.chains.get(p["chain"])
    lifted = chain is not None and chain.safe_lifted
    found = CoolOff(p["account"], p["symbol"], p["chain"], p["right"], int(p["level"]), until, lifted)
    return replace(state, cool_offs={**state.cool_offs, found.chain: found})


def _cool_off_ended(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    return replace(state, cool_offs=_without(state.cool_offs, p["chain"]))


def _deep_begun(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    found = DeepDrawdown(p["symbol"], date.fromisoformat(p["until"]))
    return replace(state, deep={**state.deep, found.symbol: found})


def _deep_ended(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    return replace(state, deep=_without(state.deep, p["symbol"]))


def _pivot_begun(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    found = Pivot(p["account"], date.fromisoformat(p["resumes_from"]))
    return replace(state, pivots={**state.pivots, found.account: found})


def _puts_resumed(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    pivot = replace(state.pivots[p["account"]], resumed=True)
    return replace(state, pivots={**state.pivots, pivot.account: pivot})


def _pivot_ended(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    return replace(state, pivots=_without(state.pivots, p["account"]))


def _tier_changed(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    return replace(state, vix_tier=int(p["tier_to"]), vix_tier_by_value=int(p["tier_by_value"]))


def _hold_placed(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    hold = Hold(p["hold"], p["state"], event.actor)
    return _with_holds(state, p["account"], {**state.holds.get(p["account"], {}), hold.name: hold})


def _hold_lifted(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    held = _without(state.holds.get(p["account"], {}), p["hold"])
    kind, _, symbol = str(p["hold"]).partition(":")
    if kind == "level_3" and not event.actor.startswith("rule:"):
        state = _with_safe_lifted(state, p["account"], symbol)
    return _with_holds(state, p["account"], held)


def _with_holds(state: ProtectionState, account: str, held: Mapping[str, Hold]) -> ProtectionState:
    changes = {**state.hold_changes, account: state.hold_changes.get(account, 0) + 1}
    return replace(state, holds={**state.holds, account: held}, hold_changes=changes)


def _with_safe_lifted(state: ProtectionState, account: str, symbol: str) -> ProtectionState:
    """A person let the account out of SAFE for what is at level 3 now: the rule does not place it again."""

    def lifted(one: Lifted) -> Lifted:
        is_meant = (one.account, one.symbol) == (account, symbol) and one.level >= 1
        return replace(one, safe_lifted=True) if is_meant else one

    return replace(
        state,
        chains={key: lifted(chain) for key, chain in state.chains.items()},
        cool_offs={key: lifted(cooling) for key, cooling in state.cool_offs.items()},
    )


def _session_closed(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    closes: Any = p["closes"]
    chains = {}
    for key, chain in state.chains.items():
        if not chain.contracts and (chain.ended_at is None or chain.ended_at <= event.effective_at):
            continue
        seen = Decimal(closes[chain.symbol]) if chain.symbol in closes else chain.best_price
        chains[key] = replace(chain, best_price=max(chain.best_price, seen))
    return replace(state, chains=chains)


def _split(state: ProtectionState, event: Event) -> ProtectionState:
    p: Any = event.payload
    ratio = Decimal(p["ratio"])
    chains = {
        key: replace(
            chain,
            anchor_price=chain.anchor_price / ratio,
            anchor_atr=chain.anchor_atr / ratio,
            best_price=chain.best_price / ratio,
            contracts=chain.contracts * int(ratio),
            rolled_into=tuple(p["contracts"].get(contract, contract) for contract in chain.rolled_into),
        )
        if (chain.account, chain.symbol) == (p["account"], p["symbol"])
        else chain
        for key, chain in state.chains.items()
    }
    return replace(state, chains=chains)


def _without(mapping: Mapping[Any, Any], key: Any) -> dict[Any, Any]:
    return {k: v for k, v in mapping.items() if k != key}


_HANDLERS: Mapping[str, Callable[[ProtectionState, Event], ProtectionState]] = {
    EventType.ORDER_FILLED: _filled,
    EventType.OPTION_EXPIRED: _ended,
    EventType.OPTION_ASSIGNED: _assigned,
    EventType.OPTION_CASH_SETTLED: _ended,
    EventType.LEVEL_CHANGED: _level_changed,
    EventType.SCRIPT_READY: _script_ready,
    EventType.COOL_OFF_BEGUN: _cool_off_begun,
    EventType.COOL_OFF_ENDED: _cool_off_ended,
    EventType.DEEP_DRAWDOWN_BEGUN: _deep_begun,
    EventType.DEEP_DRAWDOWN_ENDED: _deep_ended,
    EventType.PIVOT_BEGUN: _pivot_begun,
    EventType.PUTS_RESUMED: _puts_resumed,
    EventType.PIVOT_ENDED: _pivot_ended,
    EventType.BREAKER_CHANGED: _tier_changed,
    EventType.HOLD_PLACED: _hold_placed,
    EventType.HOLD_LIFTED: _hold_lifted,
    EventType.SPLIT_APPLIED: _split,
    EventType.SESSION_CLOSED: _session_closed,
}
