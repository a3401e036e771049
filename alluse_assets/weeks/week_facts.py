"""Reads the facts of each week out of a book's events: which legs were open, how they ended, what was held.

A fold like every projection: only the journal is read, so that the same journal gives the same facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from alluse_assets.base.events import Event
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState, apply
from alluse_assets.weeks.week_types import CallEnd, CallLeg, PutEnd, PutLeg, WeekFacts

Place = tuple[str, str]
"""Account and underlying."""


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


@dataclass(slots=True)
class _Week:
    legs: dict[tuple[str, str], _Leg] = field(default_factory=dict)
    """By account and contract."""
    held: set[Place] = field(default_factory=set)
    last_basis: dict[Place, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WeekOfBook:
    """One finished week of a book: facts by account and underlying, and the accounts' kinds."""

    week: str
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
        _note(week, event, before)
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
        for symbol, short in account.shorts.items():
            right = short.contract.right
            end: PutEnd | CallEnd = PutEnd.OPEN if right == "P" else CallEnd.OPEN
            week.legs[(name, symbol)] = _Leg(short.underlying, right, short.contract.strike, end)
        for symbol in account.shares:
            week.held.add((name, symbol))
    return week


def _note(week: _Week, event: Event, before: BookState) -> None:
    p: Any = event.payload
    if event.type == EventType.ORDER_FILLED:
        if p["action"] == "SELL_TO_OPEN":
            contract = parse_occ_symbol(p["instrument"])
            end: PutEnd | CallEnd = PutEnd.OPEN if contract.right == "P" else CallEnd.OPEN
            week.legs[(p["account"], p["instrument"])] = _Leg(
                p["symbol"], contract.right, contract.strike, end
            )
        elif p["action"] == "BUY_TO_CLOSE":
            leg = week.legs[(p["account"], p["instrument"])]
            # The realised gain is a credit: negative in the postings.
            leg.gain -= sum(
                (x.amount for x in event.postings if x.ledger_account == "realised_gain"), Decimal(0)
            )
            if leg.right == "P":
                leg.end = PutEnd.BOUGHT_BACK_AT_NO_LOSS if leg.gain >= 0 else PutEnd.BOUGHT_BACK_AT_A_LOSS
            else:
                leg.end = CallEnd.BOUGHT_BACK
        elif p["action"] == "BUY":
            week.held.add((p["account"], p["symbol"]))
    elif event.type == EventType.OPTION_EXPIRED:
        leg = week.legs[(p["account"], p["contract"])]
        leg.end = PutEnd.EXPIRED if leg.right == "P" else CallEnd.EXPIRED
    elif event.type == EventType.OPTION_CASH_SETTLED:
        leg = week.legs[(p["account"], p["contract"])]
        leg.end = PutEnd.CASH_SETTLED if leg.right == "P" else CallEnd.CASH_SETTLED
    elif event.type == EventType.OPTION_ASSIGNED:
        leg = week.legs[(p["account"], p["contract"])]
        place = (p["account"], p["symbol"])
        week.held.add(place)
        if leg.right == "P":
            leg.end = PutEnd.ASSIGNED
        else:
            leg.end = CallEnd.CALLED_AWAY
            leg.adjusted_basis = before.accounts[p["account"]].adjusted_basis(p["symbol"])
            if leg.adjusted_basis is not None:
                week.last_basis[place] = leg.adjusted_basis


def _note_close(week: _Week, state: BookState, payload: Any) -> None:
    closes = payload["closes"]
    for (account, contract), leg in week.legs.items():
        if leg.is_over:
            continue
        if leg.right == "P" and leg.symbol in closes:
            close = Decimal(closes[leg.symbol])
            leg.lowest_close = close if leg.lowest_close is None else min(leg.lowest_close, close)
        leg.is_over = contract not in state.accounts[account].shorts
    for name, account_state in state.accounts.items():
        for symbol in account_state.shares:
            week.held.add((name, symbol))


def _finish(
    week: _Week, state: BookState, payload: Any, tickers_of_kind: Mapping[str, Iterable[str]]
) -> WeekOfBook:
    places = {(name, t) for name, account in state.accounts.items() for t in tickers_of_kind[account.kind]}
    places |= week.held | {(account, leg.symbol) for (account, _), leg in week.legs.items()}
    facts = {}
    for account, symbol in sorted(places):
        legs = [
            leg for (name, _), leg in sorted(week.legs.items()) if (name, leg.symbol) == (account, symbol)
        ]
        close = payload["closes"].get(symbol)
        basis = state.accounts[account].adjusted_basis(symbol) or week.last_basis.get((account, symbol))
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
        payload["week"], facts, {name: account.kind for name, account in state.accounts.items()}
    )
