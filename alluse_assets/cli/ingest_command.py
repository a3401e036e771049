"""``alluse ingest``: a file or a folder of market data into the lake, and what became of its rows."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from alluse_assets.adapters.files import SOURCE, FileOutcome, Given, Ingest, IngestReport
from alluse_assets.adapters.files.layouts import ALL_LAYOUTS
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.errors import DataError
from alluse_assets.market_data.source import DATA_KINDS
from alluse_assets.orchestration.installation import Installation
from alluse_assets.orchestration.market_preparation import judge_files
from alluse_assets.orchestration.market_steps import Counts, MarketSteps

_LAYOUT_NAMES = tuple(layout.name for layout in ALL_LAYOUTS)
_INTERRUPTED = 130

Name = TypeVar("Name", bound=str)


def ingest_command(
    path: Annotated[Path, typer.Option("--path", help="A file, or a folder of files.")],
    kind: Annotated[
        str | None, typer.Option("--kind", help="What they hold; left out: their columns say it.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="Their layout; left out: told by their columns.")
    ] = None,
    underlying: Annotated[
        str | None, typer.Option("--underlying", help="Ticker of files that name none.")
    ] = None,
    root: Annotated[
        str | None, typer.Option("--root", help="Option root where files have no symbols, such as SPXW.")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Session of quotes in files that do not say it."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="New York time of quotes with a date only, such as 15:45.")
    ] = None,
    symbols: Annotated[
        str | None, typer.Option("--symbols", help="Take these only, such as SPY,AAPL; the rest is left.")
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Whose quality rules judge what was taken in.")
    ] = "default",
    again: Annotated[
        bool, typer.Option("--again", help="Also files that are in the lake and have not changed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Clean the rows of files and put them into the lake; refused rows are kept with their rule.

    Stop it at any time: the same command goes on with the first file that is not done.
    """
    given = Given(
        layout=_one_of(_LAYOUT_NAMES, layout, "--layout"),
        kind=_one_of(DATA_KINDS, kind, "--kind"),
        underlying=underlying,
        day=day.date() if day else None,
        at=_time_of(at),
        root=root,
        symbols=frozenset(filter(None, (one.strip().upper() for one in (symbols or "").split(",")))),
    )
    installation = Installation.from_environment(os.environ)
    lake, calendar = Lake(installation.lake), trading_calendar()
    rules = load(profile, os.environ).config
    work = Ingest(lake, calendar, installation.scratch, given, again)
    outcomes = _run(work, path)
    judged = _judge(MarketSteps(lake, _of_files(rules), calendar, None))
    if path.is_dir():
        _tell_folder(path, outcomes, judged, as_json)
    else:
        _tell_file(outcomes[0], judged, as_json)


def _one_of(known: Sequence[Name], asked: str | None, option: str) -> Name | None:
    found = next((one for one in known if one == asked), None)
    if asked is not None and found is None:
        raise typer.BadParameter(f"{asked} is none of {', '.join(known)}", param_hint=option)
    return found


def _time_of(text: str | None) -> time | None:
    try:
        return time.fromisoformat(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no time of day, such as 15:45", param_hint="--at") from error


def _run(work: Ingest, path: Path) -> list[FileOutcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    found: list[FileOutcome] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        files = work.files(path)
        overall = progress.add_task("files", total=len(files), visible=len(files) > 1)
        current = progress.add_task("", total=None)

        def on_step(stage: str, done: int, total: int) -> None:
            unit = "rows" if stage == "writing" else "read"
            name = files[len(found)].name
            progress.update(current, description=f"{name}: {unit}", completed=done, total=total)

        try:
            if path.is_dir():
                for outcome in work.outcomes(files, on_step):
                    found.append(outcome)
                    progress.update(overall, completed=len(found))
            else:
                found.append(work.take_in(path, on_step))
        except KeyboardInterrupt:
            progress.stop()
            typer.echo(
                f"stopped: {len(found)} of {len(files)} files are done; run it again to go on", err=True
            )
            raise typer.Exit(_INTERRUPTED) from None
    return found


def _of_files(rules: ProtocolConfig) -> ProtocolConfig:
    return rules.model_copy(update={"market": rules.market.model_copy(update={"source": SOURCE})})


def _judge(steps: MarketSteps) -> Counts:
    """Judge the new rows beside their neighbours; what was left unjudged by a stop, too."""
    columns = (TextColumn("judging bars and chains"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        return judge_files(steps, lambda done, total: progress.update(task, completed=done, total=total))


def _tell_judged(judged: Counts) -> None:
    if judged.rows + judged.quarantined:
        typer.echo(
            f"bars and chains of the months judged beside their neighbours: {judged.rows:,} rows good, "
            f"{judged.quarantined:,} quarantined"
        )


def _judged_json(judged: Counts) -> dict[str, object]:
    return {"judged": {"rows_good": judged.rows, "rows_quarantined": judged.quarantined}}


def _tell_file(outcome: FileOutcome, judged: Counts, as_json: bool) -> None:
    report = outcome.report
    if as_json:
        typer.echo(json.dumps({**_as_json(outcome), **_judged_json(judged)}))
    elif report is None:
        typer.echo(f"{outcome.path} is in the lake and has not changed; --again takes it in once more")
    else:
        Console(soft_wrap=True).print(_as_table(report))
        _tell_judged(judged)
    if report is not None and _has_nothing_good(report):
        typer.echo("no row of the file was good: see the rules above", err=True)
        raise typer.Exit(1)


def _tell_folder(folder: Path, outcomes: list[FileOutcome], judged: Counts, as_json: bool) -> None:
    reports = [outcome.report for outcome in outcomes if outcome.report]
    refused = [outcome for outcome in outcomes if outcome.refused]
    if as_json:
        answer = {
            "path": str(folder),
            "source": SOURCE,
            "files": [_as_json(outcome) for outcome in outcomes],
            **{name: sum(getattr(report, name) for report in reports) for name in _ROW_COUNTS},
            **_judged_json(judged),
        }
        typer.echo(json.dumps(answer))
    else:
        _print_folder(folder, reports, len(outcomes), len(refused))
        _tell_judged(judged)
    for outcome in refused:
        typer.echo(f"refused: {outcome.refused}", err=True)
    useless = [report for report in reports if _has_nothing_good(report)]
    for report in useless:
        typer.echo(f"no row was good: {report.path}: {', '.join(report.quarantined)}", err=True)
    if refused or useless:
        raise typer.Exit(DataError.exit_code if len(refused) == len(outcomes) else 1)


def _print_folder(folder: Path, reports: list[IngestReport], files: int, refused: int) -> None:
    console = Console(soft_wrap=True)
    done = files - len(reports) - refused
    console.print(
        f"{folder}: {len(reports)} taken in, {done} done before, {refused} refused", highlight=False
    )
    if not reports:
        return
    table = Table("file, layout")
    table.columns[0].overflow = "fold"
    for name in ("read", "written", "unchanged", "quarantined"):
        table.add_column(name, justify="right", no_wrap=True)
    for report in reports:
        numbers = (report.rows_read, report.rows_written, report.rows_unchanged, report.rows_quarantined)
        name = f"{report.path.relative_to(folder)}, {report.layout}"
        table.add_row(name, *(f"{number:,}" for number in numbers))
    console.print(table)
    for rule, rows in _rules(reports).items():
        console.print(f"quarantined: {rule}: {rows:,}", highlight=False)


_ROW_COUNTS = (
    "rows_read",
    "rows_written",
    "rows_unchanged",
    "rows_replaced",
    "rows_quarantined",
    "rows_left",
)


def _has_nothing_good(report: IngestReport) -> bool:
    return bool(report.rows_read) and report.rows_quarantined == report.rows_read


def _rules(reports: list[IngestReport]) -> dict[str, int]:
    rules: dict[str, int] = {}
    for report in reports:
        for rule, rows in report.quarantined.items():
            rules[rule] = rules.get(rule, 0) + rows
    return dict(sorted(rules.items(), key=lambda entry: (-entry[1], entry[0])))


def _as_json(outcome: FileOutcome) -> dict[str, object]:
    report = outcome.report
    if report is None:
        status = {"refused": outcome.refused} if outcome.refused else {"unchanged_file": True}
        return {"path": str(outcome.path), **status}
    return {
        "kind": report.kind,
        "layout": report.layout,
        "path": str(report.path),
        "source": SOURCE,
        **{name: getattr(report, name) for name in _ROW_COUNTS},
        "quarantined": report.quarantined,
        "first": _iso(report.first),
        "last": _iso(report.last),
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _as_table(report: IngestReport) -> Table:
    span = f", {report.first} to {report.last}" if report.first else ""
    title = f"{report.path.name}: {report.kind}, layout {report.layout}{span}"
    table = Table("rows", "number", title=title, title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("read", f"{report.rows_read:,}")
    table.add_row("written", f"{report.rows_written:,}")
    table.add_row("unchanged", f"{report.rows_unchanged:,}")
    if report.rows_replaced:
        table.add_row("of those written, corrections of stored rows", f"{report.rows_replaced:,}")
    if report.rows_left:
        table.add_row("of symbols not asked for", f"{report.rows_left:,}")
    for rule, count in report.quarantined.items():
        table.add_row(f"quarantined: {rule}", f"{count:,}")
    return table
