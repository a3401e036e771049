"""The stages of the weekly cycle, in order. A stage is what one Dagster run can make.

Dagster refuses a run over assets of different partitions, so the cycle is one run a stage, over the
stage's own range of partitions. An asset names its stage and gets its partitions from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from alluse_assets.orchestration.partitions import MONTHS, SESSIONS, WEEKS

STAGE_TAG = "alluse/stage"


@dataclass(frozen=True)
class Stage:
    """One stage. ``place`` counts from 1; ``partitions`` is None where there is one result in all."""

    place: int
    name: str
    partitions: dg.PartitionsDefinition[str] | None
    makes: str

    @property
    def job_name(self) -> str:
        """The job that makes this stage."""
        return f"weekly_cycle_{self.place}_{self.name}" if self.place else f"{self.name}_session"


MARKET = Stage(1, "market", MONTHS, "Bars, rates, corporate actions and indicators, by month.")
GUESS = Stage(2, "guess", WEEKS, "The market mode guessed before each week.")
TRADING = Stage(
    3,
    "trading",
    SESSIONS,
    "Quotes, chains and candidates, then orders and fills, by session, and the ledger.",
)
REVIEW = Stage(4, "review", WEEKS, "What each week turned out to be.")
REPORT = Stage(5, "report", None, "Performance since the first session, and the page that people read.")

LIVE = Stage(
    0, "live", SESSIONS, "What came in through a live session, brought from the hot store to the lake."
)
"""No part of the weekly cycle: only a live market has it, and its job runs after each session."""

STAGES = (MARKET, GUESS, TRADING, REVIEW, REPORT)
