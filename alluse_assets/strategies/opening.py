"""What is booked at an opening bell: the week's guess, splits, money that was owed, dividends earned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import LedgerError
from alluse_assets.base.events import Event, Json
from alluse_assets.base.instruments import OptionContract
from alluse_assets.base.money import extended, text, to_cents
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.account_state import AccountState
from alluse_assets.ledger.book_state import BookState
from alluse_assets.ledger.lots import cost
from alluse_assets.ledger.postings import dividend_accrued, receivable_settled, shares_split
from alluse_assets.weeks.market_mode import ModeReading


def guess_event(reading: ModeReading, at: datetime) -> Event:
    """The week's market mode as it is guessed before it."""
    key = f"market_mode/{reading.week}/guess"
    return Event(EventType.MARKET_MODE_GUESSED, at, "rule:market_mode", key, reading.payload())


def settlement_events(state: BookState, session: date, at: datetime, authority: str) -> list[Event]:
    """Receivables that become cash in this session."""
    return [
        Event(
            EventType.CASH_SETTLED,
            at,
            authority,
            f"settled/{owed.key}",
            {"account": name, "amount": text(owed.amount), "receivable": owed.key},
            receivable_settled(name, owed.amount),
            cause=owed.key,
        )
        for name, account in sorted(state.accounts.items())
        for owed in account.receivables
        if owed.due <= session
    ]


def dividend_events(
    state: BookState,
    dividends: Mapping[str, Decimal],
    session: date,
    pays_on: date,
    at: datetime,
    authority: str,
) -> list[Event]:
    """Dividends on shares held into this session, their ex-date. ``dividends``: USD per share."""
    events = []
    for name, account in sorted(state.accounts.items()):
        for symbol, per_share in sorted(dividends.items()):
            shares = account.shares_held(symbol)
            if not shares:
                continue
            amount = extended(per_share, shares)
            payload: dict[str, Json] = {
                "account": name,
                "symbol": symbol,
                "shares": shares,
                "per_share": text(per_share),
                "amount": text(amount),
                "settles_on": pays_on.isoformat(),
            }
            key = f"dividend/{session}/{name}/{symbol}"
            events.append(
                Event(
                    EventType.DIVIDEND_ACCRUED,
                    at,
                    authority,
                    key,
                    payload,
                    dividend_accrued(name, amount),
                )
            )
    return events


def split_events(
    state: BookState,
    splits: Mapping[str, Decimal],
    session: date,
    at: datetime,
    authority: str,
    config: ProtocolConfig,
) -> list[Event]:
    """Splits of what an account holds or trades, with this session.

    Of a whole ratio n to 1 each share becomes n, each option n options at the strike divided by n and rounded
    to the cent, as the Options Clearing Corporation adjusts them. An account that holds nothing of a ticker
    is told too: what it had earlier in the week is judged in the new shares.

    Args:
        state: the book.
        splits: by symbol, new shares for one old one.
        session: theirs.
        at: the opening bell.
        authority: whose word it is.
        config: the configuration in force.

    Raises:
        LedgerError: another ratio: the contracts would not be standard any more.
    """
    events = []
    for name, account in sorted(state.accounts.items()):
        for symbol, ratio in sorted(splits.items()):
            shares = account.shares_held(symbol)
            options = [c for c, short in account.shorts.items() if short.underlying == symbol]
            holds, is_whole = bool(shares or options), ratio == int(ratio) and ratio >= 2
            tickers = config.accounts.of(account.kind).tickers  # type: ignore[arg-type]
            if not holds and not (is_whole and symbol in tickers):
                continue
            if not is_whole:
                raise LedgerError(
                    f"{symbol} splits {ratio:f} to 1 on {session} while {name} holds it: only whole ratios "
                    "are booked; end the replay before that session or leave the ticker out"
                )
            contracts = {c: _split_contract(account, c, int(ratio)) for c in sorted(options)}
            payload: dict[str, Json] = {
                "account": name,
                "symbol": symbol,
                "ratio": int(ratio),
                "shares_before": shares,
                "shares_after": shares * int(ratio),
                "contracts": dict(contracts),
            }
            options_moved = [
                (old, new, account.shorts[old].contracts, cost(account.shorts[old].lots))
                for old, new in contracts.items()
            ]
            postings = shares_split(name, symbol, shares, options_moved, int(ratio))
            key = f"split/{session}/{name}/{symbol}"
            events.append(Event(EventType.SPLIT_APPLIED, at, authority, key, payload, postings))
    return events


def _split_contract(account: AccountState, contract: str, ratio: int) -> str:
    old = account.shorts[contract].contract
    return OptionContract(old.root, old.expiry, old.right, to_cents(old.strike / ratio)).symbol


def too_small_alerts(
    state: BookState, prices: Mapping[str, Decimal], session: date, at: datetime, config: ProtocolConfig
) -> list[Event]:
    """On a book's first session: which accounts are too small to trade what, a put at the money each.

    Args:
        state: the book.
        prices: at the open, USD per share.
        session: this session.
        at: the opening bell.
        config: the configuration in force.
    """
    if str(state.opened["first_session"]) != session.isoformat():
        return []
    alerts = []
    for name, account in sorted(state.accounts.items()):
        rules = config.accounts.of(account.kind)  # type: ignore[arg-type]
        money = to_cents(account.cash * (1 - Decimal(str(rules.buffer_share))))
        dear = [t for t in rules.tickers if t in prices and prices[t] * config.multiplier > money]
        if not dear or not rules.puts.enabled:
            continue
        needs = ", ".join(f"{t} ({text(to_cents(prices[t] * config.multiplier))})" for t in dear)
        words = (
            f"{name} has {text(money)} USD beside its buffer, too little for one cash-secured put at the "
            f"money on {needs}"
        )
        key = f"too_small/{name}"
        alert = Alert(key, AlertType.ACCOUNT, "LOW", words, name, dedup_key=key)
        alerts.append(alert_event(alert, at, "rule:opening", key))
    return alerts
