"""``alluse alerts``: what a person should know of a book, and whether anybody was told."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alluse_assets.alerts.delivery import Standing, StandingState, standings, standings_elsewhere
from alluse_assets.alerts.message import age_text, answer_lines
from alluse_assets.alerts.states import AlertState, CurrentAlert
from alluse_assets.base.calendar import new_york_text
from alluse_assets.base.config.profile_files import profile_of
from alluse_assets.base.events import instant_text
from alluse_assets.cli.config_tables import say
from alluse_assets.cli.person import utc_now
from alluse_assets.orchestration.alert_answers import current_alerts
from alluse_assets.orchestration.book_config import config_of_book
from alluse_assets.orchestration.services import open_services

_STYLES = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": ""}


def alerts_command(
    book: Annotated[str, typer.Option("--book", "-b", help="The book.")] = "sample",
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            "-p",
            help="Whose channels to show: the notifier's; default: the book's name, if one is called so.",
        ),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """List alerts that are not resolved, newest first, with what was sent of each and to which channel."""
    now = utc_now()
    with open_services(os.environ) as services:
        known = current_alerts(services, book)
        config = config_of_book(services.store, book, profile or profile_of(book), os.environ).asked
        told: dict[str, list[Standing]] = {}
        tried = services.deliveries.read(book)
        rules = config.notify
        channels = rules.channels if rules.enabled else {}
        here = standings(known.values(), tried, rules, config.alerts.lowest_sent, now)
        elsewhere = standings_elsewhere(tried, channels)
        for one in [*here, *elsewhere]:
            told.setdefault(one.alert, []).append(one)
    shown = [one for one in reversed(known.values()) if everything or one.state is not AlertState.RESOLVED]
    if as_json:
        alerts = [_as_json(one, told.get(one.alert.id, []), now) for one in shown]
        typer.echo(json.dumps({"book": book, "alerts": alerts}))
    elif shown:
        # Where another profile has channels, an alert without a delivery may be on its way to one of them.
        _print(book, shown, told, now, "nothing yet" if elsewhere else "to no channel")
        if elsewhere or not channels:
            say(_without_rules(book, profile or profile_of(book), sorted({one.channel for one in elsewhere})))
    else:
        resolved = f"; {len(known)} resolved, --all lists them" if known else ""
        typer.echo(f"no {'' if everything else 'open '}alerts in book {book}{resolved}")


def _print(
    book: str, shown: list[CurrentAlert], told: dict[str, list[Standing]], now: datetime, not_told: str
) -> None:
    console = Console()
    table = Table(title=f"Alerts of book {book}", show_lines=True)
    for name in ("alert", "priority", "state", "age", "what", "sent"):
        table.add_column(name, overflow="fold")
    for one in shown:
        alert = one.alert
        about = " ".join(part for part in (alert.account, alert.symbol) if part)
        if alert.text.startswith(f"{alert.account}:"):
            about = ""
        sent = [_told(standing) for standing in told.get(alert.id, [])]
        table.add_row(
            Text(alert.id),
            Text(alert.priority, _STYLES[alert.priority]),
            Text(_state(one)),
            age_text(now - one.raised_at),
            Text("\n".join([f"{about}: {alert.text}" if about else alert.text, *_answers(book, one)])),
            Text("\n".join(sent) or not_told),
        )
    console.print(table)
    console.print(f"alluse acknowledge ALERT --book {book} --as NAME", highlight=False)


def _without_rules(book: str, profile: str, channels: list[str]) -> str:
    """Said where the profile at hand does not know the channels: only the notifier's does."""
    others = f" no channel called {', '.join(channels)}" if channels else " no channel to send to"
    return (
        f"profile {profile} has{others}; what waits and when it is sent again is shown with the notifier's "
        f"profile: alluse alerts --book {book} --profile PROFILE"
    )


def _answers(book: str, one: CurrentAlert) -> list[str]:
    """How to say yes or no to what asks; the one command for all the others stands under the table."""
    is_open = one.alert.approval and one.state is not AlertState.RESOLVED
    return answer_lines(book, one.alert, "NAME") if is_open else []


def _state(one: CurrentAlert) -> str:
    answer = one.resolved or one.acknowledged
    return f"{one.state.value} by {answer.by}" if answer else one.state.value


def _told(standing: Standing) -> str:
    coming = standing.next
    words = {
        StandingState.SENT: f"sent {_minute(standing.at)}" if standing.at else "sent",
        StandingState.WAITING: "waiting",
        StandingState.SUPPRESSED: f"not sent: like {standing.by}",
        StandingState.GIVEN_UP: f"given up after {standing.tries} tries",
        StandingState.FAILED: f"not delivered, tries: {standing.tries}",
        StandingState.NOT_NEEDED: "not sent: answered before",
    }[standing.state]
    if coming:
        words += f", {coming.kind} from {_minute(coming.due)}"
    return f"{standing.channel}: {words}{f' ({standing.error})' if standing.error else ''}"


def _minute(moment: datetime) -> str:
    return new_york_text(moment.replace(second=0, microsecond=0))


def _as_json(one: CurrentAlert, told: list[Standing], now: datetime) -> dict[str, object]:
    alert = one.alert
    return {
        "alert": alert.id,
        "type": alert.type.value,
        "priority": alert.priority,
        "text": alert.text,
        "account": alert.account,
        "symbol": alert.symbol,
        "script": list(alert.script),
        "question": alert.question,
        "approval": alert.approval or None,
        "approval_hash": alert.approval_hash or None,
        "state": one.state.value,
        "raised_at": instant_text(one.raised_at),
        "age_seconds": int((now - one.raised_at).total_seconds()),
        "acknowledged_by": one.acknowledged.by if one.acknowledged else None,
        "resolved_by": one.resolved.by if one.resolved else None,
        "deliveries": [
            {
                "channel": standing.channel,
                "state": standing.state.value,
                "at": instant_text(standing.at) if standing.at else None,
                "tries": standing.tries,
                "error": standing.error or None,
                "like": standing.by or None,
                "next": standing.next.kind if standing.next else None,
                "next_at": instant_text(standing.next.due) if standing.next else None,
            }
            for standing in told
        ],
    }
