"""Secrets from files: ``file:/absolute/path``, readable by their owner alone.

This is also how container platforms hand secrets over (a mounted file a secret).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from alluse_assets.base.errors import SecretError
from alluse_assets.base.secrets import Secret

_LARGEST_BYTES = 65_536
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class FileSource:
    """Reads a file whole; one line end at its end is not part of the secret."""

    scheme: str = "file"

    def read(self, place: str) -> Secret:
        """The content of the file at ``place``.

        Raises:
            SecretError: the file is missing, unreadable, empty, too large, no text, not an ordinary
                file, or open to its group or to everybody.
        """
        path = Path(place)
        if not path.is_absolute():
            raise SecretError(f"file:{place}: the path must be absolute, such as file:/run/secrets/broker")
        try:
            # Judged on the opened file, so that it cannot be exchanged between the look and the read;
            # non-blocking, so that a pipe is refused and not waited for.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SecretError(f"file:{place}: cannot be opened: {error.strerror}") from error
        try:
            self._refuse_unsafe(place, os.fstat(descriptor))
            content = os.read(descriptor, _LARGEST_BYTES)
        finally:
            os.close(descriptor)
        try:
            value = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            # The cause holds the bytes.
            raise SecretError(f"file:{place}: is no UTF-8 text") from None
        if not value:
            raise SecretError(f"file:{place}: is empty")
        return Secret(value)

    @staticmethod
    def _refuse_unsafe(place: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise SecretError(f"file:{place}: is no ordinary file")
        if status.st_mode & _OTHERS:
            mode = stat.S_IMODE(status.st_mode)
            raise SecretError(
                f"file:{place}: its mode {mode:04o} lets others than its owner in; run: chmod 600 {place}"
            )
        if status.st_size > _LARGEST_BYTES:
            raise SecretError(f"file:{place}: {status.st_size} bytes; a secret has at most {_LARGEST_BYTES}")
