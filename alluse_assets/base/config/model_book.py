"""Configuration: the lump sum, its split over the three account kinds, a replay's span, live steps.

Protocol sections 1 and 2.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import ConfigModel, Share, Usd, refuse


class Split(ConfigModel):
    """Shares of an amount by account kind. They add up to 1."""

    gen: Share = Field(description="Share of the Gen-Acc")
    rev: Share = Field(description="Share of the Rev-Acc")
    com: Share = Field(description="Share of the Com-Acc")

    @model_validator(mode="after")
    def _adds_up(self) -> Split:
        total = round(self.gen + self.rev + self.com, 9)
        message = f"{self.gen:g} + rev {self.rev:g} + com {self.com:g} is {total:g}, not 1"
        refuse([(("gen", "rev", "com"), message)] if total != 1 else [])
        return self


class LiveRules(ConfigModel):
    """When the steps of a live or paper book are walked, beside ``protection.monitoring_minutes``."""

    first_look_minutes: int = Field(
        default=5, ge=0, le=120, description="Minutes after the open before the first look at a session"
    )
    close_after_minutes: int = Field(
        default=30,
        ge=0,
        le=720,
        description="Minutes after the close before a session is closed; its bars must be there by then",
    )


class BookConfig(ConfigModel):
    """One lump sum. Added funds are split as the lump sum is."""

    lump_sum_usd: Usd = Field(
        default=Decimal(1_000_000), ge=100_000, le=10_000_000, description="The lump sum, USD"
    )
    split: Split = Field(default=Split(gen=0.40, rev=0.30, com=0.30), description="Shares of the lump sum")
    replay_start: date | None = Field(default=None, description="First session of a replay, YYYY-MM-DD")
    replay_end: date | None = Field(default=None, description="Last session of a replay, YYYY-MM-DD")
    one_broker_account_each: bool = Field(
        default=False, description="Each account has its own broker account, instead of a sub-ledger of one"
    )

    @model_validator(mode="after")
    def _replay_runs_forward(self) -> BookConfig:
        if self.replay_start and self.replay_end and self.replay_start > self.replay_end:
            message = f"{self.replay_start} is after replay_end {self.replay_end}"
            refuse([(("replay_start", "replay_end"), message)])
        return self
