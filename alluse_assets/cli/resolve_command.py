"""``alluse resolve``: an alert is over."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from alluse_assets.cli.person import utc_now
from alluse_assets.orchestration.alert_answers import resolve_alert
from alluse_assets.orchestration.services import open_services


def resolve_command(
    alert: Annotated[str, typer.Argument(help="The alert's id.")],
    book: Annotated[str, typer.Option("--book", "-b", help="The book.")],
    by: Annotated[str, typer.Option("--as", help="Who says so.")],
    why: Annotated[str, typer.Option("--why", help="Why it is over.")],
) -> None:
    """Say that an alert is over, acknowledged before or not. What of it was not sent yet stays unsent."""
    with open_services(os.environ) as services:
        resolve_alert(services, book, alert, by, why, utc_now())
    typer.echo(f"alert {alert}: resolved")
