"""Configuration: what each of the three account kinds trades, when, how much and to what end.

Protocol section 2, its table row by row, and the switches that sections 4 and 6 give an account.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import (
    WEEKDAYS,
    ConfigModel,
    Days,
    DeltaPoints,
    Kind,
    Share,
    Ticker,
    Tickers,
    Weekdays,
    refuse,
)

Return = Annotated[float, Field(ge=0, le=1)]


class LegRules(ConfigModel):
    """When an account opens one side, puts or calls, and which contracts it takes. All ends are inclusive."""

    enabled: bool = Field(default=True, description="Whether this side is opened at all")
    delta_low: DeltaPoints = Field(description="Low end of the delta band, points, absolute")
    delta_high: DeltaPoints = Field(description="High end of the delta band, points, absolute")
    dte_low: Days = Field(description="Fewest calendar days to expiry at entry")
    dte_high: Days = Field(description="Most calendar days to expiry at entry")
    to_week_last_expiry: bool = Field(
        default=False,
        description="Only the week's last expiry; the bounds above still hold",
    )
    entry_weekdays: Weekdays = Field(
        description="Weekdays of entry; a holiday moves to the next session of the same week"
    )
    after_assignment_only: bool = Field(default=False, description="Only on shares that came by assignment")
    min_premium_yield: Share = Field(description="Least credit / strike; below it no trade without a person")

    @model_validator(mode="after")
    def _bands_are_possible(self) -> LegRules:
        faults = self.low_above_high("delta", "dte")
        if self.enabled and not self.entry_weekdays:
            allowed = ", ".join(WEEKDAYS)
            faults.append((("entry_weekdays", "enabled"), f"none, though enabled (allowed: {allowed})"))
        refuse(faults)
        return self


class TargetReturns(ConfigModel):
    """What the kind aims at, for reports only. Empty: the protocol names none."""

    weekly_low: Return | None = Field(default=None, description="Low end of the weekly target")
    weekly_high: Return | None = Field(default=None, description="High end of the weekly target")
    monthly_low: Return | None = Field(default=None, description="Low end of the monthly target")
    monthly_high: Return | None = Field(default=None, description="High end of the monthly target")
    monthly_is_after_tax: bool = Field(default=True, description="Whether the monthly target is after tax")

    @model_validator(mode="after")
    def _ranges_are_possible(self) -> TargetReturns:
        refuse(self.low_above_high("weekly", "monthly"))
        return self


class RecoveryCalls(ConfigModel):
    """Calls under the adjusted basis (week type C-REC): the only exception to the basis rule."""

    enabled: bool = Field(default=False, description="Whether calls under the adjusted basis are allowed")
    delta_low: DeltaPoints = Field(default=20, description="Low end of the delta band, points")
    delta_high: DeltaPoints = Field(default=30, description="High end of the delta band, points")

    @model_validator(mode="after")
    def _band_is_possible(self) -> RecoveryCalls:
        refuse(self.low_above_high("delta"))
        return self


class AccountRules(ConfigModel):
    """One account kind. Children made by a fork follow their kind's rules."""

    buffer_share: Share = Field(default=0.05, description="Cash never deployed, share of NAV")
    tickers: Tickers = Field(description="Underlyings that the kind trades")
    ticker_weights: dict[Ticker, float] | None = Field(
        default=None, description="Weight of each ticker, any positive scale; empty: even"
    )
    max_symbol_share: Share = Field(gt=0, description="Most of deployable in one symbol")
    take_profit: bool = Field(default=True, description="Whether profit is taken before expiry")
    take_profit_decay: float = Field(
        default=0.65, ge=0.50, le=0.80, description="Share of the credit decayed at which profit is taken"
    )
    puts: LegRules = Field(description="Cash-secured puts")
    calls: LegRules = Field(description="Covered calls")
    put_free_cash_share: Share = Field(
        default=0, description="Puts only while free cash is over this share of NAV; 0: always"
    )
    puts_while_shares_held: bool = Field(
        default=False, description="Whether puts are sold on a ticker whose shares are held"
    )
    first_share_purchase: bool = Field(
        default=False, description="Buy shares once, as soon as the account may: its cash less the buffer"
    )
    recovery_calls: RecoveryCalls = Field(
        default=RecoveryCalls(), description="Calls under the adjusted basis"
    )
    drawdown_pivot: Share = Field(
        gt=0, description="Unit value this far under its high-water mark: calls only, no new puts"
    )
    targets: TargetReturns = Field(default=TargetReturns(), description="Target returns")
    withdrawals_enabled: bool = Field(default=False, description="Whether income may be withdrawn")
    withdrawals_from_year: int = Field(
        default=3, ge=1, le=50, description="Year of the book from which income may be withdrawn"
    )

    @model_validator(mode="after")
    def _tickers_are_usable(self) -> AccountRules:
        faults: list[tuple[tuple[str, ...], str]] = []
        twice = sorted({t for t in self.tickers if self.tickers.count(t) > 1})
        if twice:
            faults.append((("tickers",), f"{', '.join(twice)} is named twice"))
        if not self.tickers and (self.puts.enabled or self.calls.enabled):
            faults.append((("tickers",), "none, though puts or calls are enabled"))
        weights = self.ticker_weights
        if weights is not None:
            if set(weights) != set(self.tickers):
                names = ", ".join(sorted(set(weights) ^ set(self.tickers)))
                message = f"{names} is not in both: every ticker needs a weight, and only tickers have one"
                faults.append((("ticker_weights", "tickers"), message))
            if any(weight <= 0 for weight in weights.values()):
                faults.append((("ticker_weights",), "every weight must be above 0"))
        refuse(faults)
        return self


def gen_rules() -> AccountRules:
    """Gen-Acc: aggressive weekly premium."""
    return AccountRules(
        tickers=("TSLA", "NVDA"),
        max_symbol_share=0.50,
        puts=LegRules(
            delta_low=40,
            delta_high=50,
            dte_low=0,
            dte_high=1,
            entry_weekdays=("Thu",),
            min_premium_yield=0.015,
        ),
        calls=LegRules(
            delta_low=40,
            delta_high=50,
            dte_low=0,
            dte_high=6,
            to_week_last_expiry=True,
            entry_weekdays=("Mon", "Tue"),
            after_assignment_only=True,
            min_premium_yield=0.015,
        ),
        drawdown_pivot=0.15,
        targets=TargetReturns(weekly_low=0.02, weekly_high=0.02, monthly_low=0.03, monthly_high=0.04),
    )


def rev_rules() -> AccountRules:
    """Rev-Acc: steadier income."""
    leg = LegRules(
        delta_low=30,
        delta_high=40,
        dte_low=2,
        dte_high=7,
        entry_weekdays=("Mon", "Tue", "Wed"),
        min_premium_yield=0.010,
    )
    return AccountRules(
        tickers=("AAPL", "MSFT", "AMZN", "GOOG"),
        max_symbol_share=0.30,
        puts=leg,
        calls=leg,
        drawdown_pivot=0.10,
        targets=TargetReturns(weekly_low=0.01, weekly_high=0.02, monthly_low=0.02, monthly_high=0.03),
    )


def com_rules() -> AccountRules:
    """Com-Acc: compounding, no withdrawals. It holds shares from the start and writes calls on them."""
    return AccountRules(
        tickers=("AAPL", "MSFT", "AMZN", "GOOG", "NVDA", "TSLA", "META"),
        max_symbol_share=0.30,
        puts=LegRules(
            delta_low=20,
            delta_high=30,
            dte_low=3,
            dte_high=7,
            entry_weekdays=("Mon",),
            min_premium_yield=0.004,
        ),
        calls=LegRules(
            delta_low=20,
            delta_high=25,
            dte_low=3,
            dte_high=7,
            entry_weekdays=("Mon",),
            min_premium_yield=0.004,
        ),
        put_free_cash_share=0.20,
        puts_while_shares_held=True,
        first_share_purchase=True,
        drawdown_pivot=0.07,
        targets=TargetReturns(monthly_low=0.015, monthly_high=0.02, monthly_is_after_tax=False),
    )


class Accounts(ConfigModel):
    """The rules of the three kinds."""

    gen: AccountRules = Field(default_factory=gen_rules, description="Gen-Acc: aggressive weekly premium")
    rev: AccountRules = Field(default_factory=rev_rules, description="Rev-Acc: steadier income")
    com: AccountRules = Field(default_factory=com_rules, description="Com-Acc: compounding")

    def of(self, kind: Kind) -> AccountRules:
        """The rules of one kind."""
        rules: AccountRules = getattr(self, kind)
        return rules
