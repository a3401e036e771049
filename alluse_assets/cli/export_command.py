"""``alluse export``: everything of a book, or of all, as one DuckDB file for research."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from alluse_assets.adapters.duckdb_export import ExportReport, export_duckdb
from alluse_assets.orchestration.services import open_services


def export_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; an older one is replaced.")],
    book: Annotated[str, typer.Option("--book", "-b", help="One book; default: all.")] = "",
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Last day that counts; default: all there is."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Write bars, chains, journal and every table made from it into one DuckDB file with a dictionary."""
    began = time.monotonic()
    with open_services(os.environ) as services, Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("exporting", total=None)
        report = export_duckdb(
            out,
            services.lake,
            services.store,
            services.calendar,
            book or None,
            as_of.date() if as_of else None,
            lambda name, done, total: bar.update(
                task, completed=done, total=total, description=f"exporting {name}"
            ),
        )
    seconds = round(time.monotonic() - began, 3)
    if as_json:
        typer.echo(json.dumps(_as_json(report, seconds)))
        return
    console = Console(soft_wrap=True)
    console.print(_as_table(report))
    console.print(f"{report.path}: {report.size_bytes / 1e6:,.1f} MB in {seconds:.1f} s")
    console.print(
        f"open it with: python -c \"import duckdb; duckdb.connect('{report.path}').sql('FROM books').show()\""
    )


def _as_json(report: ExportReport, seconds: float) -> dict[str, object]:
    return {
        "path": str(report.path),
        "as_of": report.as_of.isoformat() if report.as_of else None,
        "books": list(report.books),
        "markets": list(report.markets),
        "rows": report.rows,
        "size_bytes": report.size_bytes,
        "seconds": seconds,
    }


def _as_table(report: ExportReport) -> Table:
    as_of = f" as of {report.as_of}" if report.as_of else ""
    title = f"{report.path.name}{as_of}: books {', '.join(report.books) or 'none'}"
    table = Table("table", "rows", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for name, count in report.rows.items():
        table.add_row(name, f"{count:,}")
    return table
