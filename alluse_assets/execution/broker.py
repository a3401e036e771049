"""The port to a broker, and what a broker reports. Adapters implement it; only wiring imports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from alluse_assets.execution.lifecycle import OrderStep
from alluse_assets.execution.order import OrderIntent
from alluse_assets.ledger.account_state import OpenOption, ShortOption


@dataclass(frozen=True, slots=True)
class BrokerReport:
    """One thing a broker says about one of our orders.

    For fills: ``quantity`` of this fill, ``price`` per share, ``fee`` in USD, ``execution_id`` unique.
    """

    intent_id: str
    step: OrderStep
    at: datetime
    broker_order_id: str = ""
    quantity: int = 0
    price: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    execution_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class OptionOutcome:
    """How an expiring option ended, in the broker's word. A long one is never assigned."""

    account: str
    contract: str
    kind: Literal["expired", "assigned", "cash_settled"]
    contracts: int
    settlement_price: Decimal
    early: bool = False
    """Assigned before its expiry."""


class Broker(Protocol):
    """A broker account. ``authority`` names it as the actor of what it reports."""

    @property
    def authority(self) -> str:
        """For example ``broker:paper``."""

    def submit(self, intent: OrderIntent) -> Iterable[BrokerReport]:
        """Send an order; what is known at once."""

    @property
    def takes_combined(self) -> bool:
        """Whether it takes the two legs of a roll as one order."""

    def submit_combined(self, legs: Sequence[OrderIntent]) -> Iterable[BrokerReport]:
        """Send the legs of a roll as one order, which fills both in equal numbers; what is known at once."""

    def early_assignments(
        self,
        shorts: Mapping[str, Sequence[ShortOption]],
        closes: Mapping[str, Decimal],
        next_dividends: Mapping[str, Decimal],
    ) -> list[OptionOutcome]:
        """Short options that are assigned over the night although they do not expire, per account.

        Args:
            shorts: what is open after the session, by account.
            closes: of the underlyings, USD per share.
            next_dividends: cash dividends with the next session as ex-date, USD per share.
        """

    def poll(self, working: Sequence[tuple[OrderIntent, int]], at: datetime) -> Iterable[BrokerReport]:
        """What is new of orders that work, each with how much of it is not filled.

        The legs of a roll are among them; those that were sent as one order (``order.is_one_order``) fill in
        equal numbers.
        """

    def cancel(self, intent: OrderIntent, at: datetime) -> Iterable[BrokerReport]:
        """Ask for an order to be cancelled; what is known at once."""

    def end_session(self, working: Sequence[OrderIntent]) -> Iterable[BrokerReport]:
        """What became of the day's orders that still worked when the session ended."""

    def expiries(
        self,
        through: date,
        options: Mapping[str, Sequence[OpenOption]],
        settlement_prices: Mapping[str, Decimal],
    ) -> list[OptionOutcome]:
        """How the options that expire up to ``through`` ended, per account, as far as it is known."""
