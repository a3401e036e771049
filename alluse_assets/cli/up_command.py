"""``alluse up``: the Dagster UI and the app on loopback, with the database under them, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.profile_files import DEFAULT_BOOK, profile_of
from alluse_assets.base.errors import ConfigError
from alluse_assets.cli.stream_command import METRICS_PORT
from alluse_assets.cli.surfaces import (
    Surface,
    children,
    require_free,
    stop_on_signals,
    wait_until_up,
    watch,
)
from alluse_assets.orchestration.dagster_home import HOME_VARIABLE, PROJECT, prepare_dagster_home
from alluse_assets.orchestration.services import open_services


def up_command(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
    app_port: Annotated[int, typer.Option("--app-port", min=1, max=65535, help="Port of the app.")] = 8501,
    book: Annotated[str, typer.Option("--book", "-b", help="The book that the graph shows.")] = "",
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="What that book runs on; a live market is streamed, too.")
    ] = "",
) -> None:
    """Start the Dagster UI, its daemon, the app and a live market's stream; Ctrl-C stops everything."""
    console = Console(stderr=True, highlight=False)
    if port == app_port:
        raise ConfigError(f"--port and --app-port are both {port}: give each its own")
    require_free(host, port, "Dagster UI", "--port")
    require_free(host, app_port, "app", "--app-port")
    shown = book or os.environ.get("ALLUSE_BOOK") or DEFAULT_BOOK
    chosen = profile or os.environ.get("ALLUSE_PROFILE") or profile_of(shown)
    chosen = str(Path(chosen).resolve()) if Path(chosen).suffix else chosen
    is_live = load(chosen, os.environ).config.market.source == "live"
    with stop_on_signals(), open_services(os.environ) as services:
        home = prepare_dagster_home(services.installation)
        # In the project's folder Dagster would find dagster.yaml twice, and warn.
        surfaces = [
            Surface("Dagster UI", _dagster(host, port), home, port, "/server_info"),
            Surface("app", _streamlit(host, app_port), PROJECT, app_port, "/_stcore/health"),
        ]
        environment = {
            **os.environ,
            **services.database.child_environment,
            HOME_VARIABLE: str(home),
            "ALLUSE_HOME": str(services.installation.home),
            "ALLUSE_BOOK": shown,
            "ALLUSE_PROFILE": chosen,
        }
        if is_live:
            surfaces.append(
                Surface("stream", _stream(host, chosen), PROJECT, METRICS_PORT, "/metrics", restarts=True)
            )
        logs = services.installation.home / "logs"
        with children(surfaces, environment, logs) as running:
            wait_until_up(host, surfaces, running, logs)
            for surface in surfaces:
                path = surface.answers if surface.restarts else ""
                console.print(f"{surface.name}: http://{host}:{surface.port}{path}")
            console.print("Ctrl-C stops everything")
            watch(surfaces, running, environment, logs, console.print)


def _dagster(host: str, port: int) -> list[str]:
    workspace = str(PROJECT / "workspace.yaml")
    return [sys.executable, "-m", "dagster", "dev", "-w", workspace, "-h", host, "-p", str(port)]


def _stream(host: str, profile: str) -> list[str]:
    return [sys.executable, "-m", "alluse_assets.cli", "stream", "--profile", profile, "--host", host]


def _streamlit(host: str, port: int) -> list[str]:
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "server.fileWatcherType": "none",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(PROJECT / "analytics_app" / "app.py"), *flags]
