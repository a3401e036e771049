"""``alluse trade``: walk what is due of a paper book over the live market, once or all day."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from alluse_assets.base.config.profile_files import profile_of
from alluse_assets.base.errors import AlluseError
from alluse_assets.cli.person import utc_now
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.live_book import LiveBook
from alluse_assets.orchestration.live_trading import live_book
from alluse_assets.orchestration.services import open_services
from alluse_assets.orchestration.watching import watch_protocol

_MINUTE_SECONDS = 60


def trade_command(
    book: Annotated[str, typer.Option("--book", "-b", help="Name of the paper book; a new one is opened.")],
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="What a new book runs on; default: the one of its name.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on, a look a minute, until Ctrl-C.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a walk on stdout and nothing else.")
    ] = False,
) -> None:
    """Open the session, look at the market, close the session: whatever of it is due now.

    Killed at any moment, it is simply started again: missed openings and closes are made up for.
    """
    errors, stop = Console(stderr=True, highlight=False), threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    if watch:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, end)
    with open_services(os.environ) as services:
        name = profile or profile_of(book)
        if profile:
            for note in config_of_book(services.store, book, name, os.environ).notes(book):
                errors.print(note)
        live = live_book(services, book, name, os.environ)
        if not watch:
            _walk(live, book, as_json)
            return
        every_minute(
            [lambda: _walk(live, book, as_json), lambda: watch_protocol(live, utc_now())],
            errors.print,
            stop,
        )


def every_minute(
    acts: Sequence[Callable[[], object]], tell: Callable[[str], None], stop: threading.Event
) -> None:
    """Do all of ``acts`` at once and at every full minute, until ``stop``.

    A day's work does not end with an act that failed, or with a database that was away: what was not
    committed did not happen, and the next minute asks again.
    """
    while not stop.is_set():
        for act in acts:
            try:
                act()
            except (AlluseError, psycopg.Error) as error:
                tell(f"{utc_now():%H:%M} UTC: {str(error).strip()}")
        now = utc_now()
        stop.wait(_MINUTE_SECONDS - now.second - now.microsecond / 1e6)


def _walk(live: LiveBook, book: str, as_json: bool) -> None:
    now = utc_now()
    steps = live.walk(now)
    if as_json:
        rows = [{"step": one.kind.value, "session": one.session.isoformat()} for one in steps]
        typer.echo(json.dumps({"book": book, "at": now.isoformat(timespec="seconds"), "steps": rows}))
    elif steps:
        done = ", ".join(f"{one.kind.value} {one.session}" for one in steps)
        typer.echo(f"{now:%Y-%m-%d %H:%M} UTC, book {book}: {done}")
    else:
        typer.echo(f"{now:%Y-%m-%d %H:%M} UTC, book {book}: nothing is due")
