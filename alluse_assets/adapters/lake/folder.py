"""The lake in a folder: atomic by rename, durable by fsync, writers kept apart by a lock on the partition."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from alluse_assets.adapters.lake.atomic_files import (
    partition_lock,
    remove_leftovers,
    sync_file,
    sync_folder,
    write_durably,
)
from alluse_assets.adapters.lake.manifest import FILE_NAME, REMEDY, DataFile
from alluse_assets.adapters.lake.storage import COMPRESSION, ROW_GROUP_ROWS, Stored, Written, parquet_name
from alluse_assets.adapters.lake.verified import digest_of
from alluse_assets.base.errors import DataError

_numbers = itertools.count()


class FolderStorage:
    """A lake below ``root``, which is made on the first write."""

    scan_options: dict[str, str] | None = None

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def url(self) -> str:
        """The folder."""
        return str(self.root)

    def location(self, folder: str, name: str = "") -> str:
        """The file's path."""
        return str(self.root / folder / name)

    @contextmanager
    def exclusive(self, folder: str) -> Iterator[None]:
        """Hold the partition's lock; it is made where it is not there."""
        path = self.root / folder
        with _telling("write", path):
            path.mkdir(parents=True, exist_ok=True)
            with partition_lock(path):
                yield

    def manifest(self, folder: str) -> Stored | None:
        """The manifest in ``folder``; no tag is needed, as the lock is held while it is swapped."""
        path = self.root / folder / FILE_NAME
        try:
            return Stored(path.read_bytes(), "")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path}: {error}; {REMEDY.format(folder=path.parent)}") from error

    def swap(self, folder: str, content: bytes, before: Stored | None) -> bool:
        """Rename it into place, after the data files that it names are on the disk for certain."""
        path = self.root / folder
        with _telling("write", path):
            sync_folder(path)
            write_durably(path / FILE_NAME, content)
        return True

    def encode(self, folder: str, frame: pl.DataFrame) -> Callable[[], Written]:
        """Polars writes a file beside, which gets its name when its digest is known."""
        path = self.root / folder
        temporary = path / f".{os.getpid()}.{next(_numbers)}.tmp"
        with _telling("write", path), _removed_on_failure(temporary):
            frame.write_parquet(
                temporary, compression=COMPRESSION, statistics=True, row_group_size=ROW_GROUP_ROWS
            )

        def put() -> Written:
            with _telling("write", path), _removed_on_failure(temporary):
                sync_file(temporary)
                digest, size = digest_of(temporary)
                place = path / parquet_name(digest)
                temporary.replace(place)
            return Written(place.name, digest, size)

        return put

    def require_intact(self, folder: str, file: DataFile) -> None:
        """Size first; then the digest, which is taken once a process of each version of a file."""
        path = self.root / folder / file.name
        size, remedy = path.stat().st_size, REMEDY.format(folder=path.parent)
        if size != file.size_bytes:
            raise DataError(
                f"{path}: {size} bytes instead of {file.size_bytes}, the file was cut off or changed; "
                f"{remedy}"
            )
        if digest_of(path)[0] != file.sha256:
            raise DataError(
                f"{path}: its content is not what its manifest says, the file was changed; {remedy}"
            )

    def clean(self, folder: str, keep: Collection[str]) -> None:
        """With the lock held nobody else is writing: what is not named was left by a killed writer."""
        path = self.root / folder
        with _telling("clean", path):
            remove_leftovers(path, {FILE_NAME, *keep})

    def remove(self, folder: str) -> None:
        """The manifest first: without it the rest is nobody's."""
        path = self.root / folder
        if not path.exists():
            return
        with self.exclusive(folder), _telling("empty", path):
            (path / FILE_NAME).unlink(missing_ok=True)
            remove_leftovers(path, keep=())

    def months(self, folder: str) -> list[str]:
        """Folders with a manifest."""
        found = (self.root / folder).glob(f"month=*/{FILE_NAME}")
        return sorted(path.parent.name.removeprefix("month=") for path in found)

    def sources(self, table: str) -> list[str]:
        """Folders of the table."""
        return sorted(p.name.removeprefix("source=") for p in (self.root / table).glob("source=*"))


@contextmanager
def _telling(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"cannot {verb} {path}: {error}") from error


@contextmanager
def _removed_on_failure(temporary: Path) -> Iterator[None]:
    """A full disk is not made fuller."""
    try:
        yield
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
