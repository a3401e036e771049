"""Where settings come from: a layer is what one place sets, with the origin of each value and the faults.

Belongs here: reading a layer into (path, value, origin), and the faults of doing so. Not here: their
order and the judgement of the values, which is ``config_manager``'s; profiles and the profiles that they
extend, which are ``profile_files``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from alluse_assets.base.config.settings_tree import (
    ENVIRONMENT_PREFIX,
    Path,
    sections,
    settings,
    suggestion,
)
from alluse_assets.base.config.source_lines import parse


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from. ``place`` is what a message prints: a file and line, a variable's name."""

    layer: Literal["default", "profile", "environment", "stored", "given"]
    place: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A configuration version of the journal: settings by dotted path, who changed them, when and why.

    ``when`` is ISO 8601 in UTC. Values may be canonical ones ("0.05" for a share).
    """

    number: int
    values: Mapping[str, Any]
    who: str
    when: str
    why: str

    @property
    def place(self) -> str:
        """Which version, whose, when and why, as a message prints it."""
        at = f" at {self.when}" if self.when else ""
        return f"version {self.number} by {self.who}{at}: {self.why}"


@dataclass(slots=True)
class Layer:
    """What one place sets: values and origins by path, and what was wrong with it."""

    values: dict[Path, Any] = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def over(self, lower: Layer) -> Layer:
        """This layer on top of a lower one. All faults are kept."""
        return Layer(
            {**lower.values, **self.values},
            {**lower.origins, **self.origins},
            [*lower.faults, *self.faults],
        )


def read_environment(environ: Mapping[str, str]) -> Layer:
    """The settings of the variables that start with ``ALLUSE__``. Values are read as YAML."""
    layer = Layer()
    by_name = {setting.environment_name: path for path, setting in settings().items()}
    by_name |= {ENVIRONMENT_PREFIX + "__".join(path).upper(): path for path in sections() if path}
    for name in sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
        origin = Origin("environment", f"environment variable {name}")
        if name not in by_name:
            near = suggestion(name, list(by_name))
            layer.faults.append(f"{name}: there is no such setting{near} ({origin.place})")
            continue
        document = parse(environ[name])
        setting = ".".join(by_name[name])
        layer.faults += [f"{setting}: {fault.message} ({origin.place})" for fault in document.faults]
        if not document.faults:
            place(layer, document.values, by_name[name], partial(_same, origin))
    return layer


def read_stored(version: StoredVersion) -> Layer:
    """The settings of one stored version."""
    origin = Origin("stored", version.place)
    layer = read_given(version.values, origin)
    for path, value in layer.values.items():
        if isinstance(value, str | list | dict):
            # The journal's JSON has no decimals, dates or times: they are text there.
            try:
                layer.values[path] = TypeAdapter(settings()[path].annotation).validate_python(value)
            except ValidationError:
                layer.values[path] = value
    return layer


def read_given(values: Mapping[str, Any], origin: Origin) -> Layer:
    """Settings, or whole sections, by dotted path."""
    layer = Layer()
    known = {".".join(path): path for path in (*settings(), *sections()) if path}
    for name, value in values.items():
        if name in known:
            place(layer, value, known[name], partial(_same, origin))
        else:
            near = suggestion(name, list(known))
            layer.faults.append(f"{name}: there is no such setting{near} ({origin.place})")
    return layer


def _same(origin: Origin, _: Path) -> Origin:
    return origin


def place(layer: Layer, value: Any, path: Path, origin: Callable[[Path], Origin]) -> None:
    """Put a value at a path, walking down where the path is a section."""
    if path in settings():
        layer.values[path] = value
        layer.origins[path] = origin(path)
        if isinstance(value, dict | list):
            # A fault inside a list or mapping is told with its own line.
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, _ in items:
                layer.origins[(*path, str(key))] = origin((*path, str(key)))
        return
    if value is None:
        return
    name = ".".join(path)
    if not isinstance(value, Mapping):
        fields = ", ".join(sections()[path].model_fields)
        layer.faults.append(
            f"{name}: found {shown(value)}; should be a mapping with any of {fields} ({origin(path).place})"
        )
        return
    known = sections()[path].model_fields
    for key, inner in value.items():
        below = (*path, str(key))
        if key in known:
            place(layer, inner, below, origin)
        else:
            near = suggestion(str(key), list(known))
            layer.faults.append(f"{'.'.join(below)}: there is no such setting{near} ({origin(below).place})")


def shown(value: Any) -> str:
    """A found value as a message prints it: short, and with its kind where that may surprise."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"the text {text}" if isinstance(value, str) else text
