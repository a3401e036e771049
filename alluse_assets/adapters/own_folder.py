"""A folder for one process's unfinished work, gone when the work ends, however it ends.

A process holds a lock on its folder; a folder that nobody holds is what a killed process left, and the
next one removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SUFFIX = ".partial"


@contextmanager
def own_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in ``parent``, which must be there, for as long as the block lasts.

    ``prefix`` begins its name and says whose leftovers may be removed.

    Raises:
        OSError: ``parent`` cannot be written.
    """
    folder, lock = _made(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made(parent: Path, prefix: str) -> tuple[Path, int]:
    around = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Between making a folder and locking it, it would look like a killed process's.
        fcntl.flock(around, fcntl.LOCK_EX)
        for left in parent.glob(f"{_literal(prefix)}*{_SUFFIX}"):
            _remove_unless_locked(left)
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=parent))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, lock
    finally:
        os.close(around)


def _remove_unless_locked(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _literal(text: str) -> str:
    """``text`` for a glob pattern, its special characters taken literally."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)
