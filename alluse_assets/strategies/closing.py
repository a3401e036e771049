"""What is booked after the closing bell: the week's mode, the close and its values, missing prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from alluse_assets.alerts.alert import Alert, AlertType, alert_event
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.book_state import BookState
from alluse_assets.strategies.market import SessionMarket
from alluse_assets.strategies.valuing import Values
from alluse_assets.weeks.market_mode import ModeReading


def confirmation_event(reading: ModeReading, guessed: str | None, at: datetime) -> Event:
    """What the week's mode turned out to be, and whether the guess was right."""
    return Event(
        EventType.MARKET_MODE_CONFIRMED,
        at,
        "rule:market_mode",
        f"market_mode/{reading.week}/confirmation",
        {**reading.payload(), "guessed": guessed, "was_right": guessed == reading.mode.value},
        cause=f"market_mode/{reading.week}/guess" if guessed else None,
    )


def closed_event(
    values: Values, closes: Mapping[str, Decimal], symbols: Iterable[str], market: SessionMarket, at: datetime
) -> Event:
    """The close: prices of ``symbols``, marks of all open options, and what every account is worth."""
    payload: dict[str, Json] = {
        "session": market.session.isoformat(),
        "week": market.week.id,
        "closes": {symbol: text(closes[symbol]) for symbol in symbols if symbol in closes},
        "stale": {
            symbol: {"price": text(last.price), "of": last.session.isoformat()}
            for symbol, last in sorted(values.stale.items())
        },
        "marks": {
            contract: {
                "price": text(found.price),
                "basis": found.basis,
                "iv": None if found.iv is None else text(found.iv),
            }
            for contract, found in sorted(values.marks.items())
        },
        "accounts": {
            name: {part: text(amount) for part, amount in parts.items()}
            for name, parts in values.accounts.items()
        },
    }
    key = f"session/{market.session}/closed"
    return Event(EventType.SESSION_CLOSED, at, "rule:session", key, payload)


def stale_alerts(
    state: BookState, values: Values, market: SessionMarket, at: datetime, config: ProtocolConfig
) -> list[Event]:
    """An alert for each symbol that is held and has no close; once, until it has one again."""
    alerts = []
    for symbol, last in sorted(values.stale.items()):
        before = state.last_prices.get(symbol)
        if before is not None and before.session != state.last_closed:
            continue
        key = f"stale/{symbol}/{market.session}"
        most = config.market.max_stale_price_sessions
        words = (
            f"{symbol} has no bar on {market.session}: it is valued at its last price, "
            f"{last.price.normalize():f} of {last.session}, and nothing is decided on that. Ingest the bar, "
            f"if there was one; after {most} sessions without a price the book stops"
        )
        alert = Alert(key, AlertType.SYSTEM, "HIGH", words, symbol=symbol, dedup_key=f"stale/{symbol}")
        alerts.append(alert_event(alert, at, "rule:session", key))
    return alerts
