"""Projects what began and ended in protection: level changes, holds, and what limits entries. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import polars as pl
import rfc8785

from alluse_assets.accounts.states import rule_of
from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.events import Event
from alluse_assets.base.table_catalog import Table
from alluse_assets.journal.event_types import EventType
from alluse_assets.protection.tables import ACCOUNT_HOLDS, LEVEL_CHANGES, PROTECTION_STOPS


def project_level_changes(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``LEVEL_CHANGES``; a script that was ready only later is in its change's row."""
    rows: list[dict[str, Any]] = []
    for event in events:
        p: Any = event.payload
        if event.type == EventType.SCRIPT_READY:
            change = next(row for row in reversed(rows) if row["chain"] == p["chain"])
            change["script"] = rfc8785.dumps(list(p["script"])).decode()
        if event.type != EventType.LEVEL_CHANGED:
            continue
        rows.append(
            {name: p[name] for name in ("account", "chain", "symbol", "right", "level_from", "level_to")}
            | {
                "session": date.fromisoformat(p["session"]),
                "changed_at": event.effective_at,
                "multiple": float(p["multiple"]),
                "price": float(p["price"]),
                "anchor_price": float(p["anchor_price"]),
                "anchor_atr": float(p["atr"]),
                "moment": p["at"],
                "triggers": list(p["triggers"]),
                "actions": list(p["actions"]),
                "script": rfc8785.dumps(list(p["script"])).decode(),
            }
        )
    return _frame(rows, LEVEL_CHANGES)


def project_account_holds(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``ACCOUNT_HOLDS``."""
    rows: list[dict[str, Any]] = []
    open_ones: dict[tuple[str, str], dict[str, Any]] = {}
    for event in events:
        if event.type not in (EventType.HOLD_PLACED, EventType.HOLD_LIFTED):
            continue
        p: Any = event.payload
        which = (p["account"], p["hold"])
        if event.type == EventType.HOLD_LIFTED:
            open_ones.pop(which).update(
                lifted_at=event.effective_at, lifted_by=event.actor, lifted_why=p["why"]
            )
            continue
        rule = rule_of(p["hold"])
        open_ones[which] = {
            "session": event.effective_at.astimezone(NEW_YORK).date(),
            "account": p["account"],
            "hold": p["hold"],
            "placed_at": event.effective_at,
            "state": p["state"],
            "why": p["why"],
            "placed_by": event.actor,
            "may_lift": sorted(rule.lifted_by),
            "ends_when": rule.why_not or None,
            "lifted_at": None,
            "lifted_by": None,
            "lifted_why": None,
        }
        rows.append(open_ones[which])
    return _frame(rows, ACCOUNT_HOLDS)


def project_protection_stops(events: Iterable[Event]) -> pl.DataFrame:
    """The rows of ``PROTECTION_STOPS``."""
    stops = _Stops()
    for event in events:
        stops.take(event)
    return _frame(stops.rows, PROTECTION_STOPS)


class _Stops:
    """What has begun so far; ``_open`` is what has not ended, by what it is about."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._open: dict[tuple[str, str | None, str | None, str], dict[str, Any]] = {}

    def take(self, event: Event) -> None:
        """One event, of whatever type."""
        p: Any = event.payload
        match event.type:
            case EventType.COOL_OFF_BEGUN:
                about = ("cool_off", p["account"], p["symbol"])
                self._begin(event, about, until=p["until"], level=p["level"], chain=p["chain"])
            case EventType.COOL_OFF_ENDED:
                self._end(event, ("cool_off", p["account"], p["symbol"]), p["chain"])
            case EventType.DEEP_DRAWDOWN_BEGUN:
                self._begin(event, ("deep_drawdown", None, p["symbol"]), until=p["until"], measure=p["under"])
            case EventType.DEEP_DRAWDOWN_ENDED:
                self._end(event, ("deep_drawdown", None, p["symbol"]))
            case EventType.PIVOT_BEGUN:
                about = ("drawdown_pivot", p["account"], None)
                under = str(p["drawdown"]).removeprefix("-")
                self._begin(event, about, until=p["resumes_from"], measure=under)
            case EventType.PUTS_RESUMED:
                self._open["drawdown_pivot", p["account"], None, ""]["resumed_at"] = event.effective_at
            case EventType.PIVOT_ENDED:
                self._end(event, ("drawdown_pivot", p["account"], None))
            case EventType.BREAKER_CHANGED if p["tier_from"] != p["tier_to"]:
                self._end(event, ("vix_breaker", None, None))
                if p["tier_to"]:
                    about = ("vix_breaker", None, None)
                    self._begin(event, about, level=p["tier_to"], measure=p["vix"], is_stale=p["is_stale"])

    def _begin(
        self,
        event: Event,
        about: tuple[str, str | None, str | None],
        *,
        until: str | None = None,
        level: int | None = None,
        measure: str | None = None,
        is_stale: bool = False,
        chain: str = "",
    ) -> None:
        last, which = None if until is None else date.fromisoformat(until), (*about, chain)
        if which in self._open:
            # A deep drawdown that lasts is the same one, with a later end.
            self._open[which]["until"] = last
            return
        kind, account, symbol = about
        self._open[which] = {
            "session": event.effective_at.astimezone(NEW_YORK).date(),
            "stop": event.key,
            "kind": kind,
            "account": account,
            "symbol": symbol,
            "began_at": event.effective_at,
            "level": level,
            "measure": None if measure is None else float(measure),
            "is_stale": is_stale,
            "until": last,
            "resumed_at": None,
            "ended_at": None,
        }
        self.rows.append(self._open[which])

    def _end(self, event: Event, about: tuple[str, str | None, str | None], chain: str = "") -> None:
        ended = self._open.pop((*about, chain), None)
        if ended is not None:
            ended["ended_at"] = event.effective_at


def _frame(rows: list[dict[str, Any]], table: Table) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=table.schema, orient="row").sort(table.key)
