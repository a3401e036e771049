"""Who runs the server, and who on the machine can reach it. Only root can play other accounts."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from alluse_assets.adapters.postgres.embedded import EmbeddedServer
from tests.paths import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")

NOBODY = 65534
NO_ACCOUNT = 12345

CONNECT = "import sys, psycopg; psycopg.connect(sys.argv[1]); print('connected')"
LIVE = """
import sys
from pathlib import Path
import psycopg
from alluse_assets.adapters.postgres.embedded import EmbeddedServer
from alluse_assets.base.errors import ServerError
server = EmbeddedServer(Path(sys.argv[1]), durable=False)
try:
    url = server.start()
except ServerError as error:
    sys.exit(str(error))
server.stop()
with psycopg.connect(server.start()) as connection:
    print(connection.execute("SELECT current_user").fetchone()[0], connection.info.host, flush=True)
sys.stdin.read()
server.destroy()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    made = EmbeddedServer(tmp_path, durable=False)
    yield made
    made.destroy()


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A folder that other accounts can get to; pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="alluse-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _command(account: int, script: str, *arguments: str) -> list[str]:
    become = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
    return [*become, sys.executable, "-c", script, *arguments]


def _run_as(account: int, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = _command(account, script, *arguments)
    return subprocess.run(command, cwd="/", env=_environment(), capture_output=True, text=True, check=False)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def _others_can_run_us() -> None:
    if _run_as(NOBODY, "import alluse_assets, psycopg").returncode != 0:
        pytest.skip("this checkout or its Python cannot be read by other accounts")


@pytest.mark.usefixtures("_others_can_run_us")
@pytest.mark.parametrize("account", [NOBODY, NO_ACCOUNT])
def test_nobody_else_gets_through_the_folder(server: EmbeddedServer, account: int) -> None:
    attempt = _run_as(account, CONNECT, server.start())
    assert attempt.returncode != 0
    assert "Permission denied" in attempt.stderr


@pytest.mark.usefixtures("_others_can_run_us")
@pytest.mark.parametrize("account", [NOBODY, NO_ACCOUNT])
def test_nobody_else_is_let_in_even_where_the_folder_is_open(server: EmbeddedServer, account: int) -> None:
    """The second lock behind the first: the server asks the kernel who is there."""
    url = server.start()
    folder = server.files.socket_folder
    assert folder is not None
    folder.chmod(0o755)
    for name in folder.iterdir():
        name.chmod(0o777)
    for role in ("alluse", "alluse_app"):
        attempt = _run_as(account, CONNECT, url.replace("//alluse@", f"//{role}@"))
        assert attempt.returncode != 0
        assert f'Peer authentication failed for user "{role}"' in attempt.stderr


def test_root_may_take_either_role_and_no_other(server: EmbeddedServer) -> None:
    url = server.start()
    with psycopg.connect(url.replace("//alluse@", "//alluse_app@")) as connection:
        row = connection.execute("SELECT usename, usesuper FROM pg_user WHERE usename = current_user")
        assert row.fetchone() == ("alluse_app", False)
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(url.replace("//alluse@", "//postgres@"))


def test_roots_server_runs_as_an_account_that_nobody_has(server: EmbeddedServer) -> None:
    server.start()
    postmaster = (server.files.data / "postmaster.pid").read_text().split()[0]
    owner = Path("/proc", postmaster).stat().st_uid
    with pytest.raises(KeyError):
        pwd.getpwuid(owner)
    assert server.files.data.stat().st_uid == owner
    groups = [
        line for line in Path("/proc", postmaster, "status").read_text().splitlines() if "Groups" in line
    ]
    assert groups[0].split()[1:] == []
    # What the account could change to be served something else next time.
    for ours in (
        server.files.home,
        server.files.control,
        server.files.configuration,
        server.files.home.parent,
    ):
        assert (ours.stat().st_uid, ours.stat().st_mode & 0o022) == (0, 0)


def test_roots_programs_are_copied_where_only_root_writes(server: EmbeddedServer) -> None:
    server.start()
    programs = server.files.home.parent / "programs"
    copied = [Path(folder, name) for folder, _, names in os.walk(programs) for name in names]
    assert len(copied) > 500
    assert {(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode) & 0o022) for path in copied} == {(0, 0)}


@pytest.mark.usefixtures("_others_can_run_us")
@pytest.mark.parametrize("name", ["state", "long" * 30])
def test_an_ordinary_users_server_is_for_that_user_and_root(reachable_folder: Path, name: str) -> None:
    home = reachable_folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    state_dir = home / name
    user = subprocess.Popen(
        _command(NOBODY, LIVE, str(state_dir)),
        cwd="/",
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    role, socket_folder = user.stdout.readline().split()
    assert role == "alluse"
    control = state_dir / "postgres"
    private = [control, control / "data", Path(socket_folder)]
    assert [(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in private] == [
        (NOBODY, 0o700)
    ] * 3
    borrowed = (control / "socket_folder").exists()
    assert borrowed == (name != "state")
    if not borrowed:
        url = f"postgresql://alluse@/alluse?host={control / 'socket'}"
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert "Permission denied" in _run_as(NO_ACCOUNT, CONNECT, url).stderr
    _, errors = user.communicate("")
    assert (user.returncode, errors) == (0, "")
    assert not Path(socket_folder).exists()


@pytest.mark.usefixtures("_others_can_run_us")
def test_a_user_id_without_an_account_is_told_what_to_do(reachable_folder: Path) -> None:
    os.chown(reachable_folder, NO_ACCOUNT, NO_ACCOUNT)
    attempt = _run_as(NO_ACCOUNT, LIVE, str(reachable_folder / "state"))
    assert attempt.returncode == 1
    assert "user id 12345 has no account on this machine" in attempt.stderr
    assert "Traceback" not in attempt.stderr


def test_a_state_folder_made_anew_begins_with_an_empty_database(tmp_path):
    """A wiped state folder, or a fresh clone at the same path, must not meet an old database.

    Once the data folder was named after the path alone, and a fresh clone replayed nothing because the
    books of a deleted one were still there.
    """
    state = tmp_path / "state"
    first = EmbeddedServer(state, durable=False, system_dir=tmp_path / "system")
    home = first.files.home
    assert EmbeddedServer(state, durable=False, system_dir=tmp_path / "system").files.home == home
    shutil.rmtree(state)
    again = EmbeddedServer(state, durable=False, system_dir=tmp_path / "system")
    assert again.files.home != home


def test_a_state_folder_that_was_moved_keeps_its_database(tmp_path):
    home = EmbeddedServer(tmp_path / "old", system_dir=tmp_path / "system").files.home
    (tmp_path / "old").rename(tmp_path / "new")
    assert EmbeddedServer(tmp_path / "new", system_dir=tmp_path / "system").files.home == home
