"""The ``alluse`` command: one module a group of commands, assembled here.

Belongs here: arguments in, core and adapters called, tables or JSON out. Nothing is decided here.
"""

from collections.abc import Sequence

import typer

from alluse_assets.cli.config_commands import config_commands
from alluse_assets.cli.doctor_command import doctor_command
from alluse_assets.cli.errors import expected_errors
from alluse_assets.cli.ingest_command import ingest_command
from alluse_assets.cli.replay_command import replay_command
from alluse_assets.cli.run_command import run_command
from alluse_assets.cli.up_command import up_command
from alluse_assets.cli.verify_command import verify_command

__all__ = ["build_app", "main"]


def build_app() -> typer.Typer:
    """The command with all its groups."""
    app = typer.Typer(
        name="alluse",
        help="An open data platform that runs, studies and explains an automated options-income protocol.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.command("run")(run_command)
    app.command("up")(up_command)
    app.command("doctor")(doctor_command)
    app.command("replay")(replay_command)
    app.command("verify")(verify_command)
    app.command("ingest")(ingest_command)
    app.add_typer(config_commands, name="config")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with the process's arguments, or the given ones. Ends by SystemExit."""
    with expected_errors():
        build_app()(None if arguments is None else list(arguments), prog_name="alluse")
