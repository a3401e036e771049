"""Opening a book: one lump sum, split to the cent over the three account kinds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from alluse_assets.base.config.config_manager import canonical, fingerprint
from alluse_assets.base.config.model_fields import Kind
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.events import Event
from alluse_assets.base.money import ZERO, text, to_cents
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.postings import capital_paid_in

ACCOUNT_NAMES: Mapping[Kind, str] = {"gen": "GEN-1", "rev": "REV-1", "com": "COM-1"}
RULES_NOT_ACTIVE = (
    "forks and merges",
    "reinvestment and long calls",
    "taxes",
    "the cost of short calls of Com-Acc after tax",
    "buying power as a live broker tells it",
    "limits of the gate (size, price, rate, concentration)",
    "price walking",
)
"""Configured, but nothing acts on them yet; the book says so in its first event and in its report."""


def split(lump_sum: Decimal, config: ProtocolConfig) -> dict[Kind, Decimal]:
    """The lump sum by kind. Cents that rounding leaves go to the last kind, so the parts add up."""
    shares = config.book.split
    gen = to_cents(lump_sum * Decimal(str(shares.gen)))
    rev = to_cents(lump_sum * Decimal(str(shares.rev)))
    com = lump_sum - gen - rev
    return {"gen": gen, "rev": rev, "com": com if shares.com else ZERO}


def open_book(config: ProtocolConfig, profile: str, first_session: date, at: datetime) -> list[Event]:
    """The events that open a book with its accounts.

    Args:
        config: the configuration it runs under, kept whole in the journal.
        profile: the profile's name, for people; what counts is the configuration itself.
        first_session: the first session it will trade.
        at: the opening instant of that session.
    """
    lump_sum = to_cents(config.book.lump_sum_usd)
    opened = Event(
        EventType.BOOK_OPENED,
        at,
        "rule:allocation",
        "book/opened",
        {
            "profile": profile,
            "lump_sum": text(lump_sum),
            "first_session": first_session.isoformat(),
            "config": canonical(config),
            "config_fingerprint": fingerprint(config),
            "rules_not_active": list(RULES_NOT_ACTIVE),
        },
    )
    accounts = [
        Event(
            EventType.ACCOUNT_OPENED,
            at,
            "rule:allocation",
            f"account/{ACCOUNT_NAMES[kind]}",
            {"account": ACCOUNT_NAMES[kind], "kind": kind, "capital": text(capital)},
            capital_paid_in(ACCOUNT_NAMES[kind], capital),
            cause=opened.key,
        )
        for kind, capital in split(lump_sum, config).items()
        if capital
    ]
    return [opened, *accounts]
