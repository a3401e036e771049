"""``alluse approvals``: what a person is asked, exactly, and until when."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import polars as pl
import typer

from alluse_assets.alerts.message import HASH_SHOWN
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.events import instant_text
from alluse_assets.cli.person import utc_now
from alluse_assets.execution.approval_table import late_are_expired, project_approvals
from alluse_assets.execution.approval_words import would_lines
from alluse_assets.execution.approvals import REASONS
from alluse_assets.journal.event_types import EventType
from alluse_assets.orchestration.config_journal import kind_of
from alluse_assets.orchestration.services import open_services


def approvals_command(
    book: Annotated[str, typer.Option("--book", "-b", help="The book that asks.")] = "sample",
    everything: Annotated[
        bool, typer.Option("--all", help="Answered, used and expired ones, too, newest first.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """List what waits for a person's answer: what would be done, why it asks, until when."""
    with open_services(os.environ) as services:
        kind = kind_of(services.store, book)
        events = [row.event for row in services.store.read(book)]
    found = project_approvals(events)
    if kind != "replay":
        found = late_are_expired(found, utc_now())
    if not everything:
        found = found.filter(pl.col("state") == "open")
    requests = found.sort("requested_at", "approval", descending=[everything, False]).rows(named=True)
    if as_json:
        typer.echo(json.dumps({"book": book, "approvals": [_as_json(row) for row in requests]}))
        return
    if not requests:
        past = "" if everything else "; what was: alluse approvals --all --book " + book
        typer.echo(f"Nothing of book {book} waits for an answer{past}.")
        return
    evidence = {
        f"order/{event.payload['intent']}": event.payload["evidence"]
        for event in events
        if event.type == EventType.ORDER_CREATED
    }
    for row in requests:
        typer.echo("\n".join(described(row, evidence.get(row["approval"], {}))))
    if not everything:
        typer.echo(
            f"Answer with: alluse approve ID --hash HASH --book {book}, or: alluse reject ID --book {book}"
        )


def described(row: Mapping[str, Any], evidence: Any) -> Iterable[str]:
    """A request in lines for people."""
    yield f"{row['approval']}"
    subject = json.loads(row["subject"])
    for number, line in enumerate(would_lines(row["kind"], subject)):
        word = "would" if number == 0 else "then" if "orders" in subject else ""
        yield f"  {word:9}{line}"
    if row["kind"] == "config":
        yield f"  why      {subject['why']}"
    yield f"  asks as  {'; '.join(REASONS.get(reason, reason) for reason in row['reasons'])}"
    if "floor_ppm" in evidence:
        yielded, floor = (int(evidence[name]) / 10_000 for name in ("premium_yield_ppm", "floor_ppm"))
        yield f"  yield    {yielded:.2f} % of the strike; the floor is {floor:.2f} %"
    yield f"  until    {new_york_text(row['expires_at'])}"
    yield f"  by       {row['requested_by']}"
    yield f"  hash     {row['subject_hash'][:HASH_SHOWN]}"
    if row["state"] != "open":
        said = f" ({row['answered_by']} said {row['answer']}" if row["answer"] else ""
        words = f": {row['why']})" if row["why"] else ")" if said else ""
        yield f"  state    {row['state']}{said}{words}"


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        name: instant_text(value) if isinstance(value, datetime) else value for name, value in row.items()
    }
    return {**shown, "session": row["session"].isoformat(), "subject": json.loads(row["subject"])}
