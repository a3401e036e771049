"""The partitions that data comes in: months, sessions, weeks. Which dates a run covers is read here too.

Sessions are days of the XNYS calendar. Its closures are read from a list, ``closed_weekdays.csv``,
because building the calendar itself would cost every process that loads the code location two seconds;
a test holds the list against the calendar.
"""

from __future__ import annotations

import warnings
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources

import dagster as dg

from alluse_assets.base.calendar import NEW_YORK, PUBLISHED_THROUGH

# Backfill policies, lenient mappings and mapped specs are young in the pinned Dagster; tests run them.
for _young in (dg.BetaWarning, dg.PreviewWarning):
    warnings.filterwarnings("ignore", category=_young)

FIRST_MONTH = date(2000, 1, 1)
FIRST_SESSION_DAY = date(2003, 1, 1)
FIRST_MONDAY = date(2003, 1, 6)
_ZONE = str(NEW_YORK)
_DAY_FORMAT = "%Y-%m-%d"
_MONTH_FORMAT = "%Y-%m"


def closed_weekdays() -> list[date]:
    """Mondays to Fridays without a session from ``FIRST_SESSION_DAY`` to ``PUBLISHED_THROUGH``."""
    text = (resources.files("alluse_assets.orchestration") / "closed_weekdays.csv").read_text()
    return [date.fromisoformat(line) for line in text.split()[1:]]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)


MONTHS = dg.MonthlyPartitionsDefinition(
    start_date=_midnight(FIRST_MONTH), timezone=_ZONE, fmt=_MONTH_FORMAT, end_offset=1
)
"""Calendar months, the current one included."""

SESSIONS = dg.DailyPartitionsDefinition(
    start_date=_midnight(FIRST_SESSION_DAY),
    end_date=_midnight(PUBLISHED_THROUGH + timedelta(days=1)),
    timezone=_ZONE,
    fmt=_DAY_FORMAT,
    end_offset=1,
    exclusions=["0 0 * * 6", "0 0 * * 0", *(_midnight(day) for day in closed_weekdays())],
)
"""Trading sessions, today's included."""

WEEKS = dg.WeeklyPartitionsDefinition(
    start_date=_midnight(FIRST_MONDAY), timezone=_ZONE, fmt=_DAY_FORMAT, day_offset=1, end_offset=1
)
"""Calendar weeks by their Monday, the current one included."""

PREVIOUS = dg.TimeWindowPartitionMapping(
    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
)
"""The partition before: how a path-dependent asset depends on itself."""

SAME_TIME = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
"""The partitions that overlap in time, for lineage. A weekly asset takes its sessions from the calendar."""


def depends_on(asset: str, mapping: dg.PartitionMapping) -> dg.AssetDep:
    """A dependency on ``asset`` of other partitions than one's own."""
    return dg.AssetDep(asset, partition_mapping=mapping)


@dataclass(frozen=True, slots=True)
class Span:
    """What one run covers: partition keys in order, and the first and last day in them."""

    keys: tuple[str, ...]
    start: date
    end: date


def key_of(partitions: dg.PartitionsDefinition[str], day: date) -> str:
    """The key of the partition that ``day`` is in."""
    if partitions is MONTHS:
        return day.strftime(_MONTH_FORMAT)
    if partitions is WEEKS:
        day -= timedelta(days=day.weekday())
    return day.strftime(_DAY_FORMAT)


def span_of(partitions: dg.PartitionsDefinition[str], keys: Sequence[str]) -> Span:
    """The days that ``keys``, in order, stand for."""
    if partitions is MONTHS:
        first, last = (date.fromisoformat(f"{key}-01") for key in (keys[0], keys[-1]))
        return Span(tuple(keys), first, last.replace(day=monthrange(last.year, last.month)[1]))
    first, last = (date.fromisoformat(key) for key in (keys[0], keys[-1]))
    return Span(tuple(keys), first, last + timedelta(days=6) if partitions is WEEKS else last)
