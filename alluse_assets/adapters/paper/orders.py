"""The paper broker of one step: fills against the step's quotes and settles what expires.

A limit order fills at the fill model's price when the limit allows it, as far as the contract's volume
lets it; the rest works until the session ends. Shares trade at their price at that time, which has no
spread. Options at least a cent in the money at expiry are exercised against us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from alluse_assets.base.config.model_execution import PaperBroker as PaperRules
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.instruments import is_option
from alluse_assets.base.money import to_cents
from alluse_assets.execution.broker import BrokerReport, OptionOutcome
from alluse_assets.execution.fill_model import fill_price, fillable
from alluse_assets.execution.lifecycle import OrderStep
from alluse_assets.execution.order import OrderIntent, is_one_order
from alluse_assets.ledger.account_state import OpenOption, ShortOption
from alluse_assets.ledger.book_state import BookState
from alluse_assets.market_data.quote import Quote
from alluse_assets.option_chains.marks import intrinsic
from alluse_assets.strategies.market import SessionMarket


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
    taken: dict[str, int] = field(default_factory=dict)
    """Contracts of each series that this session's orders have had of its volume."""

    @property
    def authority(self) -> str:
        """The actor of its reports."""
        return "broker:paper"

    def submit(self, intent: OrderIntent) -> list[BrokerReport]:
        """Accept, and fill what the quote gives."""
        able = self._able(intent)
        if able is None:
            text = f"no quote for {intent.instrument} at {intent.decided_at}"
            return [BrokerReport(intent.intent_id, OrderStep.REJECT, intent.decided_at, text=text)]
        return self._reports(intent, *able)

    @property
    def takes_combined(self) -> bool:
        """As configured."""
        return self.rules.combined_rolls

    def submit_combined(self, legs: Sequence[OrderIntent]) -> list[BrokerReport]:
        """Fill both legs in equal numbers, as many as each leg's quote and volume give; the rest works."""
        able = [self._able(leg) for leg in legs]
        missing = [leg.instrument for leg, one in zip(legs, able, strict=True) if one is None]
        if missing:
            text = f"no quote for {missing[0]} at {legs[0].decided_at}"
            return [BrokerReport(leg.intent_id, OrderStep.REJECT, leg.decided_at, text=text) for leg in legs]
        both = min(one[1] for one in able if one is not None)
        reports = []
        for leg, one in zip(legs, able, strict=True):
            assert one is not None
            reports += self._reports(leg, one[0], both)
        return reports

    def _able(self, intent: OrderIntent) -> tuple[Decimal, int] | None:
        """The price that an order gets now, and how many; None without a quote."""
        quote = self._quote(intent)
        if quote is None:
            return None
        selling = intent.action.is_sell
        gives = fill_price(quote, selling, self.rules.price_improvement_share)
        tradable = gives > 0 and (gives >= intent.limit_price if selling else gives <= intent.limit_price)
        taken = self.taken.get(intent.instrument, 0)
        there = fillable(taken + intent.quantity, quote.volume, self.rules.volume_participation) - taken
        return gives, max(0, there) if tradable else 0

    def _reports(self, intent: OrderIntent, price: Decimal, filled: int) -> list[BrokerReport]:
        at, order_id = intent.decided_at, f"paper/{intent.intent_id}"
        reports = [BrokerReport(intent.intent_id, OrderStep.ACCEPT, at, order_id)]
        if filled:
            self.taken[intent.instrument] = self.taken.get(intent.instrument, 0) + filled
            step = OrderStep.FILL if filled == intent.quantity else OrderStep.FILL_PART
            execution = f"{intent.intent_id}/1"
            fee = self.fee(intent.instrument, filled)
            reports.append(BrokerReport(intent.intent_id, step, at, order_id, filled, price, fee, execution))
        return reports

    def early_assignments(
        self,
        shorts: Mapping[str, Sequence[ShortOption]],
        closes: Mapping[str, Decimal],
        next_dividends: Mapping[str, Decimal],
    ) -> list[OptionOutcome]:
        """Calls whose time value is under the next session's dividend, puts that nobody bids more for than
        exercising brings: a holder gains by exercising them, so they are assigned. American options only. A
        quote is compared with the share's price of its own time, not with a close that came after it."""
        if not self.rules.early_assignment:
            return []
        outcomes = []
        for account, options in sorted(shorts.items()):
            for short in sorted(options, key=lambda s: s.contract.symbol):
                name, close = short.contract.symbol, closes.get(short.underlying)
                quote = self.quotes.get(name)
                if close is None or quote is None or self.settles_in_cash(short.underlying):
                    continue
                if intrinsic(short.contract, close) < self.assignment_threshold:
                    continue
                spot = self.prices.get(short.underlying, close)
                if quote.at < self.closes_at and quote.spot is not None:
                    spot = quote.spot
                value = intrinsic(short.contract, spot)
                if short.contract.right == "C":
                    exercised = quote.ask - value < next_dividends.get(short.underlying, Decimal(0))
                else:
                    exercised = quote.bid <= value
                if exercised:
                    outcomes.append(
                        OptionOutcome(account, name, "assigned", short.contracts, close, early=True)
                    )
        return outcomes

    def poll(self, working: Sequence[tuple[OrderIntent, int]], at: datetime) -> list[BrokerReport]:
        """Fill what the quotes of ``at`` give of orders that work."""
        reports = []
        for orders in _as_sent(working):
            able = [self._able(replace(intent, quantity=left, decided_at=at)) for intent, left in orders]
            filled = min(0 if one is None else one[1] for one in able)
            if not filled:
                continue
            for (intent, left), one in zip(orders, able, strict=True):
                assert one is not None
                self.taken[intent.instrument] = self.taken.get(intent.instrument, 0) + filled
                step = OrderStep.FILL if filled == left else OrderStep.FILL_PART
                execution = f"{intent.intent_id}/{intent.quantity - left + 1}"
                fee, order_id = self.fee(intent.instrument, filled), f"paper/{intent.intent_id}"
                reports.append(
                    BrokerReport(intent.intent_id, step, at, order_id, filled, one[0], fee, execution)
                )
        return reports

    def cancel(self, intent: OrderIntent, at: datetime) -> list[BrokerReport]:
        """Done at once."""
        return [BrokerReport(intent.intent_id, OrderStep.CANCEL, at, f"paper/{intent.intent_id}")]

    def end_session(self, working: Sequence[OrderIntent]) -> list[BrokerReport]:
        """Day orders that still work expire."""
        return [
            BrokerReport(one.intent_id, OrderStep.EXPIRE, self.closes_at, f"paper/{one.intent_id}")
            for one in working
        ]

    def expiries(
        self,
        through: date,
        options: Mapping[str, Sequence[OpenOption]],
        settlement_prices: Mapping[str, Decimal],
    ) -> list[OptionOutcome]:
        """In the money by the threshold is exercised, the rest expires."""
        outcomes = []
        for account, held in sorted(options.items()):
            for option in sorted(held, key=lambda one: one.contract.symbol):
                settlement = settlement_prices.get(option.underlying)
                # Without a price nobody can say how it ended: the first close that comes does.
                if option.contract.expiry > through or settlement is None:
                    continue
                exercised = intrinsic(option.contract, settlement) >= self.assignment_threshold
                cash = self.settles_in_cash(option.underlying)
                outcomes.append(
                    OptionOutcome(
                        account,
                        option.contract.symbol,
                        ("cash_settled" if cash else "assigned") if exercised else "expired",
                        option.contracts,
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


def _as_sent(working: Sequence[tuple[OrderIntent, int]]) -> list[list[tuple[OrderIntent, int]]]:
    """The orders as they were sent: the legs of a combined order together, any other alone."""
    sent: list[list[tuple[OrderIntent, int]]] = []
    for order in working:
        other = next((one for one in sent if is_one_order(one[0][0], order[0])), None)
        if other is None:
            sent.append([order])
        else:
            other.append(order)
    return sent


def paper_broker(state: BookState, market: SessionMarket, config: ProtocolConfig) -> PaperBroker:
    """The broker of a book for one step; what the session's orders had before stays theirs."""
    return PaperBroker(
        config.paper,
        market.quotes,
        market.prices,
        max(market.now, market.closes_at),
        config.assignment_threshold_usd,
        lambda symbol: symbol in config.market.index_options,
        dict(state.filled_of_session),
    )
