"""The lake in a bucket: no locks; a manifest is swapped only if it is still the one that was read.

A writer that loses the swap reads again and merges again, so that both writers' rows are there. Nobody can
tell a data file that a killed writer left from one whose writer is about to swap its manifest, so files
that no manifest names are deleted an hour after they came; a writer that took half as long starts anew.
Both moments are the server's, or a steady clock's: clocks that differ do no harm.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from threading import local
from typing import TYPE_CHECKING

import polars as pl

from alluse_assets.adapters.lake.manifest import FILE_NAME, REMEDY, DataFile
from alluse_assets.adapters.lake.storage import COMPRESSION, ROW_GROUP_ROWS, Stored, Written, parquet_name
from alluse_assets.base.errors import DataError

if TYPE_CHECKING:
    from obstore.store import S3Store

LEFTOVER_SECONDS = 3600.0
_DIGEST = "sha256"
_FROM_ENVIRONMENT = {
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
    "aws_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_endpoint_url": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
}
_RIGHTS = ("403", "401", "credential", "InvalidAccessKeyId", "SignatureDoesNotMatch")


class ObjectStorage:
    """A lake at ``s3://bucket/prefix``.

    Args:
        url: bucket and prefix.
        options: ``aws_endpoint_url``, ``aws_access_key_id``, ``aws_secret_access_key``,
            ``aws_session_token``, ``aws_region``; what is left out comes from the environment's
            variables of the same names.
        leftover_seconds: age at which a file that no manifest names is deleted.
    """

    def __init__(
        self, url: str, options: Mapping[str, str], leftover_seconds: float = LEFTOVER_SECONDS
    ) -> None:
        self.url = url.rstrip("/")
        self._leftover = timedelta(seconds=leftover_seconds)
        self._writer = local()
        found = {
            name: next((os.environ[v] for v in variables if os.environ.get(v)), "")
            for name, variables in _FROM_ENVIRONMENT.items()
        }
        self._options = {name: text for name, text in {**found, **options}.items() if text}
        unknown = set(self._options) - set(_FROM_ENVIRONMENT)
        if unknown:
            raise DataError(
                f"{self.url}: unknown options {', '.join(sorted(unknown))}; "
                f"there are {', '.join(_FROM_ENVIRONMENT)}"
            )

    @property
    def scan_options(self) -> dict[str, str] | None:
        """The same endpoint and keys for Polars, whose engine is the same."""
        return {**self._options, **({"aws_allow_http": "true"} if self._is_plain else {})}

    @property
    def _is_plain(self) -> bool:
        return self._options.get("aws_endpoint_url", "").startswith("http://")

    @cached_property
    def _store(self) -> S3Store:
        try:
            from obstore.store import S3Store
        except ImportError as error:
            raise DataError(
                f"{self.url}: a lake in a bucket needs the extra: pip install 'alluse[s3]'"
            ) from error
        with self._telling():
            return S3Store.from_url(
                self.url,
                config=self._options,  # type: ignore[arg-type]
                client_options={"allow_http": self._is_plain},
                retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
            )

    def location(self, folder: str, name: str = "") -> str:
        """The object's URL."""
        return "/".join(part for part in (self.url, folder, name) if part)

    @contextmanager
    def exclusive(self, folder: str) -> Iterator[None]:
        """Nobody is kept out; the moment is noted for ``swap``."""
        self._writer.began = time.monotonic()
        yield

    def manifest(self, folder: str) -> Stored | None:
        """The manifest and its entity tag."""
        import obstore

        try:
            with self._telling():
                answer = obstore.get(self._store, f"{folder}/{FILE_NAME}")
                return Stored(bytes(answer.bytes()), answer.meta["e_tag"] or "")
        except FileNotFoundError:
            return None

    def swap(self, folder: str, content: bytes, before: Stored | None) -> bool:
        """Put it where there is none yet, or where the tag is still the one that was read."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        if time.monotonic() - self._writer.began > max(self._leftover.total_seconds() / 2, 60):
            return False
        try:
            with self._telling():
                obstore.put(
                    self._store,
                    f"{folder}/{FILE_NAME}",
                    content,
                    mode="create" if before is None else {"e_tag": before.tag},
                )
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    def encode(self, folder: str, frame: pl.DataFrame) -> Callable[[], Written]:
        """Encoded in memory; then digested and sent, the digest with it as the object's metadata."""
        buffer = BytesIO()
        frame.write_parquet(buffer, compression=COMPRESSION, statistics=True, row_group_size=ROW_GROUP_ROWS)

        def put() -> Written:
            import obstore

            content = buffer.getbuffer()
            digest = hashlib.sha256(content).hexdigest()
            name = parquet_name(digest)
            with self._telling():
                obstore.put(self._store, f"{folder}/{name}", content, attributes={_DIGEST: digest})
            return Written(name, digest, len(content))

        return put

    def require_intact(self, folder: str, file: DataFile) -> None:
        """The size and the digest that came with the object; without one, its bytes are digested.

        The store keeps an object's bytes and metadata together and checks them itself: what somebody else
        has put in its place comes without our digest.
        """
        import obstore

        path = f"{folder}/{file.name}"
        with self._telling():
            answer = obstore.get(self._store, path, options={"head": True})
            size, digest = answer.meta["size"], answer.attributes.get(_DIGEST)
            if size == file.size_bytes and digest is None:
                content = obstore.get(self._store, path).bytes()
                digest = hashlib.sha256(content).hexdigest()
        where, remedy = self.location(folder, file.name), REMEDY.format(folder=self.location(folder))
        if size != file.size_bytes:
            raise DataError(
                f"{where}: {size} bytes instead of {file.size_bytes}, the file was cut off or changed; "
                f"{remedy}"
            )
        if digest != file.sha256:
            raise DataError(
                f"{where}: its content is not what its manifest says, the file was changed; {remedy}"
            )

    def clean(self, folder: str, keep: Collection[str]) -> None:
        """Delete what is not named and older than the manifest by the time that a writer may take."""
        import obstore

        with self._telling():
            now = obstore.head(self._store, f"{folder}/{FILE_NAME}")["last_modified"]
            found = [one for page in obstore.list(self._store, folder) for one in page]
            old = [
                one["path"]
                for one in found
                if one["path"].rpartition("/")[2] not in {FILE_NAME, *keep}
                and now - one["last_modified"] >= self._leftover
            ]
            if old:
                obstore.delete(self._store, old)

    def remove(self, folder: str) -> None:
        """The manifest first: without it the rest is nobody's."""
        import obstore

        with self._telling():
            found = [one["path"] for page in obstore.list(self._store, folder) for one in page]
            manifests = [path for path in found if path.endswith(f"/{FILE_NAME}")]
            for paths in (manifests, [path for path in found if path not in manifests]):
                if paths:
                    obstore.delete(self._store, paths)

    def months(self, folder: str) -> list[str]:
        """Prefixes with a manifest."""
        import obstore

        with self._telling():
            paths = [one["path"] for page in obstore.list(self._store, folder) for one in page]
        return sorted(
            path.split("/")[-2].removeprefix("month=") for path in paths if path.endswith(f"/{FILE_NAME}")
        )

    def sources(self, table: str) -> list[str]:
        """Prefixes of the table."""
        import obstore

        with self._telling():
            prefixes = obstore.list_with_delimiter(self._store, table)["common_prefixes"]
        return sorted(prefix.rpartition("/")[2].removeprefix("source=") for prefix in prefixes)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say in our words what went wrong; an absent object and a lost swap are the caller's."""
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except (BaseError, OSError, ValueError) as error:
            text = str(error)
            if "NoSuchBucket" in text:
                raise DataError(
                    f"{self.url}: there is no such bucket; create it, or name another one in ALLUSE_LAKE_URL"
                ) from error
            if isinstance(error, FileNotFoundError):
                raise
            if any(sign in text for sign in _RIGHTS):
                raise DataError(
                    f"{self.url}: access refused ({_first_line(text)}); check AWS_ACCESS_KEY_ID, "
                    "AWS_SECRET_ACCESS_KEY, AWS_REGION and the rights on the bucket"
                ) from error
            raise DataError(
                f"{self.url}: {_first_line(text)}; check the network and AWS_ENDPOINT_URL"
            ) from error


def _first_line(text: str) -> str:
    return text.partition("\n")[0].strip()
