"""Projects a book's journal into the tables of orders and option trades. Pure, like every projection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.base.events import Event
from alluse_assets.base.instruments import is_option, parse_occ_symbol
from alluse_assets.base.money import ZERO, extended, pro_rata
from alluse_assets.execution.gate import ROLL_OPEN
from alluse_assets.execution.tables import OPTION_TRADES, ORDERS
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.lots import Lot, take
from alluse_assets.option_chains.marks import intrinsic

_ENDINGS: Mapping[str, str] = {
    EventType.OPTION_EXPIRED: "expired",
    EventType.OPTION_CASH_SETTLED: "cash_settled",
}


@dataclass(slots=True)
class _Order:
    created: Any
    created_at: datetime
    updated_at: datetime
    state: str = "CREATED"
    filled: int = 0
    amount: Decimal = ZERO
    fees: Decimal = ZERO
    value: Decimal = Decimal(0)
    """Sum of price x quantity of the fills, USD."""
    reason: str | None = None

    def take(self, event: Event) -> None:
        """Whatever happened to it."""
        p: Any = event.payload
        self.state, self.updated_at = p["state"], event.effective_at
        if event.type == EventType.ORDER_FILLED:
            self.filled = p["filled_total"]
            self.amount += Decimal(p["amount"])
            self.fees += Decimal(p["fee"])
            self.value += Decimal(p["price"]) * p["quantity"]
        elif "gate" in p and p["gate"]["refused"]:
            self.reason = "; ".join(f"gate {r['rule']}: {r['why']}" for r in p["gate"]["refused"])
        elif event.type == EventType.ORDER_REJECTED:
            self.reason = f"{event.actor}: {p.get('text', 'no reason given')}"

    def row(self) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        p, evidence = self.created, self.created["evidence"]
        yield_ppm = evidence.get("premium_yield_ppm")
        return (
            date.fromisoformat(p["session"]),
            p["intent"],
            p["account"],
            p["symbol"],
            p["instrument"],
            p["action"],
            p["purpose"],
            p["quantity"],
            self.filled,
            float(p["limit_price"]),
            float(self.value / self.filled) if self.filled else None,
            self.amount,
            self.fees,
            self.state,
            self.reason,
            self.created_at,
            self.updated_at,
            float(evidence["delta_points"]) if "delta_points" in evidence else None,
            None if yield_ppm is None else yield_ppm / 1_000_000,
            evidence.get("rank"),
            # Before configurations could change, every order was decided under the first.
            p.get("config_version", 1),
        )


def project_orders(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``ORDERS``."""
    orders: dict[str, _Order] = {}
    for event in events:
        p: Any = event.payload
        if event.type == EventType.ORDER_CREATED:
            orders[p["intent"]] = _Order(p, event.effective_at, event.effective_at)
        elif event.type.startswith("order."):
            orders[p["intent"]].take(event)
    rows = [order.row() for order in orders.values()]
    return pl.DataFrame(rows, schema=ORDERS.schema, orient="row").sort(ORDERS.key)


@dataclass(slots=True)
class _Trade:
    """A short option while some of it is open."""

    session: date
    symbol: str
    contracts: int = 0
    fees: Decimal = ZERO
    parts: int = 0


@dataclass(slots=True)
class _Trades:
    kinds: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, date] = field(default_factory=dict)
    """Session of each order."""
    open: dict[tuple[str, str], tuple[Lot, ...]] = field(default_factory=dict)
    """By account and contract, oldest first; a lot's chain id is its trade."""
    trades: dict[str, _Trade] = field(default_factory=dict)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def sell(self, p: Any) -> None:
        """A fill that opens."""
        trade = self.trades.setdefault(p["intent"], _Trade(self.sessions[p["intent"]], p["symbol"]))
        trade.contracts += p["quantity"]
        trade.fees += Decimal(p["fee"])
        place = (p["account"], p["instrument"])
        lot = Lot(p["quantity"], Decimal(p["amount"]), trade.session, p["intent"])
        self.open[place] = (*self.open.get(place, ()), lot)

    def split(self, p: Any) -> None:
        """A split: each contract becomes several under a new symbol; a trade goes on in those."""
        ratio = int(p["ratio"])
        for old, new in p["contracts"].items():
            lots = self.open.pop((p["account"], old))
            for trade in {lot.chain_id for lot in lots}:
                self.trades[trade].contracts *= ratio
            self.open[(p["account"], new)] = tuple(
                replace(lot, quantity=lot.quantity * ratio) for lot in lots
            )

    def end(
        self,
        place: tuple[str, str],
        contracts: int,
        how: str,
        closed: date | None,
        debit: Decimal | None,
        fee: Decimal = ZERO,
        settlement: str | None = None,
    ) -> None:
        """Some contracts ended. ``debit`` and ``fee`` are for all of them, USD."""
        taken, self.open[place] = take(self.open[place], contracts)
        by_trade: dict[str, tuple[int, Decimal]] = {}
        for part in taken.parts:
            count, credit = by_trade.get(part.chain_id, (0, ZERO))
            by_trade[part.chain_id] = (count + part.quantity, credit + part.cost)
        contract, account = parse_occ_symbol(place[1]), place[0]
        for trade_id, (count, credit) in by_trade.items():
            trade = self.trades[trade_id]
            trade.parts += 1
            fees = pro_rata(trade.fees, count, trade.contracts)
            trade.fees, trade.contracts = trade.fees - fees, trade.contracts - count
            paid = None
            if debit is not None:
                paid = pro_rata(debit, count, contracts)
                debit -= paid
            closing_fee = pro_rata(fee, count, contracts)
            fee -= closing_fee
            contracts -= count
            fees += closing_fee
            self.rows.append(
                (
                    trade.session,
                    trade_id,
                    trade.parts,
                    closed,
                    account,
                    self.kinds[account],
                    trade.symbol,
                    place[1],
                    contract.right,
                    float(contract.strike),
                    contract.expiry,
                    count,
                    credit,
                    paid,
                    fees,
                    None if paid is None else credit - paid - fees,
                    None if settlement is None else float(settlement),
                    how,
                )
            )


def project_option_trades(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``OPTION_TRADES``: each part that ended, then what is still open."""
    book, known = _Trades(), list(events)
    rolled = _sold_again(known)
    for event in known:
        p: Any = event.payload
        if event.type == EventType.ACCOUNT_OPENED:
            book.kinds[p["account"]] = p["kind"]
        elif event.type == EventType.ORDER_CREATED:
            book.sessions[p["intent"]] = date.fromisoformat(p["session"])
        elif event.type == EventType.ORDER_FILLED and is_option(p["instrument"]):
            if p["action"] == "SELL_TO_OPEN":
                book.sell(p)
            elif p["action"] == "BUY_TO_CLOSE":
                place, closed = (p["account"], p["instrument"]), book.sessions[p["intent"]]
                how = "rolled" if p.get("parent") in rolled else "bought_back"
                book.end(place, p["quantity"], how, closed, Decimal(p["amount"]), Decimal(p["fee"]))
        elif event.type == EventType.SPLIT_APPLIED:
            book.split(p)
        elif event.type in (
            EventType.OPTION_EXPIRED,
            EventType.OPTION_CASH_SETTLED,
            EventType.OPTION_ASSIGNED,
        ):
            how, debit = _how_it_ended(event.type, p)
            book.end(
                (p["account"], p["contract"]),
                p["contracts"],
                how,
                date.fromisoformat(p["session"]),
                debit,
                settlement=p["settlement_price"],
            )
    for place, lots in book.open.items():
        if lots:
            book.end(place, sum(lot.quantity for lot in lots), "open", None, None)
    return pl.DataFrame(book.rows, schema=OPTION_TRADES.schema, orient="row").sort(OPTION_TRADES.key)


def _sold_again(events: Iterable[Event]) -> set[str]:
    """Keys of the rolls that sold something again; of the others only a buy-back is left."""
    found = set()
    for event in events:
        p: Any = event.payload
        if event.type == EventType.ORDER_FILLED and p["purpose"] == ROLL_OPEN:
            found.add(p["parent"])
    return found


def _how_it_ended(kind: str, p: Any) -> tuple[str, Decimal]:
    if kind == EventType.OPTION_ASSIGNED:
        given = intrinsic(parse_occ_symbol(p["contract"]), Decimal(p["settlement_price"]))
        return "assigned" if p["right"] == "P" else "called_away", extended(given, p["shares"])
    return _ENDINGS[kind], Decimal(p.get("paid", "0.00"))
