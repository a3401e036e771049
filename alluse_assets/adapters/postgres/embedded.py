"""A private PostgreSQL server under our own state folder: start, stop, recover.

Built on the wheel's ``initdb`` and ``pg_ctl``. It listens on a Unix socket in a private folder and
knows its clients by their account (peer), so there is no port and no password. What a killed command
or a killed server left behind is put in order by the next start. Who uses the server, and when the
last one has left, is ``server``'s business.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from alluse_assets.adapters.postgres.binaries import MAJOR_VERSION, published_programs, wheel_programs
from alluse_assets.adapters.postgres.file_lock import exclusive_lock
from alluse_assets.adapters.postgres.server_files import (
    APP_ROLE,
    DATABASE,
    OWNER_ROLE,
    SOCKET_NAME,
    SYSTEM_DIR,
    server_files,
)
from alluse_assets.adapters.postgres.server_process import ServerProcess, initdb_account
from alluse_assets.base.errors import ServerError

START_SECONDS = 60.0
LOCK_SECONDS = 150.0
POLL_SECONDS = 0.01


class EmbeddedServer:
    """The server of one state folder.

    Args:
        state_dir: the installation's state folder; the server's files go into its folder ``postgres``,
            or, when we are root, below ``system_dir``.
        durable: False lets a crash of the machine lose data; for servers that tests throw away.
        system_dir: where root keeps server data, for an account that is not root must reach it.
    """

    def __init__(self, state_dir: Path, *, durable: bool = True, system_dir: Path = SYSTEM_DIR) -> None:
        self.files = server_files(state_dir, system_dir)
        self._system_dir = system_dir
        self._durable = durable
        self._process = ServerProcess(self.files)
        self._lock_depth = 0
        self._refusal = ""

    def start(self) -> str:
        """Starts the server unless it runs already, and answers its URL (role ``alluse``, owner of all).

        Raises:
            ServerError: it does not start; the message says what the server said last.
        """
        with self.exclusively(), self._explained("start"):
            if not self._comes_up():
                self._process.stop()
                self._forget_dead_server()
                self.files.write_configuration(durable=self._durable)
                if not self.files.data.exists():
                    self._initialise()
                self._launch()
            self._make_role_and_database()
            return self.url()

    def stop(self) -> None:
        """Stops the server when it runs; sessions that are still open are cut off.

        Raises:
            ServerError: it does not go away.
        """
        with self.exclusively(), self._explained("stop"):
            self._process.stop()
            self.files.remove_borrowed_socket_folder()

    def destroy(self) -> None:
        """Stops the server and deletes its data."""
        with self.exclusively(), self._explained("be removed"):
            self._process.stop()
            self.files.remove_borrowed_socket_folder()
            # Moved aside whole, locks and all: whoever comes meanwhile begins with a folder of its own.
            removed = self.files.home.with_name(f".removed-{self.files.home.name}-{os.getpid()}")
            self.files.home.rename(removed)
            shutil.rmtree(removed)

    def is_running(self) -> bool:
        """Whether the server lives and answers."""
        return self._process.lives() and self._answers()

    def url(self, database: str = DATABASE) -> str:
        """The URL of one of the server's databases; it holds no secret."""
        folder = self.files.socket_folder
        if folder is None:
            raise ServerError(f"the embedded PostgreSQL of {self.files.state_dir} has not been started")
        return f"postgresql://{OWNER_ROLE}@/{quote(database)}?host={quote(str(folder), safe='')}&port=5432"

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keeps every other process from starting or stopping this server meanwhile."""
        if self._lock_depth:
            yield
            return
        with ExitStack() as stack:
            while True:
                self._make_folders()
                # A throw-away server's folder may vanish between the two steps.
                with suppress(FileNotFoundError):
                    stack.enter_context(
                        exclusive_lock(self.files.starting_lock, patience_seconds=LOCK_SECONDS)
                    )
                    break
            self._lock_depth += 1
            try:
                yield
            finally:
                self._lock_depth -= 1

    def _make_folders(self) -> None:
        with self._explained("start"):
            self.files.make_folders()

    def _comes_up(self) -> bool:
        """Waits while a server that lives does not answer yet: it starts, recovers or stops."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.lives():
            if self._answers():
                return True
            if self._socket_was_cleaned_away() or time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return False

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=10) as connection:
                connection.execute("SELECT 1")
        except (psycopg.Error, ServerError) as error:
            self._refusal = str(error)
            return False
        return True

    def _socket_was_cleaned_away(self) -> bool:
        if not self._process.says_ready():
            return False
        folder = self.files.socket_folder
        return folder is None or not (folder / SOCKET_NAME).exists()

    def _forget_dead_server(self) -> None:
        # PostgreSQL itself would refuse to start while these name a process id that lives again.
        (self.files.data / "postmaster.pid").unlink(missing_ok=True)
        if (folder := self.files.socket_folder) is not None:
            for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
                (folder / name).unlink(missing_ok=True)
        if self.files.unfinished_data.exists():
            shutil.rmtree(self.files.unfinished_data)

    def _programs(self) -> Path:
        return wheel_programs() if self.files.account is None else published_programs(self._system_dir)

    def _initialise(self) -> None:
        work = self.files.unfinished_data
        work.mkdir(mode=0o700)
        account = initdb_account(self.files)
        if account is not None:
            os.chown(work, account, account)
        command = [str(self._programs() / "initdb"), "--pgdata", str(work), "--username", OWNER_ROLE]
        command += ["--auth", "reject", "--encoding", "UTF8", "--locale", "C", "--no-instructions"]
        command += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        if not self._durable:
            command.append("--no-sync")
        if self._process.run(command, account=account, folder=work) != 0:
            raise ServerError(f"initdb failed:\n{self._process.last_words()}")
        for folder, folders, names in os.walk(work):
            for name in (*folders, *names):
                self.files.give_to_server(Path(folder, name))
        self.files.give_to_server(work)
        work.rename(self.files.data)

    def _launch(self) -> None:
        made_by = (self.files.data / "PG_VERSION").read_text().strip()
        if made_by != MAJOR_VERSION:
            raise ServerError(
                f"{self.files.data} was made by PostgreSQL {made_by}, this is {MAJOR_VERSION}: dump it with "
                "the alluse version that made it, move the folder away, and restore the dump"
            )
        # The data folder goes by PGDATA and the options through a shell: pg_ctl quotes neither well.
        options = f"-c config_file={shlex.quote(str(self.files.configuration))}"
        command = [str(self._programs() / "pg_ctl"), "start", "--no-wait", "--silent", "--options", options]
        started = self._process.run(command, account=self.files.account, folder=self.files.data)
        if started != 0 or not self._comes_up():
            lived = self._process.lives()
            self._process.stop()
            why = f"it cannot be reached: {self._refusal}" if lived else "PostgreSQL gave up"
            raise ServerError(f"{why}\n{self._process.last_words()}")

    def _make_role_and_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [APP_ROLE]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APP_ROLE)))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ServerError, OSError, psycopg.Error) as error:
            raise ServerError(
                f"the embedded PostgreSQL of {self.files.state_dir} cannot {what}: {error}\n"
                f"Its log is {self.files.log}. To use a server of your own, set ALLUSE_DATABASE_URL."
            ) from error
