"""Effective configuration: defaults < profile < environment < stored versions, each value with its origin.

Belongs here: the order of the layers, the judgement of the whole, and the errors, all of them at once.
Not here: numbers (``model_*``), reading a layer (``layers``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from alluse_assets.base.config.canonical_form import Change, canonical, diff, fingerprint
from alluse_assets.base.config.layers import (
    Layer,
    Origin,
    StoredVersion,
    read_environment,
    read_given,
    read_stored,
    shown,
)
from alluse_assets.base.config.model_fields import Contradiction
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.config.profile_files import read_profile
from alluse_assets.base.config.settings_tree import EACH, Path, sections, settings, suggestion, value_at
from alluse_assets.base.config.source_lines import parse
from alluse_assets.base.errors import ConfigError

__all__ = [
    "Change",
    "EffectiveConfig",
    "Origin",
    "StoredVersion",
    "canonical",
    "diff",
    "fingerprint",
    "from_canonical",
    "load",
    "stored_config",
    "with_texts",
    "with_values",
]

_DEFAULT = Origin("default", "default")
_SHORT = 40
_CHANNELS = ("notify", "channels")
_REFERENCE = "should be a reference to the secret: env:NAME, file:/path or vault:mount/path#key"


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """A configuration that holds, and where each of its settings (by dotted path) came from."""

    config: ProtocolConfig
    origins: Mapping[str, Origin]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the values; the same for the same values, wherever they came from."""
        return fingerprint(self.config)


def load(
    profile: str | FilePath,
    environ: Mapping[str, str],
    stored: Sequence[StoredVersion] = (),
) -> EffectiveConfig:
    """The configuration that a book runs on.

    Args:
        profile: name of a profile that ships, or the path of one.
        environ: the process's environment; variables that start with ``ALLUSE__`` are settings.
        stored: versions from the journal; the highest number counts most.

    Raises:
        ConfigError: all faults of all layers, a line each: setting, what is wrong, what is allowed,
            and the file and line, variable or version that set it.
    """
    layer = read_environment(environ).over(read_profile(profile))
    for version in sorted(stored, key=lambda version: version.number):
        layer = read_stored(version).over(layer)
    return _judge(ProtocolConfig(), layer)


def from_canonical(form: Mapping[str, Any]) -> ProtocolConfig:
    """The configuration whose canonical form, as the journal keeps it, is ``form``.

    Raises:
        ConfigError: it names settings that this release does not have, or values that it does not allow.
    """
    version = StoredVersion(1, form, "journal", "", "the configuration that a book was opened with")
    return stored_config([version]).config


def stored_config(versions: Sequence[StoredVersion]) -> EffectiveConfig:
    """What stored versions say, the highest number above all. What none of them names has its default.

    Raises:
        ConfigError: they name settings that this release does not have, or values that it does not allow.
    """
    layer = Layer()
    for version in sorted(versions, key=lambda version: version.number):
        layer = read_stored(version).over(layer)
    return _judge(ProtocolConfig(), layer)


def with_texts(config: ProtocolConfig, texts: Mapping[str, str]) -> ProtocolConfig:
    """A configuration with some settings or sections, by dotted path, changed to values written as YAML.

    Raises:
        ConfigError: all faults: a path that is unknown, a text that is no value, a result that does not hold.
    """
    layer = Layer()
    for name, text in texts.items():
        origin = Origin("given", f"given: {text}" if len(text) <= _SHORT else "given value")
        document = parse(text)
        layer.faults += [f"{name}: {fault.message} ({origin.place})" for fault in document.faults]
        if not document.faults:
            layer = read_given({name: document.values}, origin).over(layer)
    return _judge(config, layer).config


def with_values(config: ProtocolConfig, values: Mapping[str, Any]) -> ProtocolConfig:
    """A configuration with some settings, by dotted path, changed.

    Raises:
        ConfigError: a path is unknown, or the result does not hold.
    """
    return _judge(config, read_given(values, Origin("given", "given value"))).config


def _judge(base: ProtocolConfig, layer: Layer) -> EffectiveConfig:
    tree: dict[str, Any] = {}
    for path in settings():
        branch = tree
        for name in path[:-1]:
            branch = branch.setdefault(name, {})
        branch[path[-1]] = layer.values[path] if path in layer.values else value_at(base, path)
    faults = list(layer.faults)
    config = base
    try:
        config = ProtocolConfig.model_validate(tree)
    except ValidationError as error:
        faults += _faults_of(error, layer)
    if faults:
        raise ConfigError(_message(faults))
    origins = {setting.name: layer.origins.get(path, _DEFAULT) for path, setting in settings().items()}
    return EffectiveConfig(config, MappingProxyType(origins))


def _message(faults: Sequence[str]) -> str:
    unique = list(dict.fromkeys(faults))
    if len(unique) == 1:
        return unique[0]
    return "\n".join([f"the configuration has {len(unique)} faults:", *(f"  {fault}" for fault in unique)])


def _faults_of(error: ValidationError, layer: Layer) -> Iterator[str]:
    for item in error.errors(include_url=False):
        path = tuple(str(part) for part in item["loc"] if part != "[key]")
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, Contradiction):
            for fields, message in cause.faults:
                where = _place_of([(*path, *field.split(".")) for field in fields], layer)
                yield f"{'.'.join((*path, fields[0]))}: {message} ({where})"
        else:
            problem = _problem(path, item["type"], item["input"], item["msg"])
            yield f"{'.'.join(path)}: {problem} ({_place_of([path], layer)})"


def _problem(path: Path, kind: str, found: Any, message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        known = list(_model_at(path[:-1]).model_fields)
        return f"there is no such setting{suggestion(path[-1], known)}"
    if path[:2] == _CHANNELS:
        # Somebody may have written a channel's address, which is a secret, where its reference belongs.
        words = message.removeprefix("Value error, ").replace("Input should", "should")
        return f"what was found is not shown; {_REFERENCE if path[-1] == 'secret' else words}"
    if path in settings():
        return f"found {shown(found)}; should be {settings()[path].allowed}"
    item = settings()[path[:-1]].allowed if path[:-1] in settings() else ""
    if item.startswith(EACH):
        return f"found {shown(found)}; should be {item.removeprefix(EACH)}"
    return f"found {shown(found)}; {message.removeprefix('Value error, ').replace('Input should', 'should')}"


def _model_at(path: Path) -> type[BaseModel]:
    """The model of a section, or of an entry of a mapping from names to models."""
    if path in sections():
        return sections()[path]
    annotation = settings()[path[:-1]].annotation
    while get_origin(annotation) is not None and not isinstance(annotation, type):
        annotation = get_args(annotation)[-1]
    model: type[BaseModel] = get_args(annotation)[-1] if get_args(annotation) else annotation
    return model


def _place_of(paths: Sequence[Path], layer: Layer) -> str:
    """Where the first of some fields that is no default was set, looking upward from inside a value."""
    for path in paths:
        while path:
            if path in layer.origins:
                return layer.origins[path].place
            path = path[:-1]
    return _DEFAULT.place
