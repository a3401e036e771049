"""How configuration values, differences and versions look on a terminal and in JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from alluse_assets.base.config.canonical_form import Change, value_text


def changes_table(changes: Sequence[Change], before: str, after: str) -> Table:
    """Settings that differ, under two headings."""
    table = Table(name_column(), escape(before), escape(after))
    for change in changes:
        table.add_row(change.path, escape(value_text(change.before)), escape(value_text(change.after)))
    return table


def changes_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [{"path": change.path, "before": change.before, "after": change.after} for change in changes]


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    typer.echo(json.dumps(value, indent=2))


def say(sentence: str) -> None:
    """A line as it stands, wrapped by the terminal only."""
    Console().print(sentence, soft_wrap=True, markup=False, highlight=False)


def name_column() -> Column:
    """The column of settings' names."""
    return Column("setting", no_wrap=True)
