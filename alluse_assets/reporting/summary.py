"""What a book did, in a few numbers: the closing table of a run and the command's JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from alluse_assets.base.calendar import TradingCalendar
from alluse_assets.journal.chain import RecordedEvent
from alluse_assets.journal.event_types import EventType
from alluse_assets.weeks.week_facts import weeks_of_book
from alluse_assets.weeks.week_types import classify


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account. ``trades`` are orders that filled; ``assignments`` both ways and in cash."""

    name: str
    kind: str
    capital: Decimal
    nav: Decimal
    trades: int
    assignments: int
    week_types: Mapping[str, int]

    @property
    def total_return(self) -> Decimal:
        """Gain over capital paid in."""
        return self.nav / self.capital - 1 if self.capital else Decimal(0)


@dataclass(frozen=True, slots=True)
class BookSummary:
    """A whole book at its last close."""

    book: str
    first_session: str
    last_session: str
    sessions: int
    orders: int
    fills: int
    accounts: tuple[AccountSummary, ...]
    guesses: int
    guesses_right: int
    journal_events: int
    journal_hash: str

    @property
    def nav(self) -> Decimal:
        """NAV of all accounts."""
        return sum((account.nav for account in self.accounts), Decimal(0))

    @property
    def capital(self) -> Decimal:
        """Capital of all accounts."""
        return sum((account.capital for account in self.accounts), Decimal(0))

    @property
    def week_types(self) -> Counter[str]:
        """Counts over all accounts."""
        total: Counter[str] = Counter()
        for account in self.accounts:
            total.update(account.week_types)
        return total

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object, without the time it took."""
        return {
            "book": self.book,
            "sessions": self.sessions,
            "orders": self.orders,
            "fills": self.fills,
            "assignments": sum(account.assignments for account in self.accounts),
            "week_types": dict(sorted(self.week_types.items())),
            "nav": {**{a.name: str(a.nav) for a in self.accounts}, "total": str(self.nav)},
            "journal_events": self.journal_events,
            "journal_hash": self.journal_hash,
        }


def summarise(book: str, rows: Sequence[RecordedEvent], calendar: TradingCalendar) -> BookSummary:
    """Read the numbers out of a journal that closed at least one session."""
    events = [row.event for row in rows]
    counts = Counter(event.type for event in events)
    closes: list[Any] = [e.payload for e in events if e.type == EventType.SESSION_CLOSED]
    last_of_week: dict[str, bool] = {}
    for close in closes:
        day = date.fromisoformat(close["session"])
        last_of_week[close["session"]] = calendar.week_of(day).last == day
    types: dict[str, Counter[str]] = {}
    for week in weeks_of_book(events, last_of_week.__getitem__):
        for (account, _), facts in week.facts.items():
            types.setdefault(account, Counter())[classify(facts, week.rules).week_type.value] += 1
    traded: dict[str, set[str]] = {}
    assigned: Counter[str] = Counter()
    for event in events:
        payload: Any = event.payload
        if event.type == EventType.ORDER_FILLED:
            traded.setdefault(payload["account"], set()).add(payload["intent"])
        elif event.type in (EventType.OPTION_ASSIGNED, EventType.OPTION_CASH_SETTLED):
            assigned[payload["account"]] += 1
    opened: list[Any] = [e.payload for e in events if e.type == EventType.ACCOUNT_OPENED]
    accounts = tuple(
        AccountSummary(
            account["account"],
            account["kind"],
            Decimal(account["capital"]),
            Decimal(closes[-1]["accounts"][account["account"]]["nav"]),
            len(traded.get(account["account"], ())),
            assigned[account["account"]],
            dict(sorted(types.get(account["account"], Counter()).items())),
        )
        for account in opened
    )
    confirmed = [e for e in events if e.type == EventType.MARKET_MODE_CONFIRMED and e.payload["guessed"]]
    return BookSummary(
        book,
        closes[0]["session"],
        closes[-1]["session"],
        len(closes),
        counts[EventType.ORDER_CREATED],
        counts[EventType.ORDER_FILLED],
        accounts,
        len(confirmed),
        sum(bool(e.payload["was_right"]) for e in confirmed),
        len(rows),
        rows[-1].hash.hex(),
    )
