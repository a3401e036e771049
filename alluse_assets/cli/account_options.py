"""What the commands on account states share: their options, and how they show what came of them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from alluse_assets.cli.person import own_name, utc_now
from alluse_assets.orchestration.account_holds import HoldChange, hold_accounts
from alluse_assets.orchestration.services import open_services

BookOption = Annotated[str, typer.Option("--book", "-b", help="Name of the book.")]
AccountOption = Annotated[
    list[str] | None, typer.Option("--account", "-a", help="An account; may be repeated; default: all.")
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason; the journal keeps it.")]
NameOption = Annotated[str, typer.Option("--as", help="Your name; default: the user who runs this.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]


def hold(book: str, accounts: list[str] | None, kind: str, why: str, name: str, as_json: bool) -> None:
    """Place a hold and show the accounts after it."""
    with open_services(os.environ) as services:
        by = name or own_name()
        changes = hold_accounts(
            services.store, services.anchors, book, accounts or [], kind, why, by, utc_now
        )
    show_accounts(changes, as_json)


def show_accounts(changes: Sequence[HoldChange], as_json: bool) -> None:
    """A line an account, with what still holds it."""
    if as_json:
        rows = [
            {"account": one.account, "state": one.status, "changed": one.changed, "kept": list(one.kept)}
            for one in changes
        ]
        typer.echo(json.dumps({"accounts": rows}))
        return
    for one in changes:
        typer.echo(f"{one.account}: {one.status}" + ("" if one.changed else " (as before)"))
        for kept in one.kept:
            typer.echo(f"  held by {kept}")
