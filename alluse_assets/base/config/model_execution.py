"""Configuration: how an order's price walks, what the gate limits, how the paper broker fills.

The execution specification; the gate's clauses follow the controls of SEC Rule 15c3-5.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from alluse_assets.base.config.model_fields import ConfigModel, Seconds, Share, Tickers, Usd

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class ExecutionRules(ConfigModel):
    """Prices, ticks, and what is done about an answer that does not come."""

    walk_steps: int = Field(default=4, ge=1, le=100, description="Steps from mid to the worst price")
    walk_step_seconds: Seconds = Field(default=15, description="Seconds that a step's price rests")
    entry_worst_share_of_mid: Share = Field(
        default=0.05, description="Worst entry price, share of mid away; the largest of these three counts"
    )
    entry_worst_ticks: int = Field(default=1, ge=0, le=100, description="Worst entry price, ticks away")
    entry_worst_share_of_spread: Share = Field(
        default=0.5, description="Worst entry price, share of the spread away"
    )
    close_ticks_past_far_side: int = Field(
        default=2, ge=0, le=100, description="A level-3 close may pay the far side plus this many ticks"
    )
    tick_low_usd: Usd = Field(default=Decimal("0.01"), gt=0, description="Tick below the boundary, USD")
    tick_high_usd: Usd = Field(default=Decimal("0.05"), gt=0, description="Tick from the boundary on, USD")
    tick_boundary_usd: Usd = Field(default=Decimal(3), description="Premium at which the tick changes, USD")
    request_timeout_seconds: Seconds = Field(
        default=10, gt=0, description="A broker that has not answered by then leaves the order UNKNOWN"
    )
    unknown_query_delay_seconds: Seconds = Field(
        default=2, description="Seconds before the broker is asked about an UNKNOWN order"
    )
    unknown_not_found_delay_seconds: Seconds = Field(
        default=60, gt=0, description="Seconds between two answers of not found before they count"
    )
    unknown_not_found_answers: int = Field(
        default=2, ge=2, le=10, description="Answers of not found that end UNKNOWN as CANCELED"
    )
    client_order_id_length: int = Field(
        default=48, ge=24, le=48, description="Longest client order id, characters"
    )
    average_price_tolerance_share: Share = Field(
        default=0.0001, description="Largest difference of an average price that still reconciles"
    )


class GateLimits(ConfigModel):
    """Limits of the pre-trade gate, for the whole book. At the limit passes, beyond is refused."""

    max_contracts_per_order: Count = Field(default=2_000, description="Largest order, contracts")
    max_shares_per_order: Count = Field(default=200_000, description="Largest order, shares")
    max_order_notional_usd: Usd = Field(
        default=Decimal(5_000_000),
        gt=0,
        description="Largest order, USD: strike or price x quantity x multiplier",
    )
    price_collar_share_of_mid: Share = Field(
        default=0.25, description="Furthest limit price from mid, share of mid; or the next, if larger"
    )
    price_collar_usd: Usd = Field(
        default=Decimal("0.25"), description="Furthest limit price from mid, USD per share"
    )
    max_orders: Count = Field(default=60, description="Most orders within the rate's period")
    max_orders_period_seconds: Seconds = Field(default=60, gt=0, description="The rate's period, seconds")
    max_contracts_per_symbol: Count = Field(
        default=5_000, description="Most open contracts in one underlying, over the book"
    )
    max_symbol_share_of_book: Share = Field(
        default=0.60, gt=0, description="Most of the book's NAV in one symbol: shares plus collateral of puts"
    )
    restricted_symbols: Tickers = Field(default=(), description="Symbols that are never ordered")
    option_approval_level: int = Field(
        default=2,
        ge=0,
        le=4,
        description="Level granted by the broker: 1 covered and cash-secured, 2 long options",
    )


class PaperBroker(ConfigModel):
    """The deterministic fill model of the paper broker. The same seed gives the same fills."""

    fee_per_contract_usd: Usd = Field(default=Decimal("0.65"), description="Fee, USD per contract")
    fee_per_share_usd: Usd = Field(default=Decimal(0), description="Fee, USD per share")
    volume_participation: Share = Field(
        default=0.10,
        gt=0,
        description="Most of a contract's volume that fills, where known; the rest is partial",
    )
    price_improvement_share: Share = Field(
        default=0, description="Fill better than the near side by this share of half the spread"
    )
    dividend_pay_sessions: int = Field(
        default=15, ge=0, le=120, description="Sessions from ex-date to payment; sources do not say"
    )
    combined_rolls: bool = Field(
        default=True, description="Takes a roll as one order; else it is legged: close, confirm, sell"
    )
    early_assignment: bool = Field(
        default=True,
        description="Early: calls with time value under the dividend, puts with bid at most intrinsic",
    )
    seed: int = Field(default=20110103, ge=0, description="Seed of whatever the fill model draws")
