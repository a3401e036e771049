"""``alluse notify``: send what is due of a book's alerts, once or for as long as it runs."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from dataclasses import asdict
from types import FrameType
from typing import Annotated

import psycopg
import typer

from alluse_assets.adapters.notify import open_channels
from alluse_assets.alerts.message import trial_message
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.profile_files import profile_of
from alluse_assets.base.errors import AlluseError, ConfigError
from alluse_assets.base.events import instant_text
from alluse_assets.cli.person import utc_now
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.notifications import Pass, send_due
from alluse_assets.orchestration.services import Services, open_services

log = logging.getLogger(__name__)

_EVERY_SECONDS = 30.0


def notify_command(
    book: Annotated[str, typer.Option("--book", "-b", help="The book.")] = "sample",
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Whose channels; default: the book's name.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    test: Annotated[
        str, typer.Option("--test", metavar="CHANNEL", help="Only send a test message to this channel.")
    ] = "",
    also_a_replay: Annotated[
        bool, typer.Option("--replay", help="Also where the book is a replay, to try the channels out.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Send the alerts that are due now. Exit 1 if one could not be sent."""
    chosen = profile or profile_of(book)
    if test:
        _try_out(test, chosen)
        return
    with open_services(os.environ) as services:
        if watch:
            _watch(services, book, chosen, also_a_replay)
            return
        done = _pass(services, book, chosen, also_a_replay)
    if as_json:
        next_at = instant_text(done.next_at) if done.next_at else None
        typer.echo(json.dumps({**asdict(done), "next_at": next_at}))
    else:
        typer.echo(done.sentence)
    if done.failed or done.given_up:
        raise typer.Exit(1)


def _pass(services: Services, book: str, profile: str, also_a_replay: bool) -> Pass:
    config = config_of_book(services.store, book, profile, os.environ).asked
    return send_due(services, book, config, utc_now(), also_a_replay=also_a_replay)


def _watch(services: Services, book: str, profile: str, also_a_replay: bool) -> None:
    """A pass every half minute; one that fails as a whole is told of and the next one tries again."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    last = ""
    while not stop.is_set():
        try:
            said = _pass(services, book, profile, also_a_replay).sentence
            if said != last:
                log.info(said)
            last = said
        except (AlluseError, psycopg.Error) as error:
            log.error("book %s: nothing was sent: %s", book, error)
        stop.wait(_EVERY_SECONDS)


def _try_out(name: str, profile: str) -> None:
    rules = load(profile, os.environ).config.notify
    if name not in rules.channels:
        known = ", ".join(sorted(rules.channels)) or "none"
        raise ConfigError(
            f"notify.channels: there is no channel {name!r} in profile {profile}; there are: {known}"
        )
    open_channels(rules, os.environ)[name].send(trial_message(name, utc_now()))
    typer.echo(f"channel {name}: the service took the test message")
