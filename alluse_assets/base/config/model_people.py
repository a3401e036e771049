"""Configuration: what a person is asked, what a person is told, what reports compare.

Protocol section 7, and what sections 2 and 3 say of reports.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from alluse_assets.base.config.model_fields import ConfigModel, Days, Minutes, Priority, refuse


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
    deep_drawdown: Priority = Field(default="CRITICAL", description="Priority of a deep drawdown")
    unreconciled: Priority = Field(
        default="CRITICAL", description="Priority of an account that does not reconcile"
    )


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
