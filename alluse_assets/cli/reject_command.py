"""``alluse reject``: a person says no."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from alluse_assets.cli.person import own_name, utc_now
from alluse_assets.orchestration.answering import give_answer
from alluse_assets.orchestration.services import open_services


def reject_command(
    approval: Annotated[
        str, typer.Argument(metavar="ID", help="As `alluse approvals` lists it, or its unique beginning.")
    ],
    book: Annotated[str, typer.Option("--book", "-b", help="The book that asks.")] = "sample",
    name: Annotated[str, typer.Option("--as", help="Your name; default: the user who runs this.")] = "",
    why: Annotated[str, typer.Option("--why", help="Your reason, kept in the journal.")] = "",
) -> None:
    """Say no. Not answering is a no, too, when the time is over."""
    with open_services(os.environ) as services:
        given = give_answer(
            services.store, services.anchors, book, approval, name or own_name(), False, utc_now, why
        )
    typer.echo(f"rejected by {given.asked.answered_by}: {given.asked.approval}")
