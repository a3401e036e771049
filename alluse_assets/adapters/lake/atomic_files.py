"""Files that are there whole or not at all, and the lock that keeps writers of a partition apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK_NAME = ".lock"


@contextmanager
def partition_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; other processes and threads wait. A killed holder's lock is free again."""
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Write beside ``path``, flush to the disk, then rename onto it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def remove_leftovers(folder: Path, keep: Collection[str]) -> None:
    """Delete what a killed writer left. Only with the folder's lock held: then nobody else is writing."""
    for path in folder.iterdir():
        if path.name != _LOCK_NAME and path.name not in keep:
            path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Flush a file that somebody else has written to the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
