"""The processes of an embedded server: whether they live, running a program as its account, ending them.

The kernel tells whether a server lives: all its processes inherit a locked descriptor. The process id
in ``postmaster.pid`` could by now be a zombie's or a stranger's.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from alluse_assets.adapters.postgres.file_lock import POLL_SECONDS, open_lock_file, try_lock
from alluse_assets.adapters.postgres.server_files import ServerFiles
from alluse_assets.base.errors import ServerError

LOG_BYTES_KEPT = 1_000_000
LAST_LINES = 12
INITDB_SECONDS = 300.0

# What to try, on which of the processes, and how long to wait for it: a shutdown that cuts sessions
# off, one that leaves the repair to the next start, and what nobody can ignore.
ENDINGS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 10.0))


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class ServerProcess:
    """The processes that work on one server's data."""

    def __init__(self, files: ServerFiles) -> None:
        self._files = files
        self._log_start = 0

    def lives(self) -> bool:
        """Whether a process of the server, or an ``initdb`` of it, is alive."""
        try:
            descriptor = open_lock_file(self._files.running_lock)
        except FileNotFoundError:
            return False
        try:
            return not try_lock(descriptor, shared=True)
        finally:
            os.close(descriptor)

    def says_ready(self) -> bool:
        """Whether the server claims to take connections."""
        return self._pid_file_lines()[7:8] == ["ready"]

    def run(self, command: Sequence[str], *, account: int | None, folder: Path) -> int:
        """Runs a program as the server's account, its output into the log; answers its exit code.

        What it leaves in the background counts as the living server.
        """
        self._open_new_chapter_of_log()
        run_as: _RunAs = {} if account is None else {"user": account, "group": account, "extra_groups": []}
        running = self._claim()
        try:
            with self._files.log.open("ab") as log:
                return subprocess.run(
                    command,
                    cwd=folder,
                    # No PG* variable of ours may turn the server's head.
                    env={"PATH": os.defpath, "LC_ALL": "C", "PGDATA": str(folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[running],
                    start_new_session=True,
                    umask=0o077,
                    timeout=INITDB_SECONDS,
                    check=False,
                    **run_as,
                ).returncode
        except subprocess.SubprocessError as error:
            raise ServerError(
                f"{Path(command[0]).name} cannot be run as user id {account}: {error}"
            ) from error
        finally:
            os.close(running)

    def stop(self) -> None:
        """Ends the server, gently first.

        Raises:
            ServerError: it survives everything.
        """
        for ending, patience_seconds in ENDINGS:
            if not self.lives():
                return
            for process in self._to_be_told(ending):
                _tell(process, ending)
            deadline = time.monotonic() + patience_seconds
            while self.lives() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        if self.lives():
            raise ServerError(f"its processes do not end: {self._processes()}")

    def last_words(self) -> str:
        """The last lines that were logged since the last program was run."""
        with self._files.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LAST_LINES:])

    def _to_be_told(self, ending: signal.Signals) -> list[int]:
        processes = self._processes()
        postmaster = [p for p in processes if str(p) in self._pid_file_lines()[:1]]
        # The postmaster passes a shutdown on; only when it is dead or deaf do its children hear of it.
        return postmaster if ending == signal.SIGINT and postmaster else processes

    def _processes(self) -> list[int]:
        """Living processes that work in our data folder; the kernel shows no folder of a zombie."""
        ours = {str(self._files.data), str(self._files.unfinished_data)}
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") in ours:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def _pid_file_lines(self) -> list[str]:
        try:
            return [line.strip() for line in (self._files.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _claim(self) -> int:
        descriptor = open_lock_file(self._files.running_lock)
        deadline = time.monotonic() + 5
        # Somebody may be looking whether the server lives.
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise ServerError("a process of it is still alive")
            time.sleep(POLL_SECONDS)
        return descriptor

    def _open_new_chapter_of_log(self) -> None:
        log = self._files.log
        if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
            log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)
        self._log_start = log.stat().st_size


def initdb_account(files: ServerFiles) -> int | None:
    """The account for ``initdb``, which insists on a name; None when it is our own.

    The server's private account has none on purpose, so its data is given to it afterwards.
    """
    if files.account is None:
        return None
    accounts = sorted(pwd.getpwall(), key=lambda entry: (entry.pw_name != "nobody", entry.pw_uid))
    for entry in accounts:
        if entry.pw_uid != 0:
            return entry.pw_uid
    raise ServerError("the machine has no account but root, which PostgreSQL refuses: add one to /etc/passwd")


def _tell(process: int, ending: signal.Signals) -> None:
    try:
        os.kill(process, ending)
    except ProcessLookupError:
        return
