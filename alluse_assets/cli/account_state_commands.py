"""``alluse pause``, ``close-only``, ``halt`` and ``resume``: what a person does to the accounts of a book."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from alluse_assets.cli.person import own_name, utc_now
from alluse_assets.orchestration.account_holds import HoldChange, hold_accounts, resume_accounts
from alluse_assets.orchestration.services import open_services

BookOption = Annotated[str, typer.Option("--book", "-b", help="Name of the book.")]
AccountOption = Annotated[
    list[str] | None, typer.Option("--account", "-a", help="An account; may be repeated; default: all.")
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason; the journal keeps it.")]
NameOption = Annotated[str, typer.Option("--as", help="Your name; default: the user who runs this.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]


def pause_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """No new entries until you resume. What is open is protected and closed as ever."""
    _hold(book, account, "paused", why, name, as_json)


def close_only_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cancel what would open something, and only close until you resume."""
    _hold(book, account, "close_only", why, name, as_json)


def halt_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """The kill switch: what works is cancelled within a minute, and nothing is sent until you resume."""
    _hold(book, account, "halted", why, name, as_json)


def resume_command(
    book: BookOption,
    why: WhyOption,
    account: AccountOption = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(
            "--hold",
            help="End exactly this hold, such as level_3:AAPL, the SAFE of a level; may be repeated. "
            "Default: what a person placed.",
        ),
    ] = None,
    name: NameOption = "",
    as_json: JsonOption = False,
) -> None:
    """End pause, close-only and the kill switch. What else holds an account stays and says what would end it.

    The SAFE of a level ends only when it is named: --hold level_3:AAPL.
    """
    with open_services(os.environ) as services:
        by = name or own_name()
        changes = resume_accounts(
            services.store, services.anchors, book, account or [], why, by, utc_now, hold or []
        )
    _show(changes, as_json)


def _hold(book: str, accounts: list[str] | None, kind: str, why: str, name: str, as_json: bool) -> None:
    """Place a hold and show the accounts after it."""
    with open_services(os.environ) as services:
        by = name or own_name()
        changes = hold_accounts(
            services.store, services.anchors, book, accounts or [], kind, why, by, utc_now
        )
    _show(changes, as_json)


def _show(changes: Sequence[HoldChange], as_json: bool) -> None:
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
