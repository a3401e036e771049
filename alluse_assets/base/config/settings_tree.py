"""The configuration model seen as a flat list of settings: their paths, types, bounds and meanings.

Belongs here: questions about the model's shape. Not here: values of a particular configuration. A
setting is a leaf: lists and free mappings are one setting and are replaced as a whole.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from alluse_assets.base.config.model_fields import ConfigModel
from alluse_assets.base.config.model_protocol import ProtocolConfig

ENVIRONMENT_PREFIX = "ALLUSE__"
EACH = "a list, each "
"""How the words for a list start; what follows holds for one item."""
Path = tuple[str, ...]

_FEW = 30
_PLAIN: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "an amount",
    date: "a date YYYY-MM-DD",
    time: "a time HH:MM",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``annotation`` with its bounds, ``allowed`` in words, ``meaning`` for a reader."""

    path: Path
    annotation: Any
    allowed: str
    meaning: str

    @property
    def name(self) -> str:
        """Dotted, as people write it: ``accounts.gen.buffer_share``."""
        return ".".join(self.path)

    @property
    def environment_name(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + "__".join(self.path).upper()


@cache
def settings() -> Mapping[Path, Setting]:
    """Every setting by path, in the model's order."""
    return types.MappingProxyType({setting.path: setting for setting in _walk(ProtocolConfig, ())})


@cache
def sections() -> Mapping[Path, type[ConfigModel]]:
    """Every part of the tree that holds settings, the whole tree (an empty path) included."""
    found: dict[Path, type[ConfigModel]] = {(): ProtocolConfig}
    for path in settings():
        model: type[ConfigModel] = ProtocolConfig
        for depth, name in enumerate(path[:-1], start=1):
            model = model.model_fields[name].annotation  # type: ignore[assignment]
            found[path[:depth]] = model
    return types.MappingProxyType(found)


def value_at(config: ProtocolConfig, path: Path) -> Any:
    """The value of a setting, or the model of a section."""
    value: Any = config
    for name in path:
        value = getattr(value, name)
    return value


def suggestion(wrong: str, known: Sequence[str]) -> str:
    """What to write instead of a wrong name: the nearest known one, else all of them if they are few."""
    near = get_close_matches(wrong, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known here: {', '.join(known)}" if len(known) <= _FEW else ""


def describe(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """What a type and its bounds allow, in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return describe(inner, (*more, *metadata))
    if origin in (Union, types.UnionType):
        inner = next(part for part in get_args(annotation) if part is not type(None))
        return f"{describe(inner, metadata)}, or empty"
    if origin is Literal:
        return "one of " + ", ".join(str(word) for word in get_args(annotation))
    if origin is tuple:
        return EACH + describe(get_args(annotation)[0])
    if origin is dict:
        key, value = get_args(annotation)
        return f"a mapping from {describe(key)} to {describe(value)}"
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return f"settings ({', '.join(annotation.model_fields)})"
    if annotation is str:
        told = (mark.description for mark in metadata if isinstance(mark, FieldInfo) and mark.description)
        return next(told, "a symbol such as AAPL")
    return _PLAIN[annotation] + _bounds(metadata)


def _walk(model: type[ConfigModel], above: Path) -> Iterator[Setting]:
    for name, info in model.model_fields.items():
        path = (*above, name)
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
            yield from _walk(annotation, path)
        else:
            metadata = tuple(info.metadata)
            bounded = Annotated[(annotation, *metadata)] if metadata else annotation
            yield Setting(path, bounded, describe(annotation, metadata), info.description or "")


def _bounds(metadata: tuple[Any, ...]) -> str:
    """The tightest bounds, in words. The model has no exclusive upper bound."""
    marks = [mark for item in metadata for mark in (item.metadata if isinstance(item, FieldInfo) else [item])]
    at_least: list[Any] = [mark.ge for mark in marks if isinstance(mark, Ge)]
    above: list[Any] = [mark.gt for mark in marks if isinstance(mark, Gt)]
    at_most: list[Any] = [mark.le for mark in marks if isinstance(mark, Le)]
    high = min(at_most, default=None)
    if above and max(above) >= max(at_least, default=max(above)):
        return f" above {max(above)}" + (f", up to {high}" if high is not None else "")
    if at_least:
        return f" from {max(at_least)} to {high}" if high is not None else f", at least {max(at_least)}"
    return f", at most {high}" if high is not None else ""
