"""Reads the facts of each week out of a book's events: which legs were open, how they ended, what was held.

A fold like every projection: only the journal is read, so that the same journal gives the same facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from alluse_assets.accounts.config_in_force import config_in_force
from alluse_assets.base.config.model_fields import KINDS
from alluse_assets.base.config.model_market import WeekTypeRules
from alluse_assets.base.events import Event
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.chart import LedgerAccount
from alluse_assets.weeks.week_types import CallEnd, CallLeg, PutEnd, PutLeg, WeekFacts

Place = tuple[str, str]
"""Account and underlying."""

_ENDS: Mapping[str, tuple[PutEnd, CallEnd]] = {
    EventType.OPTION_EXPIRED: (PutEnd.EXPIRED, CallEnd.EXPIRED),
    EventType.OPTION_CASH_SETTLED: (PutEnd.CASH_SETTLED, CallEnd.CASH_SETTLED),
    EventType.OPTION_ASSIGNED: (PutEnd.ASSIGNED, CallEnd.CALLED_AWAY),
}


@dataclass(slots=True)
class _Leg:
    symbol: str
    right: str
    strike: Decimal
    end: PutEnd | CallEnd
    gain: Decimal = Decimal(0)
    lowest_close: Decimal | None = None
    adjusted_basis: Decimal | None = None
    sold_in_recovery: bool = False
    is_over: bool = False
    """Whether the close of the session in which it ended has been seen."""

    def note_close(self, close: Decimal | None) -> None:
        """A close of the underlying while the leg was open, or of the session in which it ended."""
        if close is not None and not self.is_over:
            self.lowest_close = close if self.lowest_close is None else min(self.lowest_close, close)


@dataclass(slots=True)
class _Week:
    open: dict[tuple[str, str], _Leg] = field(default_factory=dict)
    """By account and contract."""
    ended: dict[tuple[str, str, str], _Leg] = field(default_factory=dict)
    """By account, contract and how: one contract can end in parts, each in its own way."""
    held: set[Place] = field(default_factory=set)
    last_basis: dict[Place, Decimal] = field(default_factory=dict)
    rolls: dict[str, _Leg] = field(default_factory=dict)
    """By roll: the leg that it bought back."""
    in_recovery: set[str] = field(default_factory=set)
    """Decisions to sell a call in recovery, and the orders that came of them."""


@dataclass(frozen=True, slots=True)
class WeekOfBook:
    """One finished week of a book: facts by account and underlying, and the accounts' kinds.

    ``rules`` are those in force at the week's end.
    """

    week: str
    last_session: str
    facts: Mapping[Place, WeekFacts]
    kinds: Mapping[str, str]
    rules: WeekTypeRules


def weeks_of_book(
    events: Iterable[Event],
    is_week_end: Callable[[str], bool],
) -> list[WeekOfBook]:
    """The facts of every week that the journal finished.

    Each ticker of an account, as configured at the week's end, gets a type every week.

    Args:
        events: a book's events from the first.
        is_week_end: whether a session (ISO date) is its week's last one.
    """
    state, week, finished = BookState(), _Week(), []
    for event in events:
        before, state = state, apply(state, event)
        _note(week, event, before, state)
        if event.type != EventType.SESSION_CLOSED:
            continue
        payload: Any = event.payload
        _note_close(week, state, payload)
        if is_week_end(payload["session"]):
            finished.append(_finish(week, state, payload))
            week = _carry_over(state)
    return finished


def _carry_over(state: BookState) -> _Week:
    week = _Week()
    for name, account in state.accounts.items():
        for instrument, short in account.shorts.items():
            right = short.contract.right
            week.open[(name, instrument)] = _open_leg(short.underlying, right, short.contract.strike)
        week.held.update((name, symbol) for symbol in account.shares)
    return week


def _open_leg(symbol: str, right: str, strike: Decimal) -> _Leg:
    return _Leg(symbol, right, strike, PutEnd.OPEN if right == "P" else CallEnd.OPEN)


def _note(week: _Week, event: Event, before: BookState, after: BookState) -> None:
    p: Any = event.payload
    if event.type in (EventType.ENTRY_DECIDED, EventType.ROLL_DECIDED):
        if p.get("in_recovery"):
            week.in_recovery.add(event.key)
    elif event.type == EventType.ORDER_CREATED:
        if event.cause in week.in_recovery and p["action"] == "SELL_TO_OPEN":
            week.in_recovery.add(p["intent"])
    elif event.type == EventType.ORDER_FILLED:
        _note_fill(week, event, after)
    elif event.type == EventType.SPLIT_APPLIED:
        _note_split(week, p)
    elif event.type in _ENDS:
        leg = _ended(week, after, p["account"], p["contract"], event.type)
        put_end, call_end = _ENDS[event.type]
        leg.end = put_end if leg.right == "P" else call_end
        if event.type != EventType.OPTION_ASSIGNED:
            return
        place = (p["account"], p["symbol"])
        week.held.add(place)
        if leg.right == "C":
            leg.adjusted_basis = before.accounts[p["account"]].adjusted_basis(p["symbol"])
            if leg.adjusted_basis is not None:
                week.last_basis[place] = leg.adjusted_basis


def _note_fill(week: _Week, event: Event, after: BookState) -> None:
    p: Any = event.payload
    roll = p.get("parent", "")
    if p["action"] == "SELL_TO_OPEN":
        contract = parse_occ_symbol(p["instrument"])
        leg = _open_leg(p["symbol"], contract.right, contract.strike)
        leg = week.open.setdefault((p["account"], p["instrument"]), leg)
        leg.sold_in_recovery |= p["intent"] in week.in_recovery
        if roll in week.rolls:
            # Bought back and sold again: only now is it a roll.
            rolled = week.rolls[roll]
            rolled.end = PutEnd.ROLLED if rolled.right == "P" else CallEnd.ROLLED
    elif p["action"] == "BUY_TO_CLOSE":
        leg = _ended(week, after, p["account"], p["instrument"], roll or "bought_back")
        if roll:
            week.rolls[roll] = leg
        # The realised gain is a credit: negative in the postings.
        leg.gain -= sum(
            (x.amount for x in event.postings if x.ledger_account == LedgerAccount.REALISED_GAIN),
            Decimal(0),
        )
        if leg.end in (PutEnd.ROLLED, CallEnd.ROLLED):
            return  # A further part of the same roll.
        if leg.right == "P":
            leg.end = PutEnd.BOUGHT_BACK_AT_NO_LOSS if leg.gain >= 0 else PutEnd.BOUGHT_BACK_AT_A_LOSS
        else:
            leg.end = CallEnd.BOUGHT_BACK
    elif p["action"] == "BUY":
        week.held.add((p["account"], p["symbol"]))


def _note_split(week: _Week, p: Any) -> None:
    """Every price of the week is told in the shares of its end."""
    account, symbol, ratio = p["account"], p["symbol"], int(p["ratio"])
    place = (account, symbol)
    if place in week.last_basis:
        week.last_basis[place] /= ratio
    ended = [leg for key, leg in week.ended.items() if (key[0], leg.symbol) == place]
    for leg in ended:
        leg.strike /= ratio
        leg.adjusted_basis = None if leg.adjusted_basis is None else leg.adjusted_basis / ratio
    for old, new in p["contracts"].items():
        leg = week.open.pop((account, old))
        leg.strike = parse_occ_symbol(new).strike
        week.open[(account, new)] = leg
        ended.append(leg)
    for leg in ended:
        leg.lowest_close = None if leg.lowest_close is None else leg.lowest_close / ratio


def _ended(week: _Week, after: BookState, account: str, contract: str, how: str) -> _Leg:
    """The leg of what ended; the rest of the contract, if any, stays open beside it."""
    leg = week.open[(account, contract)]
    if contract not in after.accounts[account].shorts:
        del week.open[(account, contract)]
    ended = week.ended.setdefault((account, contract, how), replace(leg))
    ended.is_over = False
    return ended


def _note_close(week: _Week, state: BookState, payload: Any) -> None:
    closes = {symbol: Decimal(close) for symbol, close in payload["closes"].items()}
    for leg in (*week.open.values(), *week.ended.values()):
        leg.note_close(closes.get(leg.symbol))
    for leg in week.ended.values():
        leg.is_over = True
    for name, account in state.accounts.items():
        week.held.update((name, symbol) for symbol in account.shares)


def _finish(week: _Week, state: BookState, payload: Any) -> WeekOfBook:
    config = config_in_force(state)
    tickers = {kind: config.accounts.of(kind).tickers for kind in KINDS}
    places = {
        (name, ticker)
        for name, account in state.accounts.items()
        for ticker in tickers[account.kind]  # type: ignore[index]
    }
    every_leg = [((*place, ""), leg) for place, leg in week.open.items()] + list(week.ended.items())
    places |= week.held | {(key[0], leg.symbol) for key, leg in every_leg}
    facts = {}
    for account, symbol in sorted(places):
        legs = [
            leg
            for key, leg in sorted(every_leg, key=lambda item: item[0])
            if (key[0], leg.symbol) == (account, symbol)
        ]
        close = payload["closes"].get(symbol)
        basis = state.accounts[account].adjusted_basis(symbol)
        if basis is None:
            basis = week.last_basis.get((account, symbol))
        facts[(account, symbol)] = WeekFacts(
            last_price=None if close is None else Decimal(close),
            puts=tuple(
                PutLeg(leg.strike, leg.end, leg.lowest_close) for leg in legs if isinstance(leg.end, PutEnd)
            ),
            calls=tuple(
                CallLeg(leg.strike, leg.end, leg.sold_in_recovery, leg.adjusted_basis)
                for leg in legs
                if isinstance(leg.end, CallEnd)
            ),
            held_shares=(account, symbol) in week.held,
            adjusted_basis=basis,
        )
    return WeekOfBook(
        payload["week"],
        payload["session"],
        facts,
        {name: account.kind for name, account in state.accounts.items()},
        config.week_types,
    )
