"""A file that appears under its name whole or not at all, however its writer ends.

It is made in a folder of its own beside the target and renamed onto it, so whoever has the old file open
keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alluse_assets.adapters.own_folder import own_folder
from alluse_assets.base.errors import DataError


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``out`` when the block ends well.

    Raises:
        DataError: the folder is not there or cannot be written.
    """
    if not out.parent.is_dir():
        raise DataError(f"cannot write {out}: there is no folder {out.parent}; make it or choose another")
    try:
        with own_folder(out.parent, f".{out.name}.") as partial:
            yield partial / out.name
            with (partial / out.name).open("rb") as file:
                os.fsync(file.fileno())
            (partial / out.name).replace(out)
            _sync(out.parent)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error}") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
