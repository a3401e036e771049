"""Projects a book's journal into the ledger's tables. Pure: the same events give the same rows.

``book_at_closes`` folds the events once; each table is read off the states it returns. Values are computed
here from postings, lots and the prices of the close, not copied from what the close event says of them, so
that the two can be checked against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.base.errors import MissingDataError
from alluse_assets.base.events import Event
from alluse_assets.base.money import ZERO, extended
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.book_fold import apply
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.chart import LedgerAccount
from alluse_assets.ledger.last_prices import prices_after
from alluse_assets.ledger.lots import cost, quantity
from alluse_assets.ledger.tables import BALANCES, BOOK_ROW, LOTS, NET_ASSET_VALUE, POSITIONS
from alluse_assets.ledger.unit_value import UnitValue


@dataclass(frozen=True, slots=True)
class BookAtClose:
    """A book at one close: what it holds, and the prices of that close in USD per share."""

    session: date
    state: BookState
    closes: Mapping[str, Decimal]
    """Of what had no close the last price there was."""
    stale: frozenset[str]
    """Those symbols."""
    marks: Mapping[str, tuple[Decimal, str]]
    """Option contract -> mark and what it is based on."""


@dataclass(frozen=True, slots=True)
class _Position:
    instrument: str
    symbol: str
    right: str | None
    expiry: date | None
    strike: float | None
    quantity: int
    cost: Decimal
    mark: Decimal
    basis: str
    value: Decimal


def book_at_closes(events: Iterable[Event]) -> list[BookAtClose]:
    """The book at each close, in order."""
    state, found = BookState(), []
    for event in events:
        state = apply(state, event)
        if event.type == EventType.SESSION_CLOSED:
            p: Any = event.payload
            found.append(
                BookAtClose(
                    date.fromisoformat(p["session"]),
                    state,
                    {symbol: last.price for symbol, last in prices_after(p).items()},
                    frozenset(p["stale"]),
                    {symbol: (Decimal(m["price"]), m["basis"]) for symbol, m in p["marks"].items()},
                )
            )
    return found


def project_balances(closes: Iterable[BookAtClose]) -> pl.DataFrame:
    """The rows of ``BALANCES``."""
    rows = [
        (close.session, name, ledger_account, balance)
        for close in closes
        for name, account in sorted(close.state.accounts.items())
        for ledger_account, balance in sorted(account.balances.items())
    ]
    return pl.DataFrame(rows, schema=BALANCES.schema, orient="row")


def project_positions(closes: Iterable[BookAtClose]) -> pl.DataFrame:
    """The rows of ``POSITIONS``.

    Raises:
        MissingDataError: a close event has no price for something that was held.
    """
    rows = [
        (
            close.session,
            name,
            held.instrument,
            held.symbol,
            "share" if held.right is None else "option",
            held.right,
            held.expiry,
            held.strike,
            held.quantity,
            held.cost,
            float(held.mark),
            held.basis,
            held.value,
        )
        for close in closes
        for name, account in sorted(close.state.accounts.items())
        for held in sorted(_positions(close, account), key=lambda held: held.instrument)
    ]
    return pl.DataFrame(rows, schema=POSITIONS.schema, orient="row")


def project_lots(closes: Sequence[BookAtClose], is_week_end: Callable[[date], bool]) -> pl.DataFrame:
    """The rows of ``LOTS``. ``is_week_end``: whether a session is the last one of its week."""
    rows: list[tuple[Any, ...]] = []
    for close in closes:
        if close is not closes[-1] and not is_week_end(close.session):
            continue
        for name, account in sorted(close.state.accounts.items()):
            held = [(symbol, lots, 1) for symbol, lots in account.shares.items()]
            held += [(symbol, option.lots, 1) for symbol, option in account.longs.items()]
            held += [(symbol, option.lots, -1) for symbol, option in account.shorts.items()]
            for instrument, lots, sign in sorted(held, key=lambda item: item[0]):
                rows += [
                    (
                        close.session,
                        name,
                        instrument,
                        number,
                        lot.acquired,
                        sign * lot.quantity,
                        sign * lot.cost,
                        lot.assigned,
                        lot.chain_id or None,
                    )
                    for number, lot in enumerate(lots, start=1)
                ]
    return pl.DataFrame(rows, schema=LOTS.schema, orient="row")


def project_net_asset_value(closes: Iterable[BookAtClose]) -> pl.DataFrame:
    """The rows of ``NET_ASSET_VALUE``: each account, then the book, at each close."""
    indices: dict[str, UnitValue] = {}
    rows: list[tuple[Any, ...]] = []
    for close in closes:
        total = [ZERO] * 6
        for name, account in sorted(close.state.accounts.items()):
            values = _values(close, account)
            total = [a + b for a, b in zip(total, values, strict=True)]
            rows.append((close.session, name, account.kind, *_index_row(indices, name, values)))
        rows.append((close.session, BOOK_ROW, "book", *_index_row(indices, BOOK_ROW, total)))
    return pl.DataFrame(rows, schema=NET_ASSET_VALUE.schema, orient="row").sort(NET_ASSET_VALUE.key)


def _index_row(indices: dict[str, UnitValue], name: str, values: Sequence[Decimal]) -> tuple[Any, ...]:
    """The columns of one close. ``values``: cash, receivables, shares, long and short options, capital."""
    *parts, capital = values
    nav = sum(parts, ZERO)
    index = indices[name] = indices.get(name, UnitValue()).after(nav, capital)
    ratios = (index.gained, index.unit, index.high, index.drawdown)
    return (*parts, nav, index.flow, *(float(ratio) for ratio in ratios))


def _values(close: BookAtClose, account: AccountState) -> list[Decimal]:
    shares = longs = shorts = ZERO
    for held in _positions(close, account):
        if held.right is None:
            shares += held.value
        elif held.quantity > 0:
            longs += held.value
        else:
            shorts += held.value
    receivables = account.balance(LedgerAccount.RECEIVABLES)
    return [account.cash, receivables, shares, longs, shorts, account.capital]


def _positions(close: BookAtClose, account: AccountState) -> Iterator[_Position]:
    config: Any = close.state.opened["config"]
    multiplier = int(config["multiplier"])
    try:
        for symbol, lots in account.shares.items():
            mark, units = close.closes[symbol], quantity(lots)
            value = extended(mark, units)
            basis = "stale" if symbol in close.stale else "close"
            yield _Position(symbol, symbol, None, None, None, units, cost(lots), mark, basis, value)
        for instrument, option in account.options.items():
            sign = 1 if instrument in account.longs else -1
            (mark, basis), units = close.marks[instrument], sign * option.contracts
            contract = option.contract
            value = extended(mark, units * multiplier)
            yield _Position(
                instrument,
                option.underlying,
                contract.right,
                contract.expiry,
                float(contract.strike),
                units,
                sign * cost(option.lots),
                mark,
                basis,
                value,
            )
    except KeyError as error:
        raise MissingDataError(
            f"the close of {close.session} has no price for {error.args[0]}, which {account.name} holds"
        ) from error
