"""``alluse stream``: the streaming ingester, a long-running process beside Dagster."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType
from typing import Annotated

import typer
from prometheus_client import start_http_server
from rich.console import Console

from alluse_assets.base.config.config_manager import load
from alluse_assets.cli.person import utc_now
from alluse_assets.cli.surfaces import require_free
from alluse_assets.orchestration.live_market import LiveMarket
from alluse_assets.orchestration.live_stream import StreamIngester
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.services import market_source, open_services, require_live
from alluse_assets.orchestration.stream_health import StreamHealth

METRICS_PORT = 9108


def stream_command(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose market to stream.")],
    host: Annotated[str, typer.Option("--host", help="Address of the metrics.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--metrics-port", min=1, max=65535, help="Port of the metrics, for Prometheus.")
    ] = METRICS_PORT,
) -> None:
    """Stream quotes and bars of each session into the hot store, until Ctrl-C.

    Between sessions it waits. Killed at any moment, it is simply started again.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    config = load(profile, os.environ).config
    require_live(config)
    require_free(host, port, "stream's metrics", "--metrics-port")
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    with open_services(os.environ) as services:
        source = market_source(config, services.calendar, services.lake, os.environ)
        steps = MarketSteps(services.lake, config, services.calendar, source)
        health = StreamHealth(services.installation.stream)
        server, thread = start_http_server(port, addr=host, registry=health.registry)
        Console(stderr=True, highlight=False).print(f"metrics: http://{host}:{port}/metrics")
        try:
            StreamIngester(LiveMarket(steps, services.hot), health, utc_now, stop).run()
        finally:
            server.shutdown()
            thread.join()
