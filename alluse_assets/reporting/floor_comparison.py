"""What each premium floor alone refused, beside the same replay with approval = yes (protocol, section 3).

Pure: two journals in, figures side by side out. ``orchestration/floor_comparison`` makes the other journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.journal.chain import RecordedEvent
from alluse_assets.journal.event_types import EventType
from alluse_assets.reporting.summary import AccountSummary, BookSummary, summarise


@dataclass(frozen=True, slots=True)
class FloorRow:
    """One account. ``floor_alone``: contracts listed that its floors refused and nothing else did, over all
    its decisions; ``asked``: orders under a floor that were asked about."""

    account: str
    floor_alone: int
    asked: int
    as_it_was: AccountSummary
    with_yes: AccountSummary


@dataclass(frozen=True, slots=True)
class FloorComparison:
    """A replay as it was, and the same one with every question answered yes."""

    answer: str
    """What the replay itself answers."""
    rows: tuple[FloorRow, ...]
    as_it_was: BookSummary
    with_yes: BookSummary

    def as_json(self) -> dict[str, Any]:
        """For the command's JSON."""
        return {
            "answer": self.answer,
            "accounts": {
                row.account: {
                    "floor_alone": row.floor_alone,
                    "asked": row.asked,
                    "as_it_was": _account_json(row.as_it_was),
                    "with_yes": _account_json(row.with_yes),
                }
                for row in self.rows
            },
            "nav": {"as_it_was": str(self.as_it_was.nav), "with_yes": str(self.with_yes.nav)},
        }


def asks_anything(rows: Sequence[RecordedEvent]) -> bool:
    """Whether another answer could have made a difference."""
    return any(row.event.type == EventType.APPROVAL_REQUESTED for row in rows)


def side_by_side(
    book: str,
    rows: Sequence[RecordedEvent],
    with_yes: Sequence[RecordedEvent],
    config: ProtocolConfig,
    calendar: TradingCalendar,
) -> FloorComparison:
    """Two journals of the same sessions, closed at least once: as it was, and with every answer yes."""
    floor_alone: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for row in rows:
        payload: Any = row.event.payload
        if row.event.type == EventType.ENTRY_DECIDED:
            floor_alone[payload["account"]] += payload["floor_alone"]
        elif row.event.type == EventType.APPROVAL_REQUESTED and "under_floor" in payload["reasons"]:
            asked.update(order["account"] for order in payload["subject"]["orders"])
    mine = summarise(book, rows, calendar)
    other = mine if with_yes is rows else summarise(book, with_yes, calendar)
    return FloorComparison(
        config.approvals.replay_answer,
        tuple(
            FloorRow(was.name, floor_alone[was.name], asked[was.name], was, yes)
            for was, yes in zip(mine.accounts, other.accounts, strict=True)
        ),
        mine,
        other,
    )


def _account_json(account: AccountSummary) -> dict[str, Any]:
    return {
        "nav": str(account.nav),
        "return": f"{account.total_return:.6f}",
        "trades": account.trades,
        "assignments": account.assignments,
    }
