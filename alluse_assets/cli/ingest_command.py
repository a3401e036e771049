"""``alluse ingest``: a Parquet file of bars or option quotes into the lake, and what became of its rows."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from alluse_assets.adapters.files import SOURCE, IngestReport, ingest
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.orchestration.installation import Installation


class IngestKind(StrEnum):
    """The tables that a file can hold."""

    bars = "bars"
    option_quotes = "option_quotes"


def ingest_command(
    kind: Annotated[IngestKind, typer.Option("--kind", help="What the file holds.")],
    path: Annotated[Path, typer.Option("--path", help="A Parquet file; its columns are the table's.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Clean a Parquet file's rows and put them into the lake; refused rows are kept with their rule."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"ingest {path.name}", total=None)
        report = ingest(
            path,
            kind.value,
            Lake(Installation.from_environment(os.environ).lake),
            trading_calendar(),
            on_rows=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        typer.echo(json.dumps(_as_json(report)))
    else:
        Console(soft_wrap=True).print(_as_table(report))
    if report.rows_read and report.rows_quarantined == report.rows_read:
        typer.echo("no row of the file was good: see the rules above", err=True)
        raise typer.Exit(1)


def _as_json(report: IngestReport) -> dict[str, object]:
    return {
        "kind": report.kind,
        "path": str(report.path),
        "source": SOURCE,
        "rows_read": report.rows_read,
        "rows_written": report.rows_written,
        "rows_unchanged": report.rows_unchanged,
        "rows_replaced": report.rows_replaced,
        "rows_quarantined": report.rows_quarantined,
        "quarantined": report.quarantined,
        "first": report.first.isoformat() if report.first else None,
        "last": report.last.isoformat() if report.last else None,
    }


def _as_table(report: IngestReport) -> Table:
    span = f", {report.first} to {report.last}" if report.first else ""
    table = Table("rows", "number", title=f"{report.path.name}: {report.kind}{span}", title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("read", f"{report.rows_read:,}")
    table.add_row("written", f"{report.rows_written:,}")
    table.add_row("unchanged", f"{report.rows_unchanged:,}")
    if report.rows_replaced:
        table.add_row("of those written, corrections of stored rows", f"{report.rows_replaced:,}")
    for rule, count in report.quarantined.items():
        table.add_row(f"quarantined: {rule}", f"{count:,}")
    return table
