"""Configuration: the four ATR levels, rolls, drawdown and the VIX circuit breakers.

Protocol section 4.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import (
    AsTuple,
    AtrMultiple,
    ConfigModel,
    DeltaPoints,
    Kind,
    Minutes,
    Share,
    Ticker,
    VixPoints,
    refuse,
)

Action = Literal[
    "alert_medium",
    "alert_high",
    "alert_critical",
    "faster_monitoring",
    "halve_new_entries",
    "prepare_roll",
    "roll",
    "hedge",
    "refuse_new_entries",
    "refuse_new_puts",
    "close",
    "account_safe",
    "keep",
    "ask_person",
]
Actions = Annotated[tuple[Action, ...], AsTuple]


class PutActions(ConfigModel):
    """What a short put's level does. An empty list switches the level's actions off."""

    level_1: Actions = Field(
        default=("alert_medium", "faster_monitoring", "halve_new_entries", "prepare_roll"),
        description="Actions at level 1, enhanced",
    )
    level_2: Actions = Field(
        default=("alert_high", "roll", "refuse_new_entries"), description="Actions at level 2, recovery"
    )
    level_3: Actions = Field(
        default=("alert_critical", "close", "account_safe", "refuse_new_entries"),
        description="Actions at level 3, preservation",
    )


class CallActions(ConfigModel):
    """What a covered call's level does. A roll stays within the basis rule."""

    level_1: Actions = Field(
        default=("alert_medium",),
        description="Actions at level 1, enhanced",
    )
    level_2: Actions = Field(
        default=("alert_high", "roll", "refuse_new_entries"), description="Actions at level 2, recovery"
    )
    level_3: Actions = Field(
        default=("alert_critical", "keep", "refuse_new_entries", "refuse_new_puts", "ask_person"),
        description="Actions at level 3, preservation",
    )


class KindActions(ConfigModel):
    """The action table of one account kind."""

    puts: PutActions = Field(default=PutActions(), description="Short puts")
    calls: CallActions = Field(default=CallActions(), description="Covered calls")


class ActionTable(ConfigModel):
    """Actions by account kind: each can be changed or switched off for one kind alone."""

    gen: KindActions = Field(default=KindActions(), description="Gen-Acc")
    rev: KindActions = Field(default=KindActions(), description="Rev-Acc")
    com: KindActions = Field(default=KindActions(), description="Com-Acc")

    def of(self, kind: Kind) -> KindActions:
        """The table of one kind."""
        table: KindActions = getattr(self, kind)
        return table

    def names(self, action: Action) -> bool:
        """Whether any level of any kind has the action."""
        sides = [side for kind in (self.gen, self.rev, self.com) for side in (kind.puts, kind.calls)]
        return any(action in (*side.level_1, *side.level_2, *side.level_3) for side in sides)


class MonitoringMinutes(ConfigModel):
    """Minutes between two looks at an open option, live; the protocol leaves them to be set."""

    level_0: Minutes = Field(default=15, description="Minutes at level 0")
    level_1: Minutes = Field(default=5, description="Minutes at level 1")
    level_2: Minutes = Field(default=1, description="Minutes at level 2")
    level_3: Minutes = Field(default=1, description="Minutes at level 3")


class Hedge(ConfigModel):
    """Index puts bought at a level whose actions name ``hedge``, sold when nothing is at one any more.

    The protocol names the index puts and the money; which of them is ours to say.
    """

    underlying: Ticker = Field(default="SPX", description="Index whose puts are bought")
    share_of_nav: Share = Field(default=0.01, description="Premium spent, share of NAV")
    delta_low: DeltaPoints = Field(default=10, description="Lowest delta of the puts, points")
    delta_high: DeltaPoints = Field(default=25, description="Highest delta of the puts, points")
    dte_low: int = Field(default=20, ge=0, le=730, description="Fewest calendar days to expiry")
    dte_high: int = Field(default=60, ge=0, le=730, description="Most calendar days to expiry")

    @model_validator(mode="after")
    def _ranges_are_possible(self) -> Hedge:
        refuse([*self.low_above_high("delta"), *self.low_above_high("dte")])
        return self


class Triggers(ConfigModel):
    """Further triggers of the next level, beside the adverse move. Off by default."""

    iv_rise_enabled: bool = Field(default=False, description="Whether a rise of implied volatility triggers")
    iv_rise_share: float = Field(
        default=0.5, gt=0, le=10, description="Rise since entry, share of entry's IV"
    )
    delta_enabled: bool = Field(default=False, description="Whether a high delta triggers")
    delta_over: DeltaPoints = Field(default=75, description="Absolute delta, points, over which it triggers")
    trailing_stop_enabled: bool = Field(default=False, description="Whether a trailing stop triggers")
    trailing_stop_atr: AtrMultiple = Field(
        default=2,
        description="Adverse move from the best price since entry, ATRs; the protocol names no number",
    )


class ProtectionRules(ConfigModel):
    """Levels by adverse move in ATRs of the chain's first entry, puts and covered calls alike."""

    enabled: bool = Field(default=True, description="Whether levels are kept and act at all")
    level_1_atr: AtrMultiple = Field(default=1, description="Adverse move of level 1, ATRs")
    level_2_atr: AtrMultiple = Field(default=2, description="Adverse move of level 2, ATRs")
    level_3_atr: AtrMultiple = Field(default=3, description="Adverse move of level 3, ATRs")
    hysteresis_atr: float = Field(
        default=0.25, ge=0, le=5, description="A level is left only this far under its edge, ATRs"
    )
    cool_off_sessions: int = Field(
        default=5, ge=0, le=250, description="Sessions after a level-3 close, a pivot or a deep drawdown"
    )
    reanchor_by: Literal["rule", "person"] = Field(
        default="rule", description="Who lifts the level after the cool-off re-anchored it"
    )
    new_entry_size_share: Share = Field(
        default=0.5, description="Size of new entries where an action says halve_new_entries"
    )
    monitoring_minutes: MonitoringMinutes = Field(default=MonitoringMinutes(), description="Minutes by level")
    actions: ActionTable = Field(default=ActionTable(), description="Actions by account kind, side and level")
    hedge: Hedge = Field(default=Hedge(), description="Index puts")
    triggers: Triggers = Field(default=Triggers(), description="Further triggers")

    @model_validator(mode="after")
    def _levels_ascend(self) -> ProtectionRules:
        faults: list[tuple[tuple[str, ...], str]] = []
        edges = (self.level_1_atr, self.level_2_atr, self.level_3_atr)
        for number, (low, high) in enumerate(pairwise(edges), start=1):
            if low >= high:
                fields = (f"level_{number}_atr", f"level_{number + 1}_atr")
                faults.append((fields, f"{low:g} is not under {fields[1]} {high:g}"))
        if self.hysteresis_atr >= self.level_1_atr:
            message = f"{self.hysteresis_atr:g} is not under level_1_atr {self.level_1_atr:g}"
            faults.append((("hysteresis_atr", "level_1_atr"), f"{message}: level 1 could never be left"))
        refuse(faults)
        return self


class RollRules(ConfigModel):
    """Rolls. A put is never rolled up, a call never under the adjusted basis: rules, not settings."""

    enabled: bool = Field(default=True, description="Whether anything is rolled")
    at_level: int = Field(default=2, ge=1, le=3, description="The only level at which a roll happens")
    weeks_out_low: int = Field(default=1, ge=1, le=8, description="Fewest weeks that a roll goes out")
    weeks_out_high: int = Field(default=2, ge=1, le=8, description="Most weeks that a roll goes out")
    max_debit_share_of_credit: Share = Field(
        default=0.50, description="Dearest roll, share of the chain's credit; dearer: hold to assignment"
    )
    dividend_risk: Literal["close", "roll", "off"] = Field(
        default="close",
        description="What happens to an in-the-money call whose time value is under the dividend",
    )
    dividend_risk_sessions: int = Field(
        default=1, ge=1, le=5, description="Sessions before the ex-date at which dividend risk is judged"
    )

    @model_validator(mode="after")
    def _range_is_possible(self) -> RollRules:
        refuse(self.low_above_high("weeks_out"))
        return self


class DrawdownRules(ConfigModel):
    """After a drawdown pivot (its depth is the account kind's) or a deep drawdown (week_types)."""

    pivot_enabled: bool = Field(default=True, description="Whether a drawdown stops new puts")
    deep_enabled: bool = Field(default=True, description="Whether a deep drawdown stops new puts")
    within_share_of_mark: Share = Field(
        default=0.05, description="The pivot ends within this share of the high-water mark"
    )
    resume_put_size_share: Share = Field(
        default=0.5, description="Size of puts that resume after the cool-off, when there are no shares"
    )
    resume_needs_approval: bool = Field(default=True, description="Whether a person approves that")
    deep_buffer_multiple: float = Field(
        default=2, ge=1, le=20, description="The cash buffer is multiplied by this after a deep drawdown"
    )


class CircuitBreakerRules(ConfigModel):
    """Tiers on the volatility index."""

    enabled: bool = Field(default=True, description="Whether the volatility index stops anything")
    half_over_vix: VixPoints = Field(default=50, description="Over this only a share of deployable is used")
    half_deployable_share: Share = Field(default=0.5, description="That share")
    safe_over_vix: VixPoints = Field(default=65, description="Over this every account is SAFE")
    close_only_over_vix: VixPoints = Field(default=80, description="Over this every account is CLOSE_ONLY")
    leave_points: float = Field(
        default=2, ge=0, le=50, description="A tier is left this much lower, next session"
    )
    max_stale_sessions: int = Field(
        default=1, ge=0, le=20, description="An older value is stale: one tier tighter, at least SAFE"
    )

    @model_validator(mode="after")
    def _tiers_ascend(self) -> CircuitBreakerRules:
        names = ("half_over_vix", "safe_over_vix", "close_only_over_vix")
        refuse(
            [
                ((low, high), f"{getattr(self, low):g} is not under {high} {getattr(self, high):g}")
                for low, high in pairwise(names)
                if getattr(self, low) >= getattr(self, high)
            ]
        )
        return self
