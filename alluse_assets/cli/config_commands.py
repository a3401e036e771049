"""``alluse config``: the effective values, whether a profile holds, what differs, what settings there are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from alluse_assets.base.config.canonical_form import canonical_value
from alluse_assets.base.config.config_manager import EffectiveConfig, diff, load
from alluse_assets.base.config.profile_files import find_profile
from alluse_assets.base.config.reference import reference_markdown
from alluse_assets.base.config.settings_tree import Setting, sections, suggestion, value_at
from alluse_assets.base.config.settings_tree import settings as all_settings
from alluse_assets.base.errors import ConfigError

config_commands = typer.Typer(help="Show, check and compare configurations.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]
_PROFILE = "A profile that ships (default, sample, spx_2019), or a file's path."


@config_commands.command()
def show(
    path: Annotated[
        str, typer.Argument(help="A setting or section, such as accounts.gen; all if left out.")
    ] = "",
    profile: Annotated[str, typer.Option("--profile", "-p", help=_PROFILE)] = "default",
    as_json: _Json = False,
    origin: Annotated[bool, typer.Option("--origin", help="Where each value came from.")] = False,
) -> None:
    """Print the effective values: defaults < profile < environment."""
    effective = load(profile, os.environ)
    chosen = _chosen(path)
    values = {setting.name: canonical_value(value_at(effective.config, setting.path)) for setting in chosen}
    if as_json:
        _print_json(
            {
                "profile": profile,
                "fingerprint": effective.fingerprint,
                "values": values,
                **({"origins": _origins(effective, chosen)} if origin else {}),
            }
        )
        return
    places = _origins(effective, chosen)
    table = Table(_name_column(), "value", *(["from"] if origin else []))
    for name, value in values.items():
        table.add_row(name, _text(value), *([places[name]] if origin else []))
    _console().print(table)
    _console().print(f"fingerprint {effective.fingerprint}")


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
        _print_json({"valid": not any(faults.values()), "faults": faults})
    for profile, fault in {} if as_json else faults.items():
        _console().print(f"{profile}: {fault or 'holds'}", soft_wrap=True, markup=False, highlight=False)
    if any(faults.values()):
        raise typer.Exit(1)


@config_commands.command("diff")
def diff_command(
    before: Annotated[str, typer.Argument(help=_PROFILE)],
    after: Annotated[str, typer.Argument(help=_PROFILE)],
    as_json: _Json = False,
) -> None:
    """Print the settings that differ between two profiles. Exits 1 if any does, as diff does."""
    changes = diff(load(before, {}).config, load(after, {}).config)
    if as_json:
        rows = [{"path": change.path, "before": change.before, "after": change.after} for change in changes]
        _print_json({"before": before, "after": after, "changes": rows})
    elif changes:
        table = Table(_name_column(), escape(before), escape(after))
        for change in changes:
            table.add_row(change.path, _text(change.before), _text(change.after))
        _console().print(table)
    else:
        _console().print(f"{before} and {after} hold the same values", markup=False, highlight=False)
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


def _fault_of(profile: str) -> str | None:
    try:
        load(profile, {})
    except ConfigError as error:
        return str(error)
    return None


def _origins(effective: EffectiveConfig, chosen: list[Setting]) -> dict[str, str]:
    return {setting.name: effective.origins[setting.name].place for setting in chosen}


def _text(value: Any) -> str:
    if value is None:
        return "empty"
    return value if isinstance(value, str) else json.dumps(value)


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, indent=2))


def _console() -> Console:
    return Console()


def _name_column() -> Column:
    return Column("setting", no_wrap=True)
