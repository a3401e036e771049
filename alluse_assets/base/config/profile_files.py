"""Profiles as files: finding one by name or path, reading it with the profiles that it extends.

A profile holds only what differs from the defaults. ``extends: NAME_OR_PATH`` puts it on top of
another one; a path is relative to the file that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from os.path import normpath
from pathlib import Path as FilePath

from alluse_assets.base.config.layers import Layer, Origin, place, shown
from alluse_assets.base.config.settings_tree import Path, suggestion
from alluse_assets.base.config.source_lines import parse
from alluse_assets.base.errors import ConfigError

_PACKAGE = "alluse_assets.base.config.profiles"
_EXTENDS = "extends"
DEFAULT_BOOK = "sample"


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile's file. ``name`` is what messages print; ``folder`` is where its paths start."""

    file: Traversable
    name: str
    folder: FilePath


def shipped_profiles() -> list[str]:
    """The names of the profiles that ship."""
    names = (entry.name for entry in resources.files(_PACKAGE).iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def profile_of(book: str) -> str:
    """The profile of a book for which none was named: the one that is called like it, else ``sample``."""
    return book if book in shipped_profiles() else DEFAULT_BOOK


def find_profile(profile: str | FilePath, folder: FilePath | None = None) -> ProfileFile:
    """The file of a profile.

    Args:
        profile: a name that ships, or a path (with a slash, or ending in .yaml or .yml).
        folder: where a path starts; the working folder when left out.

    Raises:
        ConfigError: there is none.
    """
    text = str(profile)
    if isinstance(profile, str) and "/" not in text and not text.endswith((".yaml", ".yml")):
        known = shipped_profiles()
        if text not in known:
            raise ConfigError(
                f"profile {text!r}: none of that name ships{suggestion(text, known)}; "
                "a profile of your own is named by its path, such as profiles/live.yaml"
            )
        return ProfileFile(resources.files(_PACKAGE) / f"{text}.yaml", f"profiles/{text}.yaml", FilePath())
    path = FilePath(normpath((folder or FilePath()) / text))
    if not path.is_file():
        raise ConfigError(f"profile {path}: there is no such file")
    return ProfileFile(path, str(path), path.parent)


def read_profile(profile: str | FilePath) -> Layer:
    """What a profile sets, on top of what the profiles that it extends set.

    Raises:
        ConfigError: the profile's own file is missing. Other faults are in the layer.
    """
    return _read(find_profile(profile), above=())


def _read(profile: ProfileFile, above: tuple[str, ...]) -> Layer:
    try:
        document = parse(profile.file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Layer(faults=[f"profile {profile.name}: cannot be read: {error}"])

    def origin(path: Path) -> Origin:
        return Origin("profile", f"{profile.name} line {document.line_of(path)}")

    layer = Layer(faults=[f"{fault.message} ({profile.name} line {fault.line})" for fault in document.faults])
    if document.values is None:
        return layer
    if not isinstance(document.values, dict):
        found = shown(document.values)
        layer.faults.append(f"a profile is a mapping of settings, not {found} ({origin(()).place})")
        return layer
    values = dict(document.values)
    extended = values.pop(_EXTENDS, None)
    place(layer, values, (), origin)
    if extended is None:
        return layer
    return layer.over(_read_extended(extended, profile, (*above, profile.name), origin((_EXTENDS,))))


def _read_extended(extended: object, by: ProfileFile, above: tuple[str, ...], origin: Origin) -> Layer:
    if not isinstance(extended, str):
        found = shown(extended)
        return Layer(
            faults=[f"extends: found {found}; should be one profile's name or path ({origin.place})"]
        )
    try:
        profile = find_profile(extended, by.folder)
    except ConfigError as error:
        return Layer(faults=[f"extends: {error} ({origin.place})"])
    if profile.name in above:
        circle = " extends ".join((*above[above.index(profile.name) :], profile.name))
        return Layer(faults=[f"extends: {circle}, a circle ({origin.place})"])
    return _read(profile, above)
