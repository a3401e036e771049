"""Which partitions of a stage have to be made again, as Dagster's events and the lake have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterEventType

from alluse_assets.market_data.tables import BARS, INDICATORS
from alluse_assets.option_chains.surface.tables import IMPLIED_FORWARDS, SURFACES
from alluse_assets.option_chains.tables import OPTION_CHAINS, OPTION_QUOTES
from alluse_assets.orchestration.asset_factory import NEVER_EMPTY, SCOPE
from alluse_assets.orchestration.partitions import MONTHS, WEEKS, Span, key_of, span_of
from alluse_assets.orchestration.stages import MARKET, STAGE_TAG, STAGES, TRADING, Stage

if TYPE_CHECKING:
    from alluse_assets.orchestration.resources import Desk

_NEVER = -1
_MADE_OF_OTHERS = {
    table.name: table
    for table in (BARS, INDICATORS, OPTION_QUOTES, OPTION_CHAINS, IMPLIED_FORWARDS, SURFACES)
}


@dataclass(frozen=True, slots=True)
class Made:
    """When a partition was last made: the event numbers of its oldest and its newest asset."""

    span: Span
    oldest: int
    newest: int


class Freshness:
    """The state of the stages over ``sessions``; asked again, it looks again."""

    def __init__(
        self, desk: Desk, instance: dg.DagsterInstance, defs: dg.Definitions, sessions: Sequence[date]
    ) -> None:
        self._desk = desk
        self._instance = instance
        self._sessions = sessions
        specs = defs.resolve_all_asset_specs()
        self._specs = {s: [spec for spec in specs if spec.tags.get(STAGE_TAG) == s.name] for s in STAGES}

    def stale_keys(self, stage: Stage) -> tuple[str, ...] | None:
        """The partitions to run, from the first to the last stale one; None when nothing is to be done.

        A stage without partitions answers an empty tuple when it has to be made.
        """
        upstream = [made for other in STAGES[: stage.place - 1] for made in self._made(other)]
        made = self._made(stage)
        stale = [
            place
            for place, one in enumerate(made)
            if one.oldest
            < max((up.newest for up in upstream if _overlap(up.span, one.span)), default=_NEVER + 1)
        ]
        if stage is MARKET:
            stale = sorted({*stale, *self._growing_months(made)})
        if not stale:
            return None
        return tuple(key for one in made[stale[0] : stale[-1] + 1] for key in one.span.keys)

    def _made(self, stage: Stage) -> list[Made]:
        ids = [self._ids(stage, spec) for spec in self._specs[stage]]
        found = []
        for span in self._spans(stage):
            key = span.keys[0] if span.keys else ""
            numbers = [numbers.get(key, _NEVER) for numbers in ids]
            found.append(Made(span, min(numbers), max(numbers)))
        return found

    def _ids(self, stage: Stage, spec: dg.AssetSpec) -> Mapping[str, int]:
        if self._is_lost(spec):
            return {}
        if stage.partitions is None:
            records = self._instance.fetch_materializations(spec.key, limit=1).records
            return {"": records[0].storage_id} if records else {}
        numbers = self._instance.get_latest_storage_id_by_partition(
            spec.key, DagsterEventType.ASSET_MATERIALIZATION
        )
        if not spec.metadata.get(NEVER_EMPTY) or stage.partitions is WEEKS:
            return numbers
        # A month that was deleted from the lake is as good as never made.
        source, name = self._desk.lake_source(spec.metadata[SCOPE]), spec.key.path[-1]
        there = set(self._desk.services.lake.months_of(name, source))
        # So is one that was made from rows that have been corrected since.
        if name in _MADE_OF_OTHERS:
            stale = self._desk.services.lake.stale(_MADE_OF_OTHERS[name], source)
            there -= {one.month for one in stale if one.changed}
        return {key: number for key, number in numbers.items() if key[:7] in there}

    def _is_lost(self, spec: dg.AssetSpec) -> bool:
        """Whether the lake has nothing of a table that is never empty: it was deleted."""
        if not spec.metadata.get(NEVER_EMPTY):
            return False
        source = self._desk.lake_source(spec.metadata[SCOPE])
        return not self._desk.services.lake.months_of(spec.key.path[-1], source)

    def _spans(self, stage: Stage) -> list[Span]:
        first, last = self._sessions[0], self._sessions[-1]
        partitions = stage.partitions
        if partitions is None:
            return [Span((), first, last)]
        if stage is MARKET:
            warm_up = self._desk.config.market.warm_up_sessions
            first = self._desk.services.calendar.previous_session(first, warm_up)
            days = self._desk.services.calendar.sessions(first, last)
        else:
            days = list(self._sessions)
        keys = dict.fromkeys(key_of(partitions, day) for day in days)
        return [span_of(partitions, [key]) for key in keys]

    def _growing_months(self, months: Sequence[Made]) -> list[int]:
        """Months of which some sessions were traded and some were not: their data has grown since."""
        traded: dict[str, set[bool]] = {}
        for made in self._made(TRADING):
            traded.setdefault(key_of(MONTHS, made.span.start), set()).add(made.oldest != _NEVER)
        return [n for n, month in enumerate(months) if len(traded.get(month.span.keys[0], ())) == 2]


def _overlap(one: Span, other: Span) -> bool:
    return one.start <= other.end and other.start <= one.end
