"""How events change a book: ``apply(state, event) -> state``, without I/O.

Balances come from the postings of every event alike; lots, receivables and open orders from the few
event types that touch them. Replay, live, paper and search all fold with this one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from alluse_assets.base.events import Event
from alluse_assets.base.instruments import parse_occ_symbol
from alluse_assets.base.money import ZERO, pro_rata
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger import config_history
from alluse_assets.ledger.account_state import AccountState, Receivable, ShortOption
from alluse_assets.ledger.approval_state import approvals_after
from alluse_assets.ledger.book_state import BookState, WorkingOrder
from alluse_assets.ledger.decided import what_follows
from alluse_assets.ledger.last_prices import prices_after
from alluse_assets.ledger.lots import Lot, quantity, take
from alluse_assets.ledger.positions import (
    add_call_income,
    put,
    with_ivs,
    with_long,
    with_shares,
    without_longs,
    without_shorts,
)
from alluse_assets.ledger.roll_state import RollUnderWay, with_leg_ended, with_leg_filled, with_leg_ordered
from alluse_assets.protection.state import protect

_FIRST_PURCHASE = "first_purchase"
_SESSION = re.compile(r"\d{4}-\d{2}-\d{2}")


def fold(events: Iterable[Event], state: BookState | None = None) -> BookState:
    """The state after ``events``."""
    state = state or BookState()
    for event in events:
        state = apply(state, event)
    return state


def apply(state: BookState, event: Event) -> BookState:
    """The state after one event."""
    if event.postings:
        state = _post(state, event)
    handler = _HANDLERS.get(event.type)
    if handler:
        state = handler(state, event)
    protection = protect(state.protection, event)
    return state if protection is state.protection else replace(state, protection=protection)


def _post(state: BookState, event: Event) -> BookState:
    touched: dict[str, dict[str, Decimal]] = {}
    for line in event.postings:
        if line.account not in touched:
            known = state.accounts.get(line.account)
            touched[line.account] = dict(known.balances) if known else {}
        balances = touched[line.account]
        balances[line.ledger_account] = balances.get(line.ledger_account, ZERO) + line.amount
    accounts = dict(state.accounts)
    for name, balances in touched.items():
        account = accounts.get(name) or AccountState(name, str(event.payload["kind"]))
        accounts[name] = replace(account, balances=balances)
    return replace(state, accounts=accounts)


def _opened(state: BookState, event: Event) -> BookState:
    return replace(state, opened=event.payload, config_history=config_history.opened(event))


def _config_changed(state: BookState, event: Event) -> BookState:
    history = config_history.changed(state.config_history, event, state.last_closed)
    return replace(state, config_history=history)


def _week_began(state: BookState, event: Event) -> BookState:
    return replace(
        state, week=str(event.payload["week"]), entries_of_week=(), mode_guess=str(event.payload["mode"])
    )


def _order_created(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    order = WorkingOrder(
        p["intent"],
        p["account"],
        p["instrument"],
        p["action"],
        "CREATED",
        p["quantity"],
        0,
        Decimal(p["reserves_cash"]),
        p["reserves_shares"],
        event,
    )
    state = replace(
        state,
        orders={**state.orders, order.intent_id: order},
        intents_of_session={**state.intents_of_session, order.intent_id: "CREATED"},
    )
    roll = state.rolls.get(order.parent)
    if roll is None:
        return state
    return _with_roll(state, order.parent, with_leg_ordered(roll, order.action, order.quantity))


def _order_moved(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    orders = dict(state.orders)
    order = orders[p["intent"]]
    if p["terminal"]:
        del orders[order.intent_id]
        state = _leg_ended(state, order, event)
    else:
        orders[order.intent_id] = replace(order, state=p["state"])
        if event.type == EventType.ORDER_CANCEL_ASKED:
            state = _leg_ended(state, order, event)
    intents = {**state.intents_of_session, order.intent_id: p["state"]}
    return replace(state, orders=orders, intents_of_session=intents)


def _leg_ended(state: BookState, order: WorkingOrder, event: Event) -> BookState:
    """Why a leg of a roll came to nothing, or is to be cancelled, kept with the roll."""
    roll = state.rolls.get(order.parent)
    if roll is None:
        return state
    return _with_roll(state, order.parent, with_leg_ended(roll, order.action, order.instrument, event))


def _with_roll(state: BookState, key: str, roll: RollUnderWay) -> BookState:
    return replace(state, rolls={**state.rolls, key: roll})


def _order_filled(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    before = state.orders[p["intent"]]
    state = _order_moved(state, event)
    if not p["terminal"]:
        left = before.quantity - p["filled_total"]
        moved = replace(
            state.orders[p["intent"]],
            filled=p["filled_total"],
            reserved=pro_rata(before.reserved, left, before.quantity - before.filled),
            shares=before.shares * left // (before.quantity - before.filled),
        )
        state = replace(state, orders={**state.orders, moved.intent_id: moved})
    if p["purpose"] == _FIRST_PURCHASE:
        state = _first_purchase_done(state, p["account"])
    account = state.accounts[p["account"]]
    session, units = event.effective_at.date(), int(p["quantity"])
    had = state.filled_of_session.get(p["instrument"], 0)
    state = replace(state, filled_of_session={**state.filled_of_session, p["instrument"]: had + units})
    roll = state.rolls.get(p.get("parent", ""))
    if roll is not None:
        state = _with_roll(state, p["parent"], with_leg_filled(roll, p["action"], units))
    amount = Decimal(p["amount"])
    symbol: str = p["symbol"]
    if p["action"] == "SELL_TO_OPEN":
        lot = Lot(units, amount, session, (p.get("chain") or {}).get("id", p["intent"]))
        known = account.shorts.get(p["instrument"])
        short = ShortOption(
            parse_occ_symbol(p["instrument"]),
            symbol,
            (*(known.lots if known else ()), lot),
            known.last_iv if known else None,
        )
        account = replace(account, shorts={**account.shorts, p["instrument"]: short})
        account = add_call_income(account, short, amount)
        if not before.filled and p["purpose"] != "roll_open":
            state = replace(state, entries_of_week=(*state.entries_of_week, (account.name, symbol)))
    elif p["action"] == "BUY_TO_CLOSE":
        state = _with_ended(state, account, p["instrument"])
        account = add_call_income(account, account.shorts[p["instrument"]], -amount)
        account = without_shorts(account, p["instrument"], units)
    elif p["action"] == "BUY_TO_OPEN":
        account = with_long(account, p["instrument"], symbol, Lot(units, amount, session))
    elif p["action"] == "SELL_TO_CLOSE":
        account = without_longs(account, p["instrument"], units)
    elif p["action"] == "BUY":
        account = with_shares(account, symbol, Lot(units, amount, session))
    return state.with_account(account)


def _option_expired(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    account = state.accounts[p["account"]]
    state = _with_ended(state, account, p["contract"])
    return state.with_account(without_shorts(account, p["contract"], p["contracts"]))


def _long_option_ended(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    account = without_longs(state.accounts[p["account"]], p["contract"], p["contracts"])
    if Decimal(p["received"]):
        due = Receivable(date.fromisoformat(p["settles_on"]), Decimal(p["received"]), event.key)
        account = replace(account, receivables=(*account.receivables, due))
    return state.with_account(account)


def _option_assigned(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    state = _with_ended(state, state.accounts[p["account"]], p["contract"])
    account = without_shorts(state.accounts[p["account"]], p["contract"], p["contracts"])
    symbol, shares = p["symbol"], p["shares"]
    if p["right"] == "P":
        account = with_shares(
            account, symbol, Lot(shares, Decimal(p["shares_cost"]), event.effective_at.date(), assigned=True)
        )
    else:
        held = account.shares_held(symbol)
        _, rest = take(account.shares[symbol], shares)
        income = account.call_income.get(symbol, ZERO)
        account = replace(
            account,
            shares=put(account.shares, symbol, rest),
            call_income=put(account.call_income, symbol, pro_rata(income, quantity(rest), held)),
            receivables=(
                *account.receivables,
                Receivable(date.fromisoformat(p["settles_on"]), Decimal(p["proceeds"]), event.key),
            ),
        )
    return state.with_account(account)


def _dividend_accrued(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    account = state.accounts[p["account"]]
    due = Receivable(date.fromisoformat(p["settles_on"]), Decimal(p["amount"]), event.key)
    return state.with_account(replace(account, receivables=(*account.receivables, due)))


def _cash_settled(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    account = state.accounts[p["account"]]
    left = tuple(r for r in account.receivables if r.key != p["receivable"])
    return state.with_account(replace(account, receivables=left))


def _session_opened(state: BookState, event: Event) -> BookState:
    return replace(state, last_opened=date.fromisoformat(str(event.payload["session"])))


def _session_closed(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    accounts = dict(state.accounts)
    for name, account in state.accounts.items():
        shorts, longs = with_ivs(account.shorts, p["marks"]), with_ivs(account.longs, p["marks"])
        nav = Decimal(p["accounts"][name]["nav"])
        accounts[name] = replace(
            account, shorts=shorts, longs=longs, value=account.value.after(nav, account.capital)
        )
    session = date.fromisoformat(p["session"])
    # A close that is made up for comes behind looks at the next session: what is of that one goes on.
    intents = _of_later(state.intents_of_session, session)
    decided = _of_later(state.decided_in_session, session)
    goes_on = bool(intents or decided)
    return replace(
        state,
        accounts=accounts,
        last_closed=session,
        last_prices=prices_after(p),
        intents_of_session=intents,
        filled_of_session=state.filled_of_session if goes_on else {},
        decided_in_session=decided,
        ended_of_session=state.ended_of_session if goes_on else (),
        approvals=approvals_after(state.approvals, event),
    )


def _of_later(of_session: Mapping[str, str], closed: date) -> dict[str, str]:
    """Those of the intents or decisions, each named with its session, that are of one after ``closed``."""
    days = ((key, _SESSION.search(key)) for key in of_session)
    later = [key for key, day in days if day and date.fromisoformat(day[0]) > closed]
    return {key: of_session[key] for key in later}


def _approval_requested(state: BookState, event: Event) -> BookState:
    history = state.config_history
    if event.payload["kind"] == "config":
        history = replace(history, asked=history.asked + 1)
    return replace(_approval_moved(state, event), config_history=history)


def _approval_moved(state: BookState, event: Event) -> BookState:
    return replace(state, approvals=approvals_after(state.approvals, event))


def _approval_used(state: BookState, event: Event) -> BookState:
    state, name = _approval_moved(state, event), str(event.payload["approval"])
    if name not in state.rolls:
        return state
    # The use is of both legs, and the second may come after a restart.
    return _with_roll(state, name, replace(state.rolls[name], approved=str(event.payload["hash"])))


def _split_applied(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    account, symbol, ratio = state.accounts[p["account"]], p["symbol"], int(p["ratio"])
    lots = tuple(replace(lot, quantity=lot.quantity * ratio) for lot in account.shares.get(symbol, ()))
    shorts = dict(account.shorts)
    for old, new in p["contracts"].items():
        short = shorts.pop(old)
        grown = tuple(replace(lot, quantity=lot.quantity * ratio) for lot in short.lots)
        shorts[new] = replace(short, contract=parse_occ_symbol(new), lots=grown)
    return state.with_account(replace(account, shares=put(account.shares, symbol, lots), shorts=shorts))


def _decided(state: BookState, event: Event) -> BookState:
    known = {**state.decided_in_session, event.key: what_follows(event.payload)}
    return replace(state, decided_in_session=known)


def _first_purchase(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    state = replace(_decided(state, event), first_purchases=state.first_purchases | {p["account"]})
    has_orders = any(row["shares"] for row in p["tickers"])
    return state if has_orders else _first_purchase_done(state, p["account"])


def _first_purchase_done(state: BookState, account: str) -> BookState:
    return replace(state, first_purchases_done=state.first_purchases_done | {account})


def _approval_answered(state: BookState, event: Event) -> BookState:
    asked, state = state.approvals.get(str(event.payload["approval"])), _approval_moved(state, event)
    orders: Any = asked.subject.get("orders", ()) if asked and event.payload["answer"] == "no" else ()
    for order in orders:
        if order["purpose"] == _FIRST_PURCHASE:
            state = _first_purchase_done(state, order["account"])
    return state


def _roll_decided(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    state = _decided(state, event)
    if p["outcome"] != "order":
        return state
    return _with_roll(state, event.key, RollUnderWay(event))


def _roll_ended(state: BookState, event: Event) -> BookState:
    p: Any = event.payload
    return replace(state, rolls={key: roll for key, roll in state.rolls.items() if key != p["roll"]})


def _with_ended(state: BookState, account: AccountState, contract: str) -> BookState:
    ended = (account.name, account.shorts[contract])
    return replace(state, ended_of_session=(*state.ended_of_session, ended))


_HANDLERS: Mapping[str, Callable[[BookState, Event], BookState]] = {
    EventType.BOOK_OPENED: _opened,
    EventType.CONFIG_CHANGED: _config_changed,
    EventType.MARKET_MODE_GUESSED: _week_began,
    EventType.ORDER_CREATED: _order_created,
    EventType.ORDER_PENDING: _order_moved,
    EventType.ORDER_APPROVED: _order_moved,
    EventType.ORDER_DENIED: _order_moved,
    EventType.ORDER_SUBMITTED: _order_moved,
    EventType.ORDER_ACCEPTED: _order_moved,
    EventType.ORDER_FILLED: _order_filled,
    EventType.ORDER_EXPIRED: _order_moved,
    EventType.ORDER_CANCEL_ASKED: _order_moved,
    EventType.ORDER_CANCELED: _order_moved,
    EventType.ORDER_REJECTED: _order_moved,
    EventType.ORDER_UNKNOWN: _order_moved,
    EventType.OPTION_EXPIRED: _option_expired,
    EventType.OPTION_CASH_SETTLED: _option_expired,
    EventType.OPTION_ASSIGNED: _option_assigned,
    EventType.LONG_OPTION_ENDED: _long_option_ended,
    EventType.CASH_SETTLED: _cash_settled,
    EventType.DIVIDEND_ACCRUED: _dividend_accrued,
    EventType.SPLIT_APPLIED: _split_applied,
    EventType.ENTRY_DECIDED: _decided,
    EventType.EXIT_DECIDED: _decided,
    EventType.HEDGE_DECIDED: _decided,
    EventType.SHARE_PURCHASE_PLANNED: _first_purchase,
    EventType.ROLL_DECIDED: _roll_decided,
    EventType.ROLL_ENDED: _roll_ended,
    EventType.APPROVAL_REQUESTED: _approval_requested,
    EventType.APPROVAL_ANSWERED: _approval_answered,
    EventType.APPROVAL_EXPIRED: _approval_moved,
    EventType.APPROVAL_USED: _approval_used,
    EventType.ALERT_RAISED: _approval_moved,
    EventType.ALERT_RESOLVED: _approval_moved,
    EventType.SESSION_OPENED: _session_opened,
    EventType.SESSION_CLOSED: _session_closed,
}
