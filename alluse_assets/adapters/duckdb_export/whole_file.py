"""A file that appears under its name whole or not at all, however its writer ends.

It is made in a folder of its own beside the target and renamed onto it, so whoever has the old file open
keeps it. A writer holds a lock on its folder; a folder that nobody holds is what a killed writer left, and
the next writer removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alluse_assets.base.errors import DataError

_SUFFIX = ".partial"


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``out`` when the block ends well.

    Raises:
        DataError: the folder is not there or cannot be written.
    """
    if not out.parent.is_dir():
        raise DataError(f"cannot write {out}: there is no folder {out.parent}; make it or choose another")
    try:
        partial, lock = _own_folder(out)
        try:
            yield partial / out.name
            with (partial / out.name).open("rb") as file:
                os.fsync(file.fileno())
            (partial / out.name).replace(out)
            _sync(out.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error}") from error


def _own_folder(out: Path) -> tuple[Path, int]:
    prefix = f".{out.name}."
    around = os.open(out.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Between making a folder and locking it, it would look like a killed writer's.
        fcntl.flock(around, fcntl.LOCK_EX)
        for left in out.parent.glob(f"{_literal(prefix)}*{_SUFFIX}"):
            _remove_unless_locked(left)
        partial = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=out.parent))
        lock = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return partial, lock
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


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
