"""``alluse verify``: prove a book's journal and say what was proved."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from alluse_assets.base.errors import JournalError
from alluse_assets.journal.chain import Head
from alluse_assets.journal.verify import Fault, Report, verify
from alluse_assets.orchestration.services import open_services


def verify_command(
    book: Annotated[str, typer.Option("--book", "-b", help="The book to prove.")] = "sample",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Prove a book: chain, anchors, double entry, positions, NAV, configuration. Exit 1 if anything fails."""
    with open_services(os.environ) as services:
        store, anchors = services.store, services.anchors.read(book)
        known = [row.name for row in store.books()]
        if book not in known and not anchors:
            raise JournalError(f"there is no book {book!r}; there are: {', '.join(known) or 'none yet'}")
        try:
            report = verify(book, list(store.read(book)), anchors, store.count_postings(book))
        except JournalError as error:
            report = Report(book, Head(), (), (Fault("readable", 0, str(error)),))
    if as_json:
        typer.echo(json.dumps(_as_json(report)))
    else:
        _print(report)
    if not report.holds:
        raise typer.Exit(1)


def _print(report: Report) -> None:
    console = Console()
    table = Table(title=f"Journal of book {report.book}", show_lines=False)
    table.add_column("proved")
    table.add_column("looked at", justify="right")
    table.add_column("what it says")
    for proof in report.proofs:
        table.add_row("yes" if proof.holds else "NO", f"{proof.looked_at:,}", proof.sentence)
    console.print(table)
    console.print(f"{report.head.seq} events, head {report.head.hash.hex()}", highlight=False)
    for fault in report.faults:
        console.print(f"event {fault.seq}: {fault.check}: {fault.message}", style="bold red", highlight=False)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "book": report.book,
        "holds": report.holds,
        "journal_events": report.head.seq,
        "journal_hash": report.head.hash.hex(),
        "proofs": [
            {"check": p.check, "sentence": p.sentence, "looked_at": p.looked_at, "holds": p.holds}
            for p in report.proofs
        ],
        "faults": [{"check": f.check, "event": f.seq, "message": f.message} for f in report.faults],
    }
