"""Where an embedded server keeps its files, which account it runs as, and how it is configured.

Paths, accounts and the text of the configuration; starting and stopping is ``embedded``.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import secrets
import stat
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from alluse_assets.adapters.postgres.binaries import make_root_folder
from alluse_assets.base.errors import ServerError

OWNER_ROLE = "alluse"
APP_ROLE = "alluse_app"
DATABASE = "alluse"
SYSTEM_DIR = Path("/var/lib/alluse")

# sun_path holds 108 bytes with its final zero; the lock file's name is the longest in the folder.
LONGEST_SOCKET_PATH = 100
SOCKET_NAME = ".s.PGSQL.5432"
# In a connection string a comma or a colon would begin another host or a port.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._ -]+")

# Accounts that neither Debian nor systemd gives to anybody, and that a container's map of ids has.
PRIVATE_IDS = range(65520, 65534)


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """The places of one server.

    Attributes:
        state_dir: the installation that the server belongs to.
        control: a folder only for us (0700): locks and the server's log.
        home: holds data, socket and configuration; the same as ``control`` unless we are root.
        account: user and group id the server runs as; None for our own.
    """

    state_dir: Path
    control: Path
    home: Path
    account: int | None

    @property
    def data(self) -> Path:
        """The data folder; it is complete when it exists, for it is made beside and then renamed."""
        return self.home / "data"

    @property
    def unfinished_data(self) -> Path:
        """Where ``initdb`` works."""
        return self.home / "data.unfinished"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.control / "server.log"

    @property
    def configuration(self) -> Path:
        """``postgresql.conf``; written anew before each start."""
        return self.home / "postgresql.conf"

    @property
    def running_lock(self) -> Path:
        """Locked by the server's own processes for as long as one of them lives."""
        return self.control / "running.lock"

    @property
    def starting_lock(self) -> Path:
        """Held by whoever starts or stops the server."""
        return self.control / "starting.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.control / "users.lock"

    @property
    def socket_folder(self) -> Path | None:
        """The private folder of the Unix socket; None when a short one has to be made first."""
        own = self.home / "socket"
        fits = len(os.fsencode(own / f"{SOCKET_NAME}.lock")) <= LONGEST_SOCKET_PATH
        if fits and PLAIN_PATH.fullmatch(str(own)):
            return own
        try:
            elsewhere = Path(os.fsdecode((self.control / "socket_folder").read_bytes()))
        except FileNotFoundError:
            return None
        return elsewhere if self._is_private(elsewhere) else None

    def make_folders(self) -> None:
        """Makes what is missing of the folders; permissions of existing parents stay as they are."""
        if self.account is not None:
            make_root_folder(self.home)
            (self.home / "belongs_to").write_bytes(os.fsencode(self.state_dir))
        self.control.parent.mkdir(parents=True, exist_ok=True)
        self.control.mkdir(mode=0o700, exist_ok=True)
        self.control.chmod(0o700)

    def make_socket_folder(self) -> Path:
        """The socket folder, made when it is missing: 0700, owned by the server's account."""
        folder = self.socket_folder
        if folder is None:
            # The state folder's path is no good for a socket, or the borrowed folder was cleaned away.
            folder = Path(tempfile.mkdtemp(prefix="alluse-", dir="/tmp"))
            (self.control / "socket_folder").write_bytes(os.fsencode(folder))
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        self.give_to_server(folder)
        return folder

    def remove_borrowed_socket_folder(self) -> None:
        """Removes a socket folder that had to be made outside of ours; the server must be down."""
        folder = self.socket_folder
        if folder is not None and folder.parent != self.home:
            for leftover in folder.iterdir():
                leftover.unlink()
            folder.rmdir()
            (self.control / "socket_folder").unlink()

    def give_to_server(self, path: Path) -> None:
        """Makes the server's account the owner of ``path``."""
        if self.account is not None:
            os.lchown(path, self.account, self.account)

    def write_configuration(self, *, durable: bool) -> None:
        """Writes the three configuration files; they belong to us, not to the server's account."""
        socket_folder = self.make_socket_folder()
        texts = {
            "postgresql.conf": postgresql_conf(self, socket_folder, durable=durable),
            "pg_hba.conf": f"local all {OWNER_ROLE},{APP_ROLE} peer map=owner\n",
            "pg_ident.conf": pg_ident_conf(),
        }
        for name, text in texts.items():
            path = self.home / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600 if self.account is None else 0o644)

    def _is_private(self, folder: Path) -> bool:
        try:
            status = folder.lstat()
        except OSError:
            return False
        owner = os.geteuid() if self.account is None else self.account
        return stat.S_ISDIR(status.st_mode) and (status.st_uid, status.st_mode & 0o777) == (owner, 0o700)


def server_files(state_dir: Path, system_dir: Path = SYSTEM_DIR) -> ServerFiles:
    """Where the server of ``state_dir`` keeps its files; none of them is made yet.

    PostgreSQL refuses to run as root. As root its data lies under ``system_dir``, where an account
    that nobody else has can reach it; the state folder may be inside a folder that only root enters.
    Which data belong to the state folder is said by a file in it: a state folder that was deleted and
    made anew, or another checkout at the same path, begins with an empty database.
    """
    state_dir = state_dir.absolute().resolve()
    if os.geteuid() != 0:
        own = state_dir / "postgres"
        return ServerFiles(state_dir, own, own, None)
    identity = _identity(state_dir)
    home = system_dir / identity
    try:
        account = (home / "data").stat().st_uid
    except FileNotFoundError:
        account = _unused_account(int(identity, 16))
    return ServerFiles(state_dir, home / "control", home, account)


def _identity(state_dir: Path) -> str:
    """Sixteen hex digits that name the server of ``state_dir``, drawn once and kept in it.

    Raises:
        ServerError: the file holds something else.
    """
    path = state_dir / "server_id"
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        drawn = path.with_name(f"server_id.{os.getpid()}.{threading.get_ident()}")
        drawn.write_text(secrets.token_hex(8), encoding="ascii")
        # Of two that draw at once the first to link wins, and the other one reads its number.
        with contextlib.suppress(FileExistsError):
            os.link(drawn, path)
        drawn.unlink()
    identity = path.read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"[0-9a-f]{16}", identity):
        raise ServerError(f"{path} should hold 16 hex digits, the name of a folder in {SYSTEM_DIR}")
    return identity


def _unused_account(start: int) -> int:
    for offset in range(len(PRIVATE_IDS)):
        candidate = PRIVATE_IDS[(start + offset) % len(PRIVATE_IDS)]
        try:
            pwd.getpwuid(candidate)
        except KeyError:
            try:
                grp.getgrgid(candidate)
            except KeyError:
                return candidate
    raise ServerError(
        f"every user id from {PRIVATE_IDS.start} to {PRIVATE_IDS.stop - 1} has an account, so the embedded "
        "PostgreSQL has none to run as: work as an ordinary user, or set ALLUSE_DATABASE_URL"
    )


def pg_ident_conf() -> str:
    """Which accounts of the machine may connect: the owner of the installation, and root."""
    try:
        owner = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise ServerError(
            f"user id {os.geteuid()} has no account on this machine, which the embedded PostgreSQL needs "
            "to know its owner: add one to /etc/passwd, or set ALLUSE_DATABASE_URL"
        ) from error
    return "".join(
        f'owner "{name}" {role}\n' for name in sorted({owner, "root"}) for role in (OWNER_ROLE, APP_ROLE)
    )


def postgresql_conf(files: ServerFiles, socket_folder: Path, *, durable: bool) -> str:
    """``postgresql.conf`` for a server that shares a small machine with what uses it."""
    settings: dict[str, str | int] = {
        "data_directory": str(files.data),
        "hba_file": str(files.home / "pg_hba.conf"),
        "ident_file": str(files.home / "pg_ident.conf"),
        "listen_addresses": "",
        "unix_socket_directories": '"' + str(socket_folder).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "max_connections": 60,
        "shared_buffers": "128MB",
        "effective_cache_size": "1GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "64MB",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "15min",
        # Nobody replicates from this server; minimal WAL is as safe in a crash and lets a bulk load
        # into a new table skip the log. Back it up with pg_dump, not with a base backup.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        # Compiling costs more than our short queries; and a parallel sum of floats has no fixed order.
        "jit": "off",
        "max_parallel_workers_per_gather": 0,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "ISO, YMD",
        "lc_messages": "C",
        "log_line_prefix": "%m [%p] %q%a ",
        "log_checkpoints": "off",
    }
    if not durable:
        # Still safe against a killed server: what is committed has reached the kernel.
        settings |= {"fsync": "off", "full_page_writes": "off"}
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())


def _quoted(value: str | int) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"
