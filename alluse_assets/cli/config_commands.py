"""``alluse config``: the effective values, whether a profile holds, what differs, what settings there are.

What changes a book's configuration is in ``config_book_commands``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alluse_assets.base.config.canonical_form import canonical_value, value_text
from alluse_assets.base.config.config_manager import EffectiveConfig, diff, load, stored_config
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.config.profile_files import find_profile
from alluse_assets.base.config.reference import reference_markdown
from alluse_assets.base.config.settings_tree import Setting, sections, suggestion, value_at
from alluse_assets.base.config.settings_tree import settings as all_settings
from alluse_assets.base.errors import ConfigError
from alluse_assets.cli.config_book_commands import history_command, rollback_command, set_command
from alluse_assets.cli.config_tables import (
    changes_json,
    changes_table,
    name_column,
    print_json,
    say,
)

config_commands = typer.Typer(help="Show, check and compare configurations.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]
_PROFILE = "A profile that ships (default, sample, spx_2019), or a file's path."
_EITHER = f"{_PROFILE} Or a version of a book's configuration, such as sample@2."
_VERSION = re.compile(r"(?P<book>[a-z0-9][a-z0-9_.-]{0,62})@(?P<number>[0-9]{1,9})")

config_commands.command("set", context_settings={"ignore_unknown_options": True})(set_command)
config_commands.command("rollback")(rollback_command)
config_commands.command("history")(history_command)


@config_commands.command()
def show(
    path: Annotated[
        str, typer.Argument(help="A setting or section, such as accounts.gen; all if left out.")
    ] = "",
    profile: Annotated[str, typer.Option("--profile", "-p", help=_PROFILE)] = "default",
    book: Annotated[str, typer.Option("--book", "-b", help="A book, instead of a profile.")] = "",
    version: Annotated[
        int | None, typer.Option("--version", help="Of the book's configuration; default: the one in force.")
    ] = None,
    as_json: _Json = False,
    origin: Annotated[bool, typer.Option("--origin", help="Where each value came from.")] = False,
) -> None:
    """Print the effective values: of a profile (defaults < profile < environment), or of a book."""
    if version is not None and not book:
        raise ConfigError("--version is of a book's configuration: give --book, too")
    effective = _of_book(book, version) if book else load(profile, os.environ)
    chosen = _chosen(path)
    values = {setting.name: canonical_value(value_at(effective.config, setting.path)) for setting in chosen}
    if as_json:
        print_json(
            {
                **({"book": book} if book else {"profile": profile}),
                "fingerprint": effective.fingerprint,
                "values": values,
                **({"origins": _origins(effective, chosen)} if origin else {}),
            }
        )
        return
    places = _origins(effective, chosen)
    table = Table(name_column(), "value", *(["from"] if origin else []))
    for name, value in values.items():
        row = [value_text(value), *([places[name]] if origin else [])]
        table.add_row(name, *(escape(cell) for cell in row))
    Console().print(table)
    Console().print(f"fingerprint {effective.fingerprint}")


@config_commands.command()
def validate(
    profiles: Annotated[list[str], typer.Argument(help=_PROFILE)],
    as_json: _Json = False,
) -> None:
    """Check profiles as they stand, without the environment. Exits 1 if one has faults."""
    for profile in profiles:
        find_profile(profile)
    faults = {profile: _fault_of(profile) for profile in profiles}
    if as_json:
        print_json({"valid": not any(faults.values()), "faults": faults})
    for profile, fault in {} if as_json else faults.items():
        say(f"{profile}: {fault or 'holds'}")
    if any(faults.values()):
        raise typer.Exit(1)


@config_commands.command("diff")
def diff_command(
    before: Annotated[str, typer.Argument(help=_EITHER)],
    after: Annotated[str, typer.Argument(help=_EITHER)],
    as_json: _Json = False,
) -> None:
    """Print the settings that differ between two profiles or versions. Exits 1 if any does, as diff does."""
    changes = diff(_named(before), _named(after))
    if as_json:
        print_json({"before": before, "after": after, "changes": changes_json(changes)})
    elif changes:
        Console().print(changes_table(changes, before, after))
    else:
        say(f"{before} and {after} hold the same values")
    if changes:
        raise typer.Exit(1)


@config_commands.command()
def reference(
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it to this file instead of stdout.")
    ] = None,
) -> None:
    """Print every setting with its default, bounds and meaning, as Markdown."""
    if out is None:
        typer.echo(reference_markdown(), nl=False)
        return
    try:
        out.write_text(reference_markdown(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}") from error


def _chosen(path: str) -> list[Setting]:
    chosen = [s for s in all_settings().values() if not path or f"{s.name}.".startswith(f"{path}.")]
    if not chosen:
        known = [".".join(known) for known in (*sections(), *all_settings()) if known]
        near = suggestion(path, known)
        raise ConfigError(f"{path}: there is no such setting or section{near}")
    return chosen


def _named(name: str) -> ProtocolConfig:
    """The configuration that a profile, or ``BOOK@NUMBER``, stands for."""
    found = _VERSION.fullmatch(name)
    if found is None or Path(name).exists():
        return load(name, {}).config
    return _of_book(found["book"], int(found["number"])).config


def _of_book(book: str, number: int | None) -> EffectiveConfig:
    """A version of a book's configuration; None: the one in force. Its origins are the versions."""
    from alluse_assets.orchestration.config_journal import read_versions
    from alluse_assets.orchestration.services import open_services

    with open_services(os.environ) as services:
        versions = read_versions(services.store, book)
    if number is not None and not 1 <= number <= len(versions):
        raise ConfigError(f"book {book!r} has no version {number}; it has 1 to {len(versions)}")
    return stored_config(versions[:number])


def _fault_of(profile: str) -> str | None:
    try:
        load(profile, {})
    except ConfigError as error:
        return str(error)
    return None


def _origins(effective: EffectiveConfig, chosen: list[Setting]) -> dict[str, str]:
    return {setting.name: effective.origins[setting.name].place for setting in chosen}
