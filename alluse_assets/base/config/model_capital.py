"""Configuration: forks, merges, reinvestment and LEAPS: how money moves inside a book.

Protocol section 6.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_book import Split
from alluse_assets.base.config.model_fields import AsTuple, ConfigModel, Days, DeltaPoints, Share, Usd, refuse

Months = Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], AsTuple]


class ForkRule(ConfigModel):
    """When an account of one kind forks, and into what."""

    enabled: bool = Field(default=True, description="Whether accounts of this kind fork")
    surplus_usd: Usd = Field(
        gt=0, description="Post-tax surplus that triggers a fork, and leaves as cash, USD"
    )
    child_split: Split = Field(description="How the cash is split over the child accounts")
    group_merges: bool = Field(description="Whether the fork group merges into the root Com-Acc by rule")


class ForkRules(ConfigModel):
    """Forks by kind; a Com-Acc never forks."""

    gen: ForkRule = Field(
        default=ForkRule(
            surplus_usd=Decimal(50_000), child_split=Split(gen=0.5, rev=0, com=0.5), group_merges=True
        ),
        description="Gen-Acc",
    )
    rev: ForkRule = Field(
        default=ForkRule(
            surplus_usd=Decimal(500_000), child_split=Split(gen=0.4, rev=0.3, com=0.3), group_merges=False
        ),
        description="Rev-Acc",
    )


class MergeRules(ConfigModel):
    """When a fork group becomes part of the root Com-Acc."""

    enabled: bool = Field(default=True, description="Whether fork groups merge")
    group_nav_usd: Usd = Field(
        default=Decimal(500_000), gt=0, description="NAV of a fork group that merges, USD"
    )
    shares: Literal["sell", "move"] = Field(
        default="sell", description="Shares are sold, or moved in kind with lots and holding periods"
    )


class RevReinvestment(ConfigModel):
    """Where a Rev-Acc's amount goes."""

    contracts_share: Share = Field(default=0.75, description="Share that stays for more contracts")
    contracts_share_buys: Literal["contracts", "shares"] = Field(
        default="contracts", description="Whether that share stays for contracts or buys shares"
    )
    leaps_share: Share = Field(default=0.25, description="Share for LEAPS calls")

    @model_validator(mode="after")
    def _adds_up(self) -> RevReinvestment:
        total = round(self.contracts_share + self.leaps_share, 9)
        message = f"{self.contracts_share:g} + leaps_share {self.leaps_share:g} is {total:g}, over 1"
        refuse([(("contracts_share", "leaps_share"), message)] if total > 1 else [])
        return self


class ComReinvestment(ConfigModel):
    """Where a Com-Acc's amount goes; the rest carries over."""

    shares_share: Share = Field(default=0.75, description="Share for shares, furthest under weight first")
    leaps_share: Share = Field(default=0.25, description="Share for LEAPS calls")

    @model_validator(mode="after")
    def _adds_up(self) -> ComReinvestment:
        total = round(self.shares_share + self.leaps_share, 9)
        message = f"{self.shares_share:g} + leaps_share {self.leaps_share:g} is {total:g}, over 1"
        refuse([(("shares_share", "leaps_share"), message)] if total > 1 else [])
        return self


class ReinvestRules(ConfigModel):
    """Gen-Acc reinvests weekly by keeping its premium; the others in the first session of these months."""

    months: Months = Field(default=(1, 4, 7, 10), description="Months whose first session reinvests, 1 to 12")
    basis: Literal["post_tax", "pre_tax"] = Field(
        default="post_tax", description="Which income is reinvested"
    )
    share_lot: int = Field(default=100, ge=1, le=10_000, description="Shares are bought in lots of this size")
    rev: RevReinvestment = Field(default=RevReinvestment(), description="Rev-Acc")
    com: ComReinvestment = Field(default=ComReinvestment(), description="Com-Acc")


class LeapsRules(ConfigModel):
    """Long calls bought with reinvested income."""

    dte_low: Days = Field(default=365, description="Fewest calendar days to expiry at purchase")
    dte_high: Days = Field(default=730, description="Most calendar days to expiry at purchase")
    delta_low: DeltaPoints = Field(default=70, description="Low end of the delta band, points")
    delta_high: DeltaPoints = Field(default=80, description="High end of the delta band, points")
    min_open_interest: Annotated[int, Field(ge=0)] = Field(
        default=100, description="Least open interest, contracts, where known"
    )
    roll_under_dte: Days = Field(default=90, description="Rolled forward under this many calendar days")

    @model_validator(mode="after")
    def _bands_are_possible(self) -> LeapsRules:
        faults = self.low_above_high("dte", "delta")
        if self.roll_under_dte >= self.dte_low:
            message = f"{self.roll_under_dte} is not under dte_low {self.dte_low}: it would roll when bought"
            faults.append((("roll_under_dte", "dte_low"), message))
        refuse(faults)
        return self
