"""Checking data files against their manifests, each version once a process."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from alluse_assets.adapters.lake.manifest import REMEDY, Manifest
from alluse_assets.base.errors import DataError


def require_intact(path: Path, manifest: Manifest) -> None:
    """Pass when ``path`` holds exactly the bytes that ``manifest`` describes.

    Raises:
        DataError: it is shorter, longer or different.
        FileNotFoundError: it is not there.
    """
    status = path.stat()
    remedy = REMEDY.format(folder=path.parent)
    if status.st_size != manifest.size_bytes:
        raise DataError(
            f"{path}: {status.st_size} bytes instead of {manifest.size_bytes}, the file was cut off or "
            f"changed; {remedy}"
        )
    if _sha256(path, status.st_ino, status.st_mtime_ns, status.st_size) != manifest.sha256:
        raise DataError(f"{path}: its content is not what its manifest says, the file was changed; {remedy}")


@lru_cache(maxsize=8192)
def _sha256(path: Path, inode: int, modified_ns: int, size: int) -> str:
    """The file's digest. Inode, time and size stand for the version, so that a changed file is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
