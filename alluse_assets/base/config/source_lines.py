"""YAML read so that every value knows its line, and nothing is read as what it does not look like.

Belongs here: text to values with lines. Not here: what the values mean. YAML 1.2's scalars: only
``true`` and ``false`` are booleans (``ON`` and ``NO`` are tickers), ``10:00`` is no number in base 60.
Duplicate keys, anchors and other languages' tags are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineFault:
    """Something wrong with the text itself. ``line`` counts from 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text: its values, the line of every key and list item, and the faults of the text."""

    values: Any
    lines: dict[Path, int] = field(default_factory=dict)
    faults: tuple[LineFault, ...] = ()

    def line_of(self, path: Path) -> int:
        """The line of ``path`` or of the nearest part above it that the text has; 1 for none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2 and dates; anchors and tags are refused before they act."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if (
            isinstance(event, yaml.AliasEvent)
            or getattr(event, "anchor", None)
            or getattr(event, "tag", None)
        ):
            message = "anchors, references and tags are not read here"
            raise yaml.composer.ComposerError(None, None, message, event.start_mark)
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ("~", "n", "N", "")),
    ("int", r"^[-+]?(?:0|[1-9][0-9_]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9_]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse(text: str) -> Document:
    """Read one YAML document.

    Returns:
        Its values with the lines of their keys. A text that is no YAML has ``values`` None and one fault.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return Document(None)
        reader = _Reader(loader)
        values = reader.value(root, ())
        return Document(values, reader.lines, tuple(reader.faults))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Document(None, faults=(LineFault(mark.line + 1 if mark else 1, f"no YAML: {error.problem}"),))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Document(None, faults=(LineFault(line, f"no YAML: {error.reason}"),))
    except RecursionError:
        return Document(None, faults=(LineFault(1, "nested too deeply"),))


class _Reader:
    """Turns nodes into plain values and keeps the lines on the way."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.lines: dict[Path, int] = {}
        self.faults: list[LineFault] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*path, str(index))] = item.start_mark.line + 1
                items.append(self.value(item, (*path, str(index))))
            return items
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(LineFault(line, "a key must be a word"))
                continue
            key = key_node.value
            if key in found:
                first = self.lines[(*path, key)]
                name = ".".join((*path, key))
                self.faults.append(LineFault(line, f"{name} is set twice, first in line {first}"))
                continue
            self.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except ValueError as error:
            # A date such as 2019-02-30 looks right and is none; a number may have too many digits.
            line = node.start_mark.line + 1
            name = f"{'.'.join(path)}: " if path else ""
            self.faults.append(LineFault(line, f"{name}{node.value[:40]} cannot be read: {error}"))
            return None
