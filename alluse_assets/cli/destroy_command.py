"""``alluse destroy``: remove an installation's state, so that the next command begins anew."""

from __future__ import annotations

import os
import shutil
from typing import Annotated

import typer

from alluse_assets.adapters.postgres.embedded import EmbeddedServer
from alluse_assets.orchestration.installation import Installation


def destroy_command(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove this installation's database, lake, reports and anchors; what lies elsewhere is left alone."""
    installation = Installation.from_environment(os.environ)
    if not installation.home.exists():
        typer.echo(f"there is nothing at {installation.home}")
        return
    if not yes:
        typer.confirm(f"Remove {installation.home} and every book in its database?", abort=True)
    server = EmbeddedServer(installation.postgres)
    if server.files.home.exists():
        server.destroy()
    shutil.rmtree(installation.home)
    typer.echo(f"{installation.home} is gone")
