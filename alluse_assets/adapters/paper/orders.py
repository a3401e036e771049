"""The paper broker of one step: fills against the step's quotes and settles what expires.

A limit order fills at the fill model's price when the limit allows it, as far as the contract's volume
lets it; the rest works until the session ends. Shares trade at their price at that time, which has no
spread. Options at least a cent in the money at expiry are exercised against us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from alluse_assets.base.config.model_execution import PaperBroker as PaperRules
from alluse_assets.base.instruments import is_option
from alluse_assets.base.money import to_cents
from alluse_assets.execution.broker import BrokerReport, OptionOutcome
from alluse_assets.execution.fill_model import fill_price, fillable
from alluse_assets.execution.lifecycle import OrderStep
from alluse_assets.execution.order import OrderIntent
from alluse_assets.ledger.book_state import ShortOption
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.marks import intrinsic


@dataclass(slots=True)
class PaperBroker:
    """One session's broker. ``quotes`` are options by contract symbol, ``prices`` shares by ticker."""

    rules: PaperRules
    quotes: Mapping[str, Quote]
    prices: Mapping[str, Decimal]
    closes_at: datetime
    assignment_threshold: Decimal
    settles_in_cash: Callable[[str], bool]
    """Whether options on an underlying settle in cash."""
    _working: dict[str, int] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict)
    """Contracts of each series that this session's orders have had of its volume."""

    @property
    def authority(self) -> str:
        """The actor of its reports."""
        return "broker:paper"

    def submit(self, intent: OrderIntent) -> list[BrokerReport]:
        """Accept, and fill what the quote gives."""
        at, quote = intent.decided_at, self._quote(intent)
        if quote is None:
            text = f"no quote for {intent.instrument} at {at}"
            return [BrokerReport(intent.intent_id, OrderStep.REJECT, at, text=text)]
        order_id = f"paper/{intent.intent_id}"
        reports = [BrokerReport(intent.intent_id, OrderStep.ACCEPT, at, order_id)]
        selling = intent.action.is_sell
        gives = fill_price(quote, selling, self.rules.price_improvement_share)
        tradable = gives > 0 and (gives >= intent.limit_price if selling else gives <= intent.limit_price)
        taken = self._taken.get(intent.instrument, 0)
        there = fillable(taken + intent.quantity, quote.volume, self.rules.volume_participation) - taken
        filled = max(0, there) if tradable else 0
        if filled:
            self._taken[intent.instrument] = taken + filled
            step = OrderStep.FILL if filled == intent.quantity else OrderStep.FILL_PART
            execution = f"{intent.intent_id}/1"
            fee = self.fee(intent.instrument, filled)
            reports.append(BrokerReport(intent.intent_id, step, at, order_id, filled, gives, fee, execution))
        if filled < intent.quantity:
            self._working[intent.intent_id] = intent.quantity - filled
        return reports

    def end_session(self) -> list[BrokerReport]:
        """Day orders that still work expire."""
        expired = [
            BrokerReport(intent_id, OrderStep.EXPIRE, self.closes_at, f"paper/{intent_id}")
            for intent_id in self._working
        ]
        self._working.clear()
        return expired

    def expiries(
        self,
        through: date,
        shorts: Mapping[str, Sequence[ShortOption]],
        settlement_prices: Mapping[str, Decimal],
    ) -> list[OptionOutcome]:
        """In the money by the threshold is exercised, the rest expires."""
        outcomes = []
        for account, options in sorted(shorts.items()):
            for short in sorted(options, key=lambda s: s.contract.symbol):
                if short.contract.expiry > through:
                    continue
                settlement = settlement_prices[short.underlying]
                exercised = intrinsic(short.contract, settlement) >= self.assignment_threshold
                cash = self.settles_in_cash(short.underlying)
                outcomes.append(
                    OptionOutcome(
                        account,
                        short.contract.symbol,
                        ("cash_settled" if cash else "assigned") if exercised else "expired",
                        short.contracts,
                        settlement,
                    )
                )
        return outcomes

    def fee(self, instrument: str, quantity: int) -> Decimal:
        """Fees for a fill, USD in cents."""
        each = self.rules.fee_per_contract_usd if is_option(instrument) else self.rules.fee_per_share_usd
        return to_cents(each * quantity)

    def _quote(self, intent: OrderIntent) -> Quote | None:
        if is_option(intent.instrument):
            return self.quotes.get(intent.instrument)
        price = self.prices.get(intent.instrument)
        return None if price is None else Quote(intent.instrument, intent.decided_at, price, price)
