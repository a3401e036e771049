"""The whole typed configuration in one tree: every number and switch that the protocol names.

The defaults are the protocol's own; no other module repeats one. ``config_manager`` reads a tree from
its layers, the ``model_*`` modules beside this one state its parts.
"""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_accounts import Accounts
from alluse_assets.base.config.model_book import BookConfig, LiveRules
from alluse_assets.base.config.model_capital import ForkRules, LeapsRules, MergeRules, ReinvestRules
from alluse_assets.base.config.model_entry import EntryRules, WeekEndRules
from alluse_assets.base.config.model_execution import ExecutionRules, GateLimits, PaperBroker
from alluse_assets.base.config.model_fields import KINDS, ConfigModel, Usd, refuse
from alluse_assets.base.config.model_market import MarketConfig, MarketModeRules, WeekTypeRules
from alluse_assets.base.config.model_people import AlertRules, ApprovalRules, NotifyRules, ReportRules
from alluse_assets.base.config.model_protection import (
    CircuitBreakerRules,
    DrawdownRules,
    ProtectionRules,
    RollRules,
)


class ProtocolConfig(ConfigModel):
    """What one book runs on. Frozen: a changed value is a new configuration version."""

    market: MarketConfig = Field(default=MarketConfig(), description="Which market is read")
    book: BookConfig = Field(default=BookConfig(), description="The lump sum and its split")
    live: LiveRules = Field(default=LiveRules(), description="When a live or paper book walks its steps")
    accounts: Accounts = Field(default=Accounts(), description="The three account kinds")
    entry: EntryRules = Field(default=EntryRules(), description="The entry screen and its windows")
    week_end: WeekEndRules = Field(default=WeekEndRules(), description="The last session of the week")
    market_mode: MarketModeRules = Field(default=MarketModeRules(), description="Green, Red or Chop")
    week_types: WeekTypeRules = Field(default=WeekTypeRules(), description="Edges between week types")
    settlement_days: int = Field(
        default=1, ge=0, le=5, description="Sessions until proceeds of a call-away or a sale count"
    )
    assignment_threshold_usd: Usd = Field(
        default=Decimal("0.01"),
        description="In the money by at least this at expiry is exercised, USD per share",
    )
    multiplier: int = Field(default=100, ge=1, le=10_000, description="Shares per standard option contract")
    protection: ProtectionRules = Field(default=ProtectionRules(), description="ATR levels")
    rolls: RollRules = Field(default=RollRules(), description="Rolls")
    drawdown: DrawdownRules = Field(default=DrawdownRules(), description="After a drawdown")
    circuit_breakers: CircuitBreakerRules = Field(default=CircuitBreakerRules(), description="VIX tiers")
    fork: ForkRules = Field(default=ForkRules(), description="Forks")
    merge: MergeRules = Field(default=MergeRules(), description="Merges")
    reinvest: ReinvestRules = Field(default=ReinvestRules(), description="Reinvestment")
    leaps: LeapsRules = Field(default=LeapsRules(), description="Long calls")
    approvals: ApprovalRules = Field(default=ApprovalRules(), description="What a person is asked")
    alerts: AlertRules = Field(default=AlertRules(), description="What a person is told")
    notify: NotifyRules = Field(default=NotifyRules(), description="How alerts reach people")
    reports: ReportRules = Field(default=ReportRules(), description="What reports compare")
    execution: ExecutionRules = Field(default=ExecutionRules(), description="How orders are worked")
    gate: GateLimits = Field(default=GateLimits(), description="Limits of the pre-trade gate")
    paper: PaperBroker = Field(default=PaperBroker(), description="The paper broker's fill model")

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Symbols whose options may be traded, sorted: the tickers, and the index where an action hedges."""
        tickers = {ticker for kind in KINDS for ticker in self.accounts.of(kind).tickers}
        hedge = {self.protection.hedge.underlying} if self.protection.actions.names("hedge") else set()
        return tuple(sorted(tickers | hedge))

    @property
    def hedges(self) -> bool:
        """Whether a level's actions can buy index puts."""
        return self.protection.enabled and self.protection.actions.names("hedge")

    @model_validator(mode="after")
    def _hedge_settles_in_cash(self) -> ProtocolConfig:
        index = self.protection.hedge.underlying
        unknown = self.hedges and index not in self.market.index_options
        message = f"{index} is no index of market.index_options: its puts would be exercised into shares"
        fields = ("protection.hedge.underlying", "protection.actions", "market.index_options")
        refuse([(fields, message)] if unknown else [])
        return self

    @model_validator(mode="after")
    def _pivots_can_end(self) -> ProtocolConfig:
        within, faults = self.drawdown.within_share_of_mark, []
        for kind in KINDS if self.drawdown.pivot_enabled else ():
            pivot = self.accounts.of(kind).drawdown_pivot
            if pivot <= within:
                fields = (f"accounts.{kind}.drawdown_pivot", "drawdown.within_share_of_mark")
                message = f"{pivot:g} is not over {fields[1]} {within:g}: the pivot would end as it begins"
                faults.append((fields, message))
        refuse(faults)
        return self
