"""Configuration: the entry screen, its windows, and what is managed before the week's last close.

Protocol sections 2 and 3.
"""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import Clock, ConfigModel, Minutes, Seconds, Share, Usd, refuse


class EntryRules(ConfigModel):
    """What a candidate must pass. The delta band and the floor are the account kind's."""

    window_start: Clock = Field(default=time(10, 0), description="Start of the entry window, New York")
    window_end: Clock = Field(default=time(11, 0), description="End of the entry window, New York")
    early_close_window_start: Clock = Field(
        default=time(9, 45), description="Start of the entry window on an early-close session"
    )
    quote_max_age_seconds: Seconds = Field(default=30, description="Oldest quote taken as fresh, live")
    max_spread_share_of_mid: Share = Field(
        default=0.10, description="Widest spread, share of mid; or the next"
    )
    max_spread_usd: Usd = Field(
        default=Decimal("0.05"), description="Spread that always passes, USD per share"
    )
    min_open_interest: Annotated[int, Field(ge=0)] = Field(
        default=500, description="Least open interest, contracts, where known"
    )
    max_order_share_of_volume: Share = Field(
        default=0.10, gt=0, description="Largest order, share of the contract's volume, where known"
    )
    earnings_unknown: Literal["refuse", "allow"] = Field(
        default="refuse", description="What a symbol without a known earnings calendar gets"
    )
    days_after_earnings: Annotated[int, Field(ge=0, le=120)] = Field(
        default=60, description="Calendar days after a report in which no next one is expected"
    )
    first_contract_over_cap: bool = Field(
        default=True, description="If split and caps allow nothing, one contract of the best candidate may"
    )
    max_entries_per_week: int = Field(
        default=1, ge=1, le=50, description="New entries per account, ticker and trading week"
    )

    @property
    def window(self) -> tuple[time, time, time]:
        """Start, end, and the start on an early close: as the calendar asks for them."""
        return self.window_start, self.window_end, self.early_close_window_start

    @model_validator(mode="after")
    def _windows_open_before_they_close(self) -> EntryRules:
        refuse(
            [
                (
                    (name, "window_end"),
                    f"{getattr(self, name):%H:%M} is not before window_end {self.window_end:%H:%M}",
                )
                for name in ("window_start", "early_close_window_start")
                if getattr(self, name) >= self.window_end
            ]
        )
        return self


class WeekEndRules(ConfigModel):
    """The last session of the week."""

    near_strike: Literal["close", "keep"] = Field(
        default="close",
        description="What is done with a short option near its strike: bought back, or left to its expiry",
    )
    manage_minutes_before_close: Minutes = Field(
        default=90,
        description="Minutes before the week's last close from which what is near the strike is managed",
    )
    near_strike_share: Share = Field(
        default=0.01, description="How near is near: |underlying / strike - 1|; the protocol names no number"
    )
