"""Digests of data files, taken once a process for each version of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

_Version = tuple[int, int, int, int]
_MOST = 65_536
_known: dict[_Version, str] = {}


def digest_of(path: Path) -> tuple[str, int]:
    """The file's SHA-256 and its size in bytes.

    Device, inode, time and size stand for the version: a changed file is read again, a renamed one is not.

    Raises:
        OSError: it is not there or cannot be read.
    """
    status = path.stat()
    version = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
    digest = _known.get(version)
    if digest is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if len(_known) >= _MOST:
            _known.clear()
        _known[version] = digest
    return digest, status.st_size
