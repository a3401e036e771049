"""The rows of the page on approvals and alerts, from a book's tables. Pure: nothing is decided here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from alluse_assets.alerts.alert import PRIORITIES
from alluse_assets.alerts.delivery import Delivery, Standing, StandingState
from alluse_assets.execution.approval_words import would_lines
from alluse_assets.execution.approvals import REASONS
from analytics_app.protocol_words import (
    clock_text,
    contract_text,
    name_of,
    new_york,
    on_new_york_clock,
    script_text,
)

HASH_SHOWN = 12
STATE_TEXT = {
    "open": "open",
    "approved": "approved, not used yet",
    "refused": "refused",
    "used": "approved and used",
    "expired": "expired: unanswered or unused in time",
}
STANDING_TEXT = {
    StandingState.SENT: "sent",
    StandingState.WAITING: "waiting",
    StandingState.SUPPRESSED: "not sent: one like it was",
    StandingState.GIVEN_UP: "given up",
    StandingState.NOT_NEEDED: "not sent: answered before",
}
OUTCOME_TEXT = {"sent": "sent", "failed": "failed", "sending": "under way"}
_WHEN = pl.Datetime("us")


@dataclass(frozen=True, slots=True)
class Asked:
    """An open request.

    Attributes:
        approval: its id.
        would: what a yes would do, a line each.
        reasons: why it asks, in words.
        requested_by: who wants it.
        expires: last instant of an answer, New York.
        hash_prefix: the beginning of the hash that an answer binds to.
        yield_text: premium yield of an order to sell; empty where it has none.
        approve, reject: the commands that answer it.
    """

    approval: str
    would: tuple[str, ...]
    reasons: str
    requested_by: str
    expires: str
    hash_prefix: str
    yield_text: str
    approve: str
    reject: str


def open_requests(approvals: pl.DataFrame, orders: pl.DataFrame, book: str) -> list[Asked]:
    """What waits for an answer, what expires first at the beginning."""
    yields: dict[str, float] = dict(orders.select("intent", "premium_yield").drop_nulls().iter_rows())
    found = []
    for row in approvals.filter(state="open").sort("expires_at", "approval").iter_rows(named=True):
        subject, name, prefix = json.loads(row["subject"]), row["approval"], row["subject_hash"][:HASH_SHOWN]
        earned = yields.get(name.removeprefix("order/"))
        quoted = shlex.quote(name)
        found.append(
            Asked(
                name,
                tuple(would_lines(row["kind"], subject)),
                "; ".join(REASONS.get(reason, reason) for reason in row["reasons"]),
                name_of(row["requested_by"]),
                clock_text(row["expires_at"]),
                prefix,
                "" if earned is None else f"{earned:.2%} of the strike",
                f"alluse approve {quoted} --hash {prefix} --book {book} --as YOUR_NAME",
                f"alluse reject {quoted} --book {book} --as YOUR_NAME",
            )
        )
    return found


def answered_requests(approvals: pl.DataFrame) -> pl.DataFrame:
    """What was asked and is not open any more, newest first, in words."""
    rows = [
        {
            "asked": on_new_york_clock(row["requested_at"]),
            "state": STATE_TEXT[row["state"]],
            "account": row["account"],
            "would": "; ".join(would_lines(row["kind"], json.loads(row["subject"]))),
            "reasons": "; ".join(REASONS.get(reason, reason) for reason in row["reasons"]),
            "requested_by": name_of(row["requested_by"]),
            "answer": row["answer"],
            "answered_by": name_of(row["answered_by"]),
            "answered": on_new_york_clock(row["answered_at"]),
            "why": row["why"],
            "hash": row["subject_hash"][:HASH_SHOWN],
        }
        for row in approvals.filter(pl.col("state") != "open")
        .sort("requested_at", "approval", descending=[True, False])
        .iter_rows(named=True)
    ]
    text = dict.fromkeys(
        ("state", "account", "would", "reasons", "requested_by", "answer", "answered_by", "why", "hash"),
        pl.String,
    )
    return pl.DataFrame(rows, schema={"asked": _WHEN, **text, "answered": _WHEN})


def alert_rows(alerts: pl.DataFrame, standings: Sequence[Standing]) -> pl.DataFrame:
    """Every alert, the most urgent first and of those the newest, with what was sent of it."""
    told: dict[str, list[str]] = {}
    for one in standings:
        told.setdefault(one.alert, []).append(standing_text(one))
    sent = pl.Series("sent", ["; ".join(told.get(name, [])) for name in alerts["alert"]], pl.String)
    urgency = pl.col("priority").cast(pl.Enum(PRIORITIES)).to_physical()
    return (
        alerts.with_columns(
            sent,
            raised=new_york("raised_at"),
            about=pl.col("type").str.replace_all("_", " "),
            orders=pl.col("script").map_elements(script_text, return_dtype=pl.String),
            answer=pl.struct("acknowledged_by", "resolved_by", "resolved_why").map_elements(
                _answer, return_dtype=pl.String
            ),
        )
        .with_columns(urgency.alias("urgency"))
        .sort("urgency", "raised_at", "alert", descending=[True, True, False])
    )


def standing_text(standing: Standing) -> str:
    """Where an alert stands on a channel: ``phone: waiting, retry from 2026-06-03 12:05 (refused)``."""
    said = STANDING_TEXT[standing.state]
    if standing.state is StandingState.SENT and standing.at:
        said = f"sent {clock_text(standing.at)}"
    if standing.next:
        said += f", {standing.next.kind} from {clock_text(standing.next.due)}"
    return f"{standing.channel}: {said}{f' ({standing.error})' if standing.error else ''}"


def delivery_rows(tries: Sequence[Delivery], standings: Sequence[Standing]) -> pl.DataFrame:
    """Every try to deliver, newest first; of the last failed one of an alert when it is tried again."""
    again = {(one.alert, one.channel): one.next for one in standings if one.next and one.error}
    over = {(one.alert, one.channel) for one in standings if one.state is StandingState.GIVEN_UP}
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for one in tries:
        place = (one.alert, one.channel)
        last[place] = max(last.get(place, (0, 0)), (one.round, one.attempt))
    rows = []
    for one in sorted(tries, key=lambda one: (one.at, one.alert, one.attempt), reverse=True):
        place = (one.alert, one.channel)
        is_last = last[place] == (one.round, one.attempt)
        coming = again.get(place) if is_last and one.outcome == "failed" else None
        rows.append(
            {
                "at": on_new_york_clock(one.at),
                "channel": one.channel,
                "alert": one.alert,
                "kind": one.kind,
                "attempt": one.attempt,
                "outcome": OUTCOME_TEXT[one.outcome],
                "error": one.error,
                "next": on_new_york_clock(coming.due) if coming else None,
                "after": _after(one, is_last, coming is not None, place in over),
            }
        )
    text = dict.fromkeys(("channel", "alert", "kind", "outcome", "error", "after"), pl.String)
    return pl.DataFrame(rows, schema={"at": _WHEN, "attempt": pl.Int64, "next": _WHEN, **text})


def would_text(line: str) -> str:
    """A line of an order with its contract in words behind it."""
    for word in line.split():
        spoken = contract_text(word) if word.isupper() and len(word) > 15 else word
        if spoken != word:
            return f"{line}, that is {spoken}"
    return line


def _after(one: Delivery, is_last: bool, is_coming: bool, is_over: bool) -> str:
    """What follows a try that failed."""
    if one.outcome != "failed":
        return ""
    if not is_last:
        return "was tried again"
    if is_coming:
        return "is tried again"
    return "given up" if is_over else "nothing"


def _answer(row: dict[str, Any]) -> str:
    if row["resolved_by"]:
        return f"resolved by {row['resolved_by']}: {row['resolved_why']}"
    return f"{row['acknowledged_by']} looks after it" if row["acknowledged_by"] else ""
