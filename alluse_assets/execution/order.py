"""What an order is before any broker hears of it. Ids are pure functions of what is ordered."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from alluse_assets.base.events import Event, Json
from alluse_assets.base.money import text


class Action(StrEnum):
    """Side and effect, in the words of the option market."""

    SELL_TO_OPEN = "SELL_TO_OPEN"
    BUY_TO_CLOSE = "BUY_TO_CLOSE"
    BUY_TO_OPEN = "BUY_TO_OPEN"
    SELL_TO_CLOSE = "SELL_TO_CLOSE"
    BUY = "BUY"

    @property
    def is_sell(self) -> bool:
        """Whether we give the instrument and receive money."""
        return self in (Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE)

    @property
    def is_exit(self) -> bool:
        """Whether it ends an option position."""
        return self in (Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE)


@dataclass(frozen=True, slots=True)
class ChainStart:
    """The chain of rolls that an order belongs to, with what its levels count from.

    ``anchor_price`` and ``anchor_atr``: of the underlying at the first entry, USD per share.
    ``anchor_iv``: of the contract first sold, per year; None where it had none.
    """

    id: str
    right: str
    anchor_price: Decimal
    anchor_atr: Decimal
    anchor_iv: Decimal | None = None

    def payload(self) -> dict[str, Json]:
        """As the journal keeps it."""
        return {
            "id": self.id,
            "right": self.right,
            "anchor_price": text(self.anchor_price),
            "anchor_atr": text(self.anchor_atr),
            "anchor_iv": None if self.anchor_iv is None else text(self.anchor_iv),
        }


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """One limit day order that somebody wants placed.

    ``quantity``: contracts or shares. ``limit_price``: USD per share. ``cause``: key of the event that
    led to it. ``evidence``: what was known when it was decided, for whoever asks why. ``asks``: why the
    rule that decided it wants a person's word first, by the names in ``approvals.REASONS``. ``chain``: of
    options. ``parent``: key of the roll whose leg it is. ``number``: which one it is of the session's orders
    for the same account, purpose and instrument.
    """

    account: str
    instrument: str
    symbol: str
    action: Action
    quantity: int
    limit_price: Decimal
    purpose: str
    session: date
    decided_at: datetime
    cause: str
    config_fingerprint: str
    evidence: Mapping[str, Json] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    requested_by: str = ""
    chain: ChainStart | None = None
    parent: str = ""
    number: int = 1

    @property
    def actor(self) -> str:
        """Who wants it: ``requested_by``, or the rule that its purpose names."""
        return self.requested_by or f"rule:{self.purpose}"

    def terms(self) -> dict[str, Json]:
        """What is ordered: what the journal keeps of it, and exactly what a person approves."""
        return {
            "account": self.account,
            "instrument": self.instrument,
            "symbol": self.symbol,
            "action": self.action.value,
            "quantity": self.quantity,
            "limit_price": text(self.limit_price),
            "purpose": self.purpose,
            "session": self.session.isoformat(),
            "config": self.config_fingerprint,
        }

    @property
    def intent_id(self) -> str:
        """Unique per book: session, account, purpose, instrument, and its number if not the first."""
        first = f"{self.session}/{self.account}/{self.purpose}/{self.instrument}"
        return first if self.number == 1 else f"{first}/{self.number}"


def numbered(intent: OrderIntent, taken: Container[str]) -> OrderIntent:
    """The intent under the first number whose id is not in ``taken``."""
    while intent.intent_id in taken:
        intent = replace(intent, number=intent.number + 1)
    return intent


def is_one_order(leg: OrderIntent, other: OrderIntent) -> bool:
    """Whether two orders under way are the legs of a roll that the broker took as one order.

    They have the same number then; of a roll that is legged no more is being sold than was bought back, which
    is less than an order that still works was for.
    """
    same_roll = bool(leg.parent) and leg.parent == other.parent
    return same_roll and leg.action is not other.action and leg.quantity == other.quantity


def chain_from(payload: Any) -> ChainStart:
    """What ``ChainStart.payload`` was made from."""
    iv = payload["anchor_iv"]
    return ChainStart(
        payload["id"],
        payload["right"],
        Decimal(payload["anchor_price"]),
        Decimal(payload["anchor_atr"]),
        None if iv is None else Decimal(iv),
    )


def intent_from(created: Event) -> OrderIntent:
    """The intent that an ``order.created`` event was made from: the journal alone is enough to go on."""
    p: Any = created.payload
    return OrderIntent(
        account=p["account"],
        instrument=p["instrument"],
        symbol=p["symbol"],
        action=Action(p["action"]),
        quantity=p["quantity"],
        limit_price=Decimal(p["limit_price"]),
        purpose=p["purpose"],
        session=date.fromisoformat(p["session"]),
        decided_at=created.effective_at,
        cause=created.cause or "",
        config_fingerprint=p["config"],
        evidence=p["evidence"],
        asks=tuple(p.get("asks", ())),
        chain=None if p["chain"] is None else chain_from(p["chain"]),
        parent=p["parent"],
        requested_by="" if created.actor == f"rule:{p['purpose']}" else created.actor,
        number=p.get("number", 1),
    )


def client_order_id(book: str, intent_id: str, version: int = 1) -> str:
    """The id a broker sees: a pure function of book, intent and version, 35 characters, never reused."""
    digest = hashlib.sha256(f"{book}\n{intent_id}\n{version}".encode()).digest()
    return "AU-" + base64.b32encode(digest[:20]).decode()
