"""What the lake asks of the place where its files lie: a folder, or a bucket of an object store.

Here: the Protocol and the choice by URL. Not here: what is in the files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import polars as pl

from alluse_assets.adapters.lake.manifest import DataFile
from alluse_assets.base.errors import DataError

COMPRESSION: Final[Literal["zstd"]] = "zstd"
# Small enough that statistics let a reader of one session skip most of a month of option quotes.
ROW_GROUP_ROWS = 32_768


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest's bytes, and the tag that says which writing of it they are."""

    content: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class Written:
    """A data file that is in place: named by its content."""

    name: str
    sha256: str
    size_bytes: int


class Storage(Protocol):
    """Files by folder (text with slashes, below the lake's root) and name. All raise ``DataError``."""

    @property
    def url(self) -> str:
        """Where it is, for people and for messages."""
        ...

    @property
    def scan_options(self) -> dict[str, str] | None:
        """What Polars needs to open ``location`` itself."""
        ...

    def location(self, folder: str, name: str = "") -> str:
        """The path or URL of a file, as Polars opens it."""
        ...

    def exclusive(self, folder: str) -> AbstractContextManager[None]:
        """Keep other writers of ``folder`` out, where the place can; else ``swap`` tells them apart."""
        ...

    def manifest(self, folder: str) -> Stored | None:
        """The manifest; None where there is none."""
        ...

    def swap(self, folder: str, content: bytes, before: Stored | None) -> bool:
        """Put a manifest in the place of ``before``; False when another writer was quicker."""
        ...

    def encode(self, folder: str, frame: pl.DataFrame) -> Callable[[], Written]:
        """Begin a data file; what is answered puts it in place, durable, under the name of its content."""
        ...

    def require_intact(self, folder: str, file: DataFile) -> None:
        """Pass when the file holds exactly the bytes that its manifest describes.

        Raises:
            DataError: it is shorter, longer or different.
            FileNotFoundError: it is not there.
        """
        ...

    def clean(self, folder: str, keep: Collection[str]) -> None:
        """Delete what neither ``keep`` names nor a writer can still be about to use."""
        ...

    def remove(self, folder: str) -> None:
        """Delete the manifest, and then the rest."""
        ...

    def months(self, folder: str) -> list[str]:
        """Months of a table and source that have a manifest, in order."""
        ...

    def sources(self, table: str) -> list[str]:
        """Sources that a table has or once had rows of, in order."""
        ...


def open_storage(root: Path | str, options: Mapping[str, str] | None) -> Storage:
    """The storage at ``root``: a folder, or ``s3://bucket/prefix``.

    Raises:
        DataError: another kind of URL, or the extra ``s3`` is not installed.
    """
    if isinstance(root, Path) or "://" not in root:
        from alluse_assets.adapters.lake.folder import FolderStorage

        return FolderStorage(Path(root))
    if not root.startswith("s3://") or len(root) == len("s3://"):
        raise DataError(f"{root}: a lake is a folder or s3://bucket/prefix; name one of these")
    from alluse_assets.adapters.lake.object_store import ObjectStorage

    return ObjectStorage(root, options or {})


def parquet_name(sha256: str) -> str:
    """The name of the data file whose content has this digest."""
    return f"part-{sha256[:16]}.parquet"
