"""Which database a process uses, and how long the embedded server lives.

A set ``ALLUSE_DATABASE_URL`` means that server. Otherwise the embedded one is started, or joined when
another command has it running; the last command to leave stops it. A command that was killed leaves no
trace, because the kernel drops its lock; a server it left running is adopted by the next command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alluse_assets.adapters.postgres.embedded import EmbeddedServer
from alluse_assets.adapters.postgres.file_lock import open_lock_file, try_lock, unlock
from alluse_assets.base.errors import ServerError

URL_VARIABLE = "ALLUSE_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Database:
    """A database that is up.

    Attributes:
        url: how to connect as the owner of the schema.
        embedded: whether it is our own embedded server.
    """

    url: str
    embedded: bool

    @property
    def child_environment(self) -> dict[str, str]:
        """What child processes get: the URL, so that they never start or stop a server themselves."""
        return {URL_VARIABLE: self.url}


@contextmanager
def database(state_dir: Path, environ: Mapping[str, str], *, durable: bool = True) -> Iterator[Database]:
    """The database to use while the block runs.

    Args:
        state_dir: where the embedded server keeps its files when it is needed.
        environ: the process's environment.
        durable: False, for tests: the server skips fsync, and the last one out deletes its data.

    Raises:
        ServerError: the URL is no PostgreSQL URL, or the embedded server cannot be started.
    """
    url = environ.get(URL_VARIABLE, "").strip()
    if url:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ServerError(f"{URL_VARIABLE} must begin with postgresql:// (its value is not shown)")
        yield Database(url, embedded=False)
        return
    # A folder of its own, so that nothing durable is ever deleted with a throw-away server.
    server = EmbeddedServer(state_dir if durable else state_dir / "throwaway", durable=durable)
    process = os.getpid()
    with server.exclusively():
        membership = _join(server)
        try:
            url = server.start()
        except BaseException:
            _leave(server, membership, durable=durable)
            raise
    try:
        yield Database(url, embedded=True)
    finally:
        # A forked child that ends inside the block is not the one that joined.
        if os.getpid() == process:
            with server.exclusively():
                _leave(server, membership, durable=durable)


def _join(server: EmbeddedServer) -> int:
    membership = open_lock_file(server.files.users_lock)
    if not try_lock(membership, shared=True):
        os.close(membership)
        raise ServerError(
            f"{server.files.users_lock} is locked by a process that neither uses nor stops the server: end it"
        )
    return membership


def _leave(server: EmbeddedServer, membership: int, *, durable: bool) -> None:
    """Gives up the membership; the last one stops the server. The starting lock must be held."""
    is_last = try_lock(membership)
    try:
        if is_last and durable:
            server.stop()
        elif is_last:
            server.destroy()
    finally:
        unlock(membership)
