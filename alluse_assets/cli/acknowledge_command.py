"""``alluse acknowledge``: somebody looks after an alert, so nobody else is called."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from alluse_assets.cli.person import utc_now
from alluse_assets.orchestration.alert_answers import acknowledge
from alluse_assets.orchestration.services import open_services


def acknowledge_command(
    alert: Annotated[str, typer.Argument(help="The alert's id.")],
    book: Annotated[str, typer.Option("--book", "-b", help="The book.")],
    by: Annotated[str, typer.Option("--as", help="Who looks after it.")],
    why: Annotated[str, typer.Option("--why", help="What to remember of it.")] = "",
) -> None:
    """Say that you look after an alert. It is not escalated any more; doing it twice is doing it once."""
    with open_services(os.environ) as services:
        is_new = acknowledge(services, book, alert, by, why, utc_now())
    typer.echo(f"alert {alert}: {'acknowledged' if is_new else 'was acknowledged before, nothing changed'}")
