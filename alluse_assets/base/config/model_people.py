"""Configuration: what a person is asked, what a person is told, what reports compare.

Protocol section 7, and what sections 2 and 3 say of reports.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import (
    Clock,
    ConfigModel,
    Days,
    Minutes,
    Priority,
    SecretReference,
    refuse,
)

ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="a name such as phone")]


class ApprovalRules(ConfigModel):
    """Approvals. One binds to the hash of what is approved and is used once; unanswered means no."""

    mode: Literal["advise", "approve", "auto"] = Field(
        default="auto",
        description="advise: alerts only; approve: every order asks; auto: only the cases below",
    )
    replay_answer: Literal["no", "yes"] = Field(default="no", description="What a replay answers when asked")
    under_floor: bool = Field(
        default=True, description="A yield under the floor may be approved; else never trades"
    )
    level_3_close: bool = Field(default=True, description="A level-3 close asks")
    fork: bool = Field(default=True, description="A fork asks")
    merge: bool = Field(default=True, description="A merge asks")
    config_change: bool = Field(default=True, description="A changed configuration asks")
    expires_after_minutes: Minutes | None = Field(
        default=None, description="Minutes that a request stays open; empty: to the end of the window"
    )
    config_change_expires_minutes: Minutes = Field(
        default=1440, description="Minutes that a request to change the configuration stays open"
    )
    live_approver_is_another: bool = Field(
        default=True, description="In live the approver is not the requester"
    )


class AlertRules(ConfigModel):
    """Priorities that are not an action of a protection level."""

    lowest_sent: Priority = Field(
        default="LOW", description="Alerts of a lower priority are kept but not sent"
    )
    under_floor: Priority = Field(
        default="MEDIUM", description="Priority of a trade refused for its yield alone"
    )
    question: Priority = Field(
        default="MEDIUM", description="Priority of another order that asks, or that is only advised"
    )
    deep_drawdown: Priority = Field(default="CRITICAL", description="Priority of a deep drawdown")
    unreconciled: Priority = Field(
        default="CRITICAL", description="Priority of an account that does not reconcile"
    )


class NotifyChannel(ConfigModel):
    """One way to reach people. Its address is a secret: only where to find it is configured."""

    secret: SecretReference = Field(description="Where the channel's Apprise URL is kept")
    lowest_priority: Priority | None = Field(
        default="LOW", description="Lowest priority that is sent to it; empty: escalations only"
    )
    escalation: bool = Field(default=False, description="Unanswered CRITICAL alerts are sent to it again")

    @model_validator(mode="after")
    def _gets_something(self) -> NotifyChannel:
        message = "is empty and escalation is false: the channel would never get anything"
        useless = self.lowest_priority is None and not self.escalation
        refuse([(("lowest_priority", "escalation"), message)] if useless else [])
        return self


class NotifyRules(ConfigModel):
    """How alerts reach people. No rule of trading: read from profile and environment at each sending."""

    enabled: bool = Field(default=True, description="Off: alerts are kept and nothing is sent")
    channels: dict[ChannelName, NotifyChannel] = Field(
        default_factory=dict, description="Where alerts go, by a name of your own; none: nothing is sent"
    )
    quiet_start: Clock = Field(
        default=time(21), description="From then on only CRITICAL alerts are sent, New York"
    )
    quiet_end: Clock = Field(
        default=time(7), description="Then what waited is sent as one digest; equal to the start: no quiet"
    )
    quiet_days: Literal["all", "weekdays", "none"] = Field(
        default="all", description="Days on which quiet hours begin"
    )
    dedup_minutes: int = Field(
        default=30, ge=0, le=1440, description="Within so many minutes alerts of one kind are sent once"
    )
    digest_over: int = Field(
        default=5, ge=1, le=1000, description="More alerts than this at once are sent as one digest"
    )
    send_within_seconds: int = Field(
        default=20, ge=1, le=30, description="A channel that takes longer has failed"
    )
    retries_at_most: int = Field(
        default=8, ge=0, le=50, description="Repetitions of a failed delivery; then it is given up"
    )
    retry_after_seconds: int = Field(
        default=60, ge=1, le=3600, description="Wait before the first repetition; it doubles each time"
    )
    retry_wait_at_most_minutes: Minutes = Field(default=60, description="Longest wait before a repetition")
    escalate_after_minutes: Minutes = Field(
        default=15, description="A CRITICAL alert that nobody answered for so long is sent again"
    )
    escalate_at_most: int = Field(default=4, ge=0, le=100, description="Escalations of one alert")


class ReportRules(ConfigModel):
    """What reports show beside what happened."""

    qualified_call_dte_low: Days = Field(
        default=31,
        description="Fewest days of the covered call that Com-Acc's is compared with (section 1092)",
    )
    qualified_call_dte_high: Days = Field(default=45, description="Most days of that call")

    @model_validator(mode="after")
    def _range_is_possible(self) -> ReportRules:
        refuse(self.low_above_high("qualified_call_dte"))
        return self
