"""Reads the facts of each week out of a book's events: which legs were open, how they ended, what was held.

A fold like every projection: only the journal is read, so that the same journal gives the same facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from alluse_assets.base.events import Event
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, apply
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


@dataclass(frozen=True, slots=True)
class WeekOfBook:
    """One finished week of a book: facts by account and underlying, and the accounts' kinds."""

    week: str
    last_session: str
    facts: Mapping[Place, WeekFacts]
    kinds: Mapping[str, str]


def weeks_of_book(
    events: Iterable[Event],
    tickers_of_kind: Mapping[str, Iterable[str]],
    is_week_end: Callable[[str], bool],
) -> list[WeekOfBook]:
    """The facts of every week that the journal finished.

    Args:
        events: a book's events from the first.
        tickers_of_kind: the underlyings that accounts of a kind trade: each gets a type every week.
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
            finished.append(_finish(week, state, payload, tickers_of_kind))
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
    if event.type == EventType.ORDER_FILLED:
        if p["action"] == "SELL_TO_OPEN":
            contract = parse_occ_symbol(p["instrument"])
            leg = _open_leg(p["symbol"], contract.right, contract.strike)
            week.open.setdefault((p["account"], p["instrument"]), leg)
        elif p["action"] == "BUY_TO_CLOSE":
            leg = _ended(week, after, p["account"], p["instrument"], "bought_back")
            # The realised gain is a credit: negative in the postings.
            leg.gain -= sum(
                (x.amount for x in event.postings if x.ledger_account == LedgerAccount.REALISED_GAIN),
                Decimal(0),
            )
            if leg.right == "P":
                leg.end = PutEnd.BOUGHT_BACK_AT_NO_LOSS if leg.gain >= 0 else PutEnd.BOUGHT_BACK_AT_A_LOSS
            else:
                leg.end = CallEnd.BOUGHT_BACK
        elif p["action"] == "BUY":
            week.held.add((p["account"], p["symbol"]))
    elif event.type == EventType.SPLIT_APPLIED:
        _split(week, p)
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


def _ended(week: _Week, after: BookState, account: str, contract: str, how: str) -> _Leg:
    """The leg of what ended; the rest of the contract, if any, stays open beside it."""
    leg = week.open[(account, contract)]
    if contract not in after.accounts[account].shorts:
        del week.open[(account, contract)]
    ended = week.ended.setdefault((account, contract, how), replace(leg))
    ended.is_over = False
    return ended


def _split(week: _Week, p: Any) -> None:
    """What the week has of a symbol so far, in the shares and contracts after its split."""
    account, symbol, ratio = p["account"], p["symbol"], Decimal(p["ratio"])
    open_legs = [(key[0], leg) for key, leg in week.open.items()]
    for name, leg in [*open_legs, *((key[0], leg) for key, leg in week.ended.items())]:
        if (name, leg.symbol) == (account, symbol):
            leg.strike /= ratio
            leg.lowest_close = None if leg.lowest_close is None else leg.lowest_close / ratio
            leg.adjusted_basis = None if leg.adjusted_basis is None else leg.adjusted_basis / ratio
    for old, new in p["contracts"].items():
        leg = week.open.pop((account, old))
        week.open[(account, new)] = replace(leg, strike=parse_occ_symbol(new).strike)
    if (account, symbol) in week.last_basis:
        week.last_basis[(account, symbol)] /= ratio


def _note_close(week: _Week, state: BookState, payload: Any) -> None:
    closes = {symbol: Decimal(close) for symbol, close in payload["closes"].items()}
    for leg in (*week.open.values(), *week.ended.values()):
        leg.note_close(closes.get(leg.symbol))
    for leg in week.ended.values():
        leg.is_over = True
    for name, account in state.accounts.items():
        week.held.update((name, symbol) for symbol in account.shares)


def _finish(
    week: _Week, state: BookState, payload: Any, tickers_of_kind: Mapping[str, Iterable[str]]
) -> WeekOfBook:
    places = {(name, t) for name, account in state.accounts.items() for t in tickers_of_kind[account.kind]}
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
                CallLeg(leg.strike, leg.end, adjusted_basis=leg.adjusted_basis)
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
    )
