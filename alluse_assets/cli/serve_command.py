"""``alluse serve``: history from the lake into the hot store, for whoever asks a database."""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from alluse_assets.orchestration.market_steps import month_end
from alluse_assets.orchestration.services import open_services
from alluse_assets.orchestration.serving import SERIES, serve


def serve_command(
    market: Annotated[str, typer.Option("--market", "-m", help="Which market: sample, files or live.")],
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Make the hot store's bars, indicators, chains and surfaces of the days those of the lake."""
    with open_services(os.environ) as services, Progress(console=Console(stderr=True), transient=True) as bar:
        months = sorted({month for table in SERIES for month in services.lake.months(table, market)})
        if not months:
            known = sorted({name for table in SERIES for name in services.lake.sources(table)})
            raise typer.BadParameter(
                f"the lake has nothing of market {market!r}; it has {', '.join(known) or 'no market yet'}"
            )
        sessions = services.calendar.sessions(
            start.date() if start else date.fromisoformat(f"{months[0]}-01"),
            end.date() if end else month_end(date.fromisoformat(f"{months[-1]}-01")),
        )
        if not sessions:
            raise typer.BadParameter("there is no session from the first to the last day given")
        task = bar.add_task(f"serving {market}", total=None)
        counts = serve(
            services.lake,
            services.hot,
            services.calendar,
            market,
            sessions[0],
            sessions[-1],
            lambda done, total: bar.update(task, completed=done, total=total),
        )
        store = services.hot.edition.described
    if as_json:
        typer.echo(json.dumps({"market": market, "rows": counts, "store": store}))
        return
    rows = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    typer.echo(f"{market}, {sessions[0]} to {sessions[-1]}: {rows}; in schema market of {store}")
