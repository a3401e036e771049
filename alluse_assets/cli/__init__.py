"""The ``alluse`` command: one module a command, loaded when it is asked for.

Belongs here: arguments in, core and adapters called, tables or JSON out. Nothing is decided here.
"""

import importlib
import sys
from collections.abc import Sequence

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from alluse_assets.cli.errors import expected_errors

__all__ = ["build_app", "main"]

# In the order people meet them; behind a colon the function, where it is not called like its module. Dagster,
# Numba and pandas take seconds to import: a command loads its own module only, so that one that needs none of
# them starts at once.
COMMANDS = {
    "run": "run_command",
    "up": "up_command",
    "doctor": "doctor_command",
    "replay": "replay_command",
    "verify": "verify_command",
    "approvals": "approvals_command",
    "approve": "approve_command",
    "reject": "reject_command",
    "export": "export_command",
    "ingest": "ingest_command",
    "price": "price_command",
    "snapshot": "snapshot_command",
    "stream": "stream_command",
    "serve": "serve_command",
    "trade": "trade_command",
    "pause": "account_state_commands:pause_command",
    "close-only": "account_state_commands:close_only_command",
    "halt": "account_state_commands:halt_command",
    "resume": "account_state_commands:resume_command",
    "alerts": "alerts_command",
    "acknowledge": "acknowledge_command",
    "resolve": "resolve_command",
    "notify": "notify_command",
    "config": "config_commands",
    "destroy": "destroy_command",
}


class LazyCommands(TyperGroup):
    """The group whose commands are the modules of this package."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        """The command, loaded now; None when there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        loaded = getattr(importlib.import_module(f"alluse_assets.cli.{module}"), name or module)
        if isinstance(loaded, typer.Typer):
            command = get_command(loaded)
        else:
            single = typer.Typer(pretty_exceptions_enable=False)
            single.command(cmd_name)(loaded)
            command = get_command(single)
        command.name = cmd_name
        return command  # type: ignore[return-value]


def build_app() -> typer.Typer:
    """The command with all its groups."""
    app = typer.Typer(
        name="alluse",
        cls=LazyCommands,
        help="An open data platform that runs, studies and explains an automated options-income protocol.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_alluse)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with the process's arguments, or the given ones. Ends by SystemExit."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    with expected_errors():
        build_app()(given, prog_name="alluse")


def _alluse() -> None:
    """A callback makes the group a group although its commands are not known to Typer."""
