"""The ``alluse`` command: one module a group of commands, assembled here.

Belongs here: arguments in, core and adapters called, tables or JSON out. Nothing is decided here.
"""

from collections.abc import Sequence

import typer

from alluse_assets.cli.config_commands import config_commands
from alluse_assets.cli.errors import expected_errors

__all__ = ["build_app", "main"]


def build_app() -> typer.Typer:
    """The command with all its groups."""
    app = typer.Typer(
        name="alluse",
        help="An open data platform that runs, studies and explains an automated options-income protocol.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_alluse)
    app.add_typer(config_commands, name="config")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with the process's arguments, or the given ones. Ends by SystemExit."""
    with expected_errors():
        build_app()(None if arguments is None else list(arguments), prog_name="alluse")


def _alluse() -> None:
    """Keeps the groups as groups while there is only one of them."""
