"""``alluse replay``: run a book over past sessions and say what came of it."""

from __future__ import annotations

import json
import os
import time
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from alluse_assets.base.errors import ConfigError
from alluse_assets.base.money import to_cents
from alluse_assets.orchestration.book_config import BookConfig, config_of_book
from alluse_assets.orchestration.floor_comparison import compare_floors
from alluse_assets.orchestration.market_preparation import prepare_market
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.projections import project_book
from alluse_assets.orchestration.replay import Replay
from alluse_assets.orchestration.services import Services, market_source, open_services
from alluse_assets.reporting.floor_comparison import FloorComparison
from alluse_assets.reporting.summary import BookSummary, summarise

_DATE = ["%Y-%m-%d"]


def replay_command(
    profile: Annotated[str, typer.Option("--profile", "-p", help="A shipped profile or a file.")] = "sample",
    start: Annotated[
        datetime | None, typer.Option("--from", formats=_DATE, help="First day; default: the profile's.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=_DATE, help="Last day; default: the profile's.")
    ] = None,
    book: Annotated[str, typer.Option("--book", "-b", help="Name of the book; default: the profile's.")] = "",
    lump_sum: Annotated[str, typer.Option("--lump-sum", help="USD; default: the profile's.")] = "",
    compare: Annotated[
        bool,
        typer.Option("--compare-floors", help="Beside it the same replay with every question answered yes."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Replay a book session by session. Stopped at any point, the same command goes on from there."""
    began = time.monotonic()
    name = book or os.path.splitext(os.path.basename(profile))[0]
    errors = Console(stderr=True)
    with open_services(os.environ) as services:
        chosen = config_of_book(services.store, name, profile, os.environ, _money(lump_sum))
        first, last = _range(chosen, start, end)
        _warn(errors, name, chosen)
        with _progress(errors) as progress:
            summary = run_replay(services, name, profile, chosen, first, last, progress)
            floors = compare_with_yes(services, name, chosen, progress) if compare else None
    seconds = round(time.monotonic() - began, 3)
    if as_json:
        more = {"floors": floors.as_json()} if floors else {}
        typer.echo(json.dumps({**summary.as_json(), **more, "seconds": seconds}))
    else:
        Console().print(summary_table(summary))
        if floors:
            Console().print(floors_table(floors))
        Console().print(
            f"{summary.sessions} sessions, {summary.journal_events} events, "
            f"head {summary.journal_hash[:16]}, {seconds:.1f} s. Prove it with: alluse verify --book {name}"
        )


def run_replay(
    services: Services,
    book: str,
    profile: str,
    chosen: BookConfig,
    first: date,
    last: date,
    progress: Progress,
) -> BookSummary:
    """Prepare what the lake lacks, replay, and sum up, with a progress bar for each part."""
    config = chosen.config
    source = market_source(config, services.calendar, services.lake, os.environ)
    steps = MarketSteps(services.lake, config, services.calendar, source)
    preparing = progress.add_task("preparing the market", total=None)
    prepare_market(
        steps,
        book,
        first,
        last,
        lambda done, total: progress.update(preparing, completed=done, total=total),
        chosen.timeline,
    )
    progress.update(preparing, completed=1, total=1)
    replaying = progress.add_task("replaying", total=None)
    replay = Replay(services.store, services.anchors, services.lake, services.calendar, book, profile, config)
    replay.run(
        first,
        last,
        lambda session, done, total: progress.update(
            replaying, completed=done, total=total, description=f"replaying {session}"
        ),
    )
    projecting = progress.add_task("projecting the journal", total=1)
    project_book(services.store, services.lake, services.calendar, book)
    progress.update(projecting, completed=1)
    return summarise(book, list(services.store.read(book)), services.calendar)


def compare_with_yes(
    services: Services, book: str, chosen: BookConfig, progress: Progress
) -> FloorComparison:
    """The replayed book beside the same replay with approval = yes, with a progress bar."""
    comparing = progress.add_task("replaying with yes", total=None)
    rows = list(services.store.read(book))
    return compare_floors(
        book,
        rows,
        services.lake,
        services.calendar,
        chosen.config,
        lambda _, done, total: progress.update(comparing, completed=done, total=total),
    )


def floors_table(floors: FloorComparison) -> Table:
    """What the floors alone refused, and what the book would have done with it."""
    table = Table(
        title="What each premium floor alone refused",
        caption=f"this replay answers {floors.answer}; beside it the same replay that answers yes",
    )
    table.add_column("account")
    for column in ("refused", "asked"):
        table.add_column(column, justify="right")
    table.add_column("answer")
    for column in ("NAV USD", "return", "trades", "assigned"):
        table.add_column(column, justify="right")
    for row in floors.rows:
        asked = (row.account, str(row.floor_alone), str(row.asked))
        for answer, account in ((floors.answer, row.as_it_was), ("yes", row.with_yes)):
            table.add_row(
                *(asked if account is row.as_it_was else ("", "", "")),
                answer,
                f"{account.nav:,.0f}",
                f"{account.total_return:+.2%}",
                str(account.trades),
                str(account.assignments),
            )
    return table


def summary_table(summary: BookSummary) -> Table:
    """What a book did, a row an account and one for the whole."""
    table = Table(
        title=f"Book {summary.book}, {summary.first_session} to {summary.last_session}",
        caption=f"market mode guessed right in {summary.guesses_right} of {summary.guesses} weeks",
    )
    table.add_column("account")
    for column in ("NAV USD", "return", "trades", "assignments"):
        table.add_column(column, justify="right")
    table.add_column("week types")
    for account in summary.accounts:
        table.add_row(
            account.name,
            f"{account.nav:,.2f}",
            f"{account.total_return:+.2%}",
            str(account.trades),
            str(account.assignments),
            " ".join(f"{kind} {count}" for kind, count in account.week_types.items()),
        )
    total = summary.nav / summary.capital - 1
    table.add_section()
    table.add_row(
        "in all",
        f"{summary.nav:,.2f}",
        f"{total:+.2%}",
        str(sum(account.trades for account in summary.accounts)),
        str(sum(account.assignments for account in summary.accounts)),
        "",
    )
    return table


def _range(chosen: BookConfig, start: datetime | None, end: datetime | None) -> tuple[date, date]:
    given = chosen.asked.book
    stored = date.fromisoformat(chosen.first_session) if chosen.first_session else None
    first = (start.date() if start else None) or stored or given.replay_start
    last = (end.date() if end else None) or given.replay_end
    if first is None or last is None:
        raise ConfigError("the profile names no range to replay: give --from and --to")
    if first > last:
        raise ConfigError(f"--from {first} is after --to {last}")
    return first, last


def _money(given: str) -> Decimal | None:
    if not given:
        return None
    try:
        amount = Decimal(given.replace(",", "").replace("_", ""))
        if amount.is_finite() and amount == to_cents(amount):
            return amount
        raise ConfigError(f"--lump-sum {given!r} is no amount in whole cents, such as 1000000")
    except ArithmeticError as error:
        raise ConfigError(f"--lump-sum {given!r} is no amount in USD, such as 1000000") from error


def _warn(console: Console, book: str, chosen: BookConfig) -> None:
    for note in chosen.notes(book):
        console.print(note, highlight=False)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
