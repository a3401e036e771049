"""``alluse doctor``: what is installed, which database and features, how books stand, sources, brokers."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.cli.person import utc_now
from alluse_assets.orchestration.health import examine, is_well

_STYLE = {"ok": "green", "off": "dim", "warning": "yellow", "fault": "bold red"}


def doctor_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Say what is there, what is missing and how to get it. Exit 1 if something needed is broken."""
    findings = examine(os.environ, utc_now().astimezone(NEW_YORK))
    well = is_well(findings)
    if as_json:
        typer.echo(json.dumps({"well": well, "findings": [asdict(finding) for finding in findings]}))
    else:
        table = Table("", "what", "status", "found", "what to do")
        area = ""
        for finding in findings:
            if area and finding.area != area:
                table.add_section()
            first = finding.area if finding.area != area else ""
            status = f"[{_STYLE[finding.status]}]{finding.status}[/]"
            table.add_row(first, finding.what, status, finding.found, finding.remedy)
            area = finding.area
        Console().print(table)
        Console().print("all that is needed is there" if well else "something needed is broken: see above")
    if not well:
        raise typer.Exit(1)
