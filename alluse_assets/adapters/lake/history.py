"""What manifests tell of the past: superseded versions, and inputs that have changed since.

Here: questions that manifests alone answer, and forgetting versions. Not here: how a version comes about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from alluse_assets.adapters.lake.manifest import Input, Manifest, Version, parse_manifest
from alluse_assets.adapters.lake.partition import Place
from alluse_assets.adapters.lake.storage import Storage
from alluse_assets.base.errors import DataError

_ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class StaleMonth:
    """A month whose rows do not follow from what is there now.

    ``changed``: the inputs that are otherwise now, as they were read; empty where nobody noted what the
    month was made from, which is not taken for good.
    """

    month: str
    changed: tuple[Input, ...]


def stale_months(manifests: Sequence[Manifest], content_now: Callable[[Input], str]) -> list[StaleMonth]:
    """The stale ones of ``manifests``. ``content_now``: an input's content id, empty when it is not there."""
    known: dict[tuple[str, str, str], str] = {}
    found = []
    for manifest in manifests:
        changed = []
        for one in manifest.inputs or ():
            place = one.table, one.source, one.month
            if place not in known:
                known[place] = content_now(one)
            if known[place] != one.content_id:
                changed.append(one)
        if changed or manifest.inputs is None:
            found.append(StaleMonth(manifest.month, tuple(changed)))
    return found


def version_of(manifest: Manifest | None, number: int, where: str) -> Version:
    """The version with a number.

    Raises:
        DataError: it is not there.
    """
    versions = [*manifest.earlier, manifest.current] if manifest else []
    for version in versions:
        if version.number == number:
            return version
    kept = ", ".join(str(version.number) for version in versions) or "none"
    raise DataError(f"{where}: no version {number}; kept are: {kept}")


def pruned(storage: Storage, place: Place, keep: int) -> int:
    """Forget all but the last ``keep`` superseded versions; how many went.

    Raises:
        DataError: other writers were quicker each time, or the storage refuses.
    """
    where = storage.location(place.folder)
    if keep < 0:
        raise DataError(f"{where}: cannot keep {keep} versions; 0 keeps the current one only")
    if storage.manifest(place.folder) is None:
        return 0
    for _ in range(_ATTEMPTS):
        with storage.exclusive(place.folder):
            stored = storage.manifest(place.folder)
            if stored is None:
                return 0
            before = parse_manifest(stored.content, where)
            after = replace(before, earlier=before.earlier[max(0, len(before.earlier) - keep) :])
            if after == before or storage.swap(place.folder, after.to_bytes(), stored):
                storage.clean(place.folder, after.names)
                return len(before.earlier) - len(after.earlier)
    raise DataError(f"{where}: other writers were quicker {_ATTEMPTS} times; try again later")
