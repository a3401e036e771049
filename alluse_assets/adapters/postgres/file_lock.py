"""Locks between processes on one machine, which the kernel drops with the process that held them.

Only ``flock`` on small files: nothing about what the locks protect.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alluse_assets.base.errors import ServerError

POLL_SECONDS = 0.01


def open_lock_file(path: Path) -> int:
    """A descriptor of ``path``, made when absent; children that exec do not inherit it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Takes the lock when it is free now.

    A descriptor that already holds the other kind of lock may lose it when this says False.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Drops the lock, also for forked children that share the descriptor, and closes it."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


@contextmanager
def exclusive_lock(path: Path, *, patience_seconds: float) -> Iterator[None]:
    """Holds ``path``'s lock alone.

    Raises:
        ServerError: somebody else kept it for ``patience_seconds``.
        FileNotFoundError: the folder of ``path`` is not there (any more).
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        descriptor = open_lock_file(path)
        if try_lock(descriptor) and _is_still_there(path, descriptor):
            break
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise ServerError(
                f"{path} has been locked by another process for {patience_seconds:.0f} s; "
                "end that process (another alluse command that hangs?) and try again"
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        unlock(descriptor)


def _is_still_there(path: Path, descriptor: int) -> bool:
    # Whoever held the lock may have deleted the folder: a lock on an unlinked file excludes nobody.
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
