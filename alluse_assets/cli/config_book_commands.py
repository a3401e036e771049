"""``alluse config set``, ``rollback`` and ``history``: the configuration of a book that is under way."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from alluse_assets.accounts.config_changes import decide_change, decide_rollback
from alluse_assets.alerts.message import HASH_SHOWN
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.errors import ConfigError
from alluse_assets.base.events import Event, instant_text
from alluse_assets.cli.config_tables import changes_json, changes_table, print_json, say
from alluse_assets.cli.person import own_name, utc_now
from alluse_assets.journal.chain import RecordedEvent
from alluse_assets.journal.event_types import EventType
from alluse_assets.ledger.config_history import changes_from
from alluse_assets.orchestration.config_journal import Decide, append_decided, read_book_now
from alluse_assets.orchestration.services import open_services

_Book = Annotated[str, typer.Option("--book", "-b", help="The book.")]
_Why = Annotated[str, typer.Option("--why", help="The reason; it stays in the history.")]
_By = Annotated[str, typer.Option("--as", help="Who does it; default: the user of this process.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]
_VERSIONS = (EventType.BOOK_OPENED, EventType.CONFIG_CHANGED)


def set_command(
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH VALUE [PATH VALUE ...]",
            help="A setting or section, such as accounts.gen.puts.delta_low, and its new value as YAML.",
        ),
    ],
    book: _Book,
    why: _Why,
    by: _By = "",
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Change settings of a book: a new version from its next step on, or a request where one is needed."""
    if len(pairs) % 2:
        raise ConfigError(f"{pairs[-1]}: has no value; give PATH VALUE, as many pairs as change together")
    values = list(zip(pairs[::2], pairs[1::2], strict=True))
    who = by or own_name()
    _change(
        book,
        lambda now: decide_change(now.state, now.kind, values, why, who, now.at),
        dry_run,
        as_json,
    )


def rollback_command(
    book: _Book,
    to: Annotated[int, typer.Option("--to", help="The version whose values come back.")],
    why: _Why,
    by: _By = "",
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Bring back the values of an earlier version, as a new version. Nothing is taken out of the history."""
    who = by or own_name()
    _change(
        book,
        lambda now: decide_rollback(now.state, now.kind, to, why, who, now.at),
        dry_run,
        as_json,
    )


def history_command(book: _Book, as_json: _Json = False) -> None:
    """Print every version of a book's configuration: who, when, why, what changed, and who approved it.

    What was asked for and did not become a version is in: alluse approvals --all.
    """
    with open_services(os.environ) as services:
        read_book_now(services.store, book, utc_now)
        rows = [_entry(row) for row in services.store.read(book, types=_VERSIONS)]
    if as_json:
        print_json({"book": book, "history": rows})
        return
    console = Console()
    for row in rows:
        say(_headline(row))
        if row["changes"]:
            console.print(changes_table(changes_from(row["changes"]), "before", "after"))


def _change(book: str, decide: Decide, dry_run: bool, as_json: bool) -> None:
    with open_services(os.environ) as services:
        store = services.store
        if dry_run:
            event = decide(read_book_now(store, book, utc_now))
        else:
            event, _ = append_decided(store, services.anchors, book, utc_now, decide)
    payload: Any = event.payload
    told: Any = {**payload, **payload.get("subject", {})}
    changes = changes_from(told["changes"])
    if as_json:
        kept = {name: value for name, value in told.items() if name not in ("changes", "subject")}
        print_json(
            {
                "book": book,
                "event": str(event.type),
                **kept,
                "changes": changes_json(changes),
                "dry_run": dry_run,
            }
        )
        return
    Console().print(changes_table(changes, "before", "after"))
    say(_outcome(book, event, dry_run))


def _outcome(book: str, event: Event, dry_run: bool) -> str:
    p: Any = event.payload
    if event.type == EventType.APPROVAL_REQUESTED:
        if dry_run:
            return (
                f"this change of book {book} needs a person's yes and would be asked for; nothing was asked "
                "and nothing was changed. Without --dry-run it is"
            )
        until = new_york_text(datetime.fromisoformat(p["expires_at"]))
        yes = f"alluse approve {p['approval']} --hash {p['hash'][:HASH_SHOWN]} --book {book}"
        return (
            f"this change of book {book} is asked for: {p['approval']}; it needs approval until {until}, and "
            f"no answer means no. Answer with: {yes}, or: alluse reject {p['approval']} --book {book}"
        )
    if dry_run:
        return f"this would be version {p['version']} of book {book}; nothing was changed"
    return (
        f"version {p['version']} of book {book} counts from its next step on; "
        f"fingerprint {p['config_fingerprint'][:16]}"
    )


def _entry(row: RecordedEvent) -> dict[str, Any]:
    p: Any = row.event.payload
    opening = row.event.type == EventType.BOOK_OPENED
    return {
        "event": str(row.event.type),
        "version": 1 if opening else p["version"],
        "request": p.get("request"),
        "by": row.event.actor if opening else p["by"],
        "approved_by": p.get("approved_by"),
        "recorded_at": instant_text(row.recorded_at),
        "book_time": instant_text(row.event.effective_at),
        "why": f"opened with profile {p['profile']}" if opening else p["why"],
        "rolled_back_to": p.get("rolled_back_to"),
        "config_fingerprint": p.get("config_fingerprint"),
        "changes": [] if opening else p["changes"],
    }


def _headline(row: dict[str, Any]) -> str:
    back = f", back to version {row['rolled_back_to']}" if row["rolled_back_to"] else ""
    approved = f", approved by {row['approved_by']} ({row['request']})" if row["approved_by"] else ""
    return (
        f"version {row['version']}{back} by {row['by']}{approved}, recorded {row['recorded_at']} "
        f"(the book's time: {row['book_time']}): {row['why']}"
    )
