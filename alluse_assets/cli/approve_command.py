"""``alluse approve``: a person says yes to exactly one thing."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from alluse_assets.alerts.message import HASH_SHOWN
from alluse_assets.base.calendar import new_york_text
from alluse_assets.cli.person import own_name, utc_now
from alluse_assets.orchestration.answering import give_answer
from alluse_assets.orchestration.services import open_services


def approve_command(
    approval: Annotated[
        str, typer.Argument(metavar="ID", help="As `alluse approvals` lists it, or its unique beginning.")
    ],
    seen: Annotated[
        str, typer.Option("--hash", help="Beginning of the hash that you saw: anything else is refused.")
    ] = "",
    book: Annotated[str, typer.Option("--book", "-b", help="The book that asks.")] = "sample",
    name: Annotated[str, typer.Option("--as", help="Your name; default: the user who runs this.")] = "",
    why: Annotated[str, typer.Option("--why", help="Your reason, kept in the journal.")] = "",
) -> None:
    """Say yes. The next step of the book goes ahead with exactly what was asked, once, if it is in time.

    A changed configuration is there at once, and counts from the next step on.
    """
    with open_services(os.environ) as services:
        given = give_answer(
            services.store, services.anchors, book, approval, name or own_name(), True, utc_now, why, seen
        )
    asked = given.asked
    if given.config_version is not None:
        then = f"version {given.config_version} of book {book} counts from its next step on"
    else:
        then = f"to be used until {new_york_text(asked.expires_at)}"
    typer.echo(f"approved by {asked.answered_by}: {asked.approval}, hash {asked.hash[:HASH_SHOWN]}, {then}")
