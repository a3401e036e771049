"""Projects a book's journal into the tables of weeks. Pure, like every projection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.events import Event
from alluse_assets.journal.event_types import EventType
from alluse_assets.weeks.tables import MARKET_MODES, WEEK_TYPES
from alluse_assets.weeks.week_facts import weeks_of_book
from alluse_assets.weeks.week_types import WeekFacts, classify


def project_market_modes(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``MARKET_MODES``, with the running share of right guesses."""
    rows: dict[str, dict[str, Any]] = {}
    judged = right = 0
    for event in events:
        p: Any = event.payload
        if event.type == EventType.MARKET_MODE_GUESSED:
            rows[p["week"]] = {
                "session": event.effective_at.astimezone(NEW_YORK).date(),
                "week": date.fromisoformat(p["week"]),
                "guess": p["mode"],
                "guess_move": float(p["move"]),
                "guess_efficiency": float(p["efficiency"]),
                "weeks_judged": judged,
                "weeks_right": right,
                "hit_rate": right / judged if judged else None,
            }
        elif event.type == EventType.MARKET_MODE_CONFIRMED:
            judged, right = judged + 1, right + bool(p["was_right"])
            rows[p["week"]] |= {
                "confirmed": p["mode"],
                "move": float(p["move"]),
                "efficiency": float(p["efficiency"]),
                "was_right": p["was_right"],
                "weeks_judged": judged,
                "weeks_right": right,
                "hit_rate": right / judged,
            }
    return pl.DataFrame(list(rows.values()), schema=MARKET_MODES.schema, orient="row")


def project_week_types(events: Iterable[Event], is_week_end: Callable[[date], bool]) -> pl.DataFrame:
    """The rows of ``WEEK_TYPES``.

    Args:
        events: a book's events from the first.
        is_week_end: whether a session is its week's last one.
    """
    rows: list[tuple[Any, ...]] = []
    for week in weeks_of_book(events, lambda session: is_week_end(date.fromisoformat(session))):
        for (account, symbol), facts in week.facts.items():
            found = classify(facts, week.rules)
            rows.append(
                (
                    date.fromisoformat(week.last_session),
                    date.fromisoformat(week.week),
                    account,
                    week.kinds[account],
                    symbol,
                    found.week_type.value,
                    [leg.value for leg in found.legs],
                    facts_text(facts),
                )
            )
    return pl.DataFrame(rows, schema=WEEK_TYPES.schema, orient="row").sort(WEEK_TYPES.key)


def facts_text(facts: WeekFacts) -> str:
    """The facts as JSON, the same text for the same facts; prices are decimal text."""
    return json.dumps(
        {
            "last_price": _text(facts.last_price),
            "held_shares": facts.held_shares,
            "adjusted_basis": _text(facts.adjusted_basis),
            "puts": [
                {"strike": _text(put.strike), "end": put.end.value, "lowest_close": _text(put.lowest_close)}
                for put in facts.puts
            ],
            "calls": [
                {
                    "strike": _text(call.strike),
                    "end": call.end.value,
                    "sold_in_recovery": call.sold_in_recovery,
                    "adjusted_basis": _text(call.adjusted_basis),
                }
                for call in facts.calls
            ],
        }
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:.4f}"
