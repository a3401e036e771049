import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from alluse_assets.adapters.postgres.embedded import EmbeddedServer
from alluse_assets.adapters.postgres.server_files import SOCKET_NAME
from alluse_assets.base.errors import ServerError
from tests.paths import ROOT

MakeServer = Callable[..., EmbeddedServer]


@pytest.fixture(scope="session")
def initialised_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder to copy, which is ten times as fast as making one."""
    server = EmbeddedServer(tmp_path_factory.mktemp("initialised"), durable=False)
    server.start()
    server.stop()
    yield server.files.data
    server.destroy()


@pytest.fixture
def make_server(tmp_path: Path, initialised_data: Path) -> Iterator[MakeServer]:
    """Makes servers below a folder of the test's own, and removes them."""
    made = []

    def make(name: str = "state", *, empty: bool = False) -> EmbeddedServer:
        server = EmbeddedServer(tmp_path / name, durable=False)
        server.files.make_folders()
        if not empty and not server.files.data.exists():
            subprocess.run(["cp", "-a", initialised_data, server.files.data], check=True)
        # The data's owner is who the server runs as.
        made.append(EmbeddedServer(tmp_path / name, durable=False))
        return made[-1]

    yield make
    for server in made:
        server.destroy()


def _ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def _postmaster(server: EmbeddedServer) -> int:
    return int((server.files.data / "postmaster.pid").read_text().split()[0])


def _socket_folder(server: EmbeddedServer) -> Path:
    folder = server.files.socket_folder
    assert folder is not None
    return folder


def _write_note(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE note AS SELECT 42 AS x")


def test_it_starts_answers_joins_and_stops(make_server: MakeServer) -> None:
    server = make_server(empty=True)
    assert not server.is_running()
    url = server.start()
    assert _ask(url, "SELECT current_user || ' ' || current_database()") == "alluse alluse"
    postmaster = _postmaster(server)
    assert make_server().start() == url
    assert _postmaster(server) == postmaster
    assert server.is_running()
    server.stop()
    assert not server.is_running()
    server.stop()


def test_its_settings_are_the_ones_the_platform_counts_on(make_server: MakeServer) -> None:
    url = make_server().start()
    settings = {"listen_addresses": "", "TimeZone": "UTC", "log_timezone": "UTC", "jit": "off"}
    assert {name: _ask(url, f"SHOW {name}") for name in settings} == settings
    assert (
        _ask(url, "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'alluse'")
        == "bC.UTF-8"
    )


def test_its_folders_are_private_and_nothing_outside_changes(tmp_path: Path) -> None:
    checkout = tmp_path / "closed" / "checkout"
    checkout.mkdir(parents=True)
    checkout.parent.chmod(0o700)
    outside = [checkout, *checkout.parents, Path("/var/lib"), Path("/tmp"), ROOT]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in outside]
    server = EmbeddedServer(checkout / ".alluse", durable=False)
    try:
        assert _ask(server.start(), "SELECT 1") == 1
        private = (server.files.data, server.files.control, _socket_folder(server))
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in private] == [0o700] * 3
        assert stat.S_IMODE(server.files.log.stat().st_mode) == 0o600
    finally:
        server.destroy()
    assert [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in outside] == before


@pytest.mark.parametrize("name", ["long" * 40, 'it\'s, "odd": $HOME \\ `name`', "with space"])
def test_any_name_of_the_state_folder_will_do(make_server: MakeServer, name: str) -> None:
    server = make_server(name)
    url = server.start()
    assert len(str(_socket_folder(server) / f"{SOCKET_NAME}.lock")) <= 100
    assert _ask(url, "SELECT 1") == 1
    server.stop()
    assert _ask(server.start(), "SELECT 1") == 1


def test_a_killed_server_is_started_again_with_its_data(make_server: MakeServer) -> None:
    """Where nobody reaps orphans, the killed postmaster stays as a zombie with a living process id."""
    server = make_server()
    _write_note(server.start())
    os.kill(_postmaster(server), signal.SIGKILL)
    assert _ask(server.start(), "SELECT x FROM note") == 42


def test_an_orphaned_session_of_a_killed_server_does_not_hinder_the_next(make_server: MakeServer) -> None:
    server = make_server()
    url = server.start()
    sleeper = subprocess.Popen(
        [sys.executable, "-c", f"import psycopg; psycopg.connect({url!r}).execute('SELECT pg_sleep(300)')"],
        stderr=subprocess.DEVNULL,
    )
    while _ask(url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(300)%'") != 2:
        time.sleep(0.02)
    os.kill(_postmaster(server), signal.SIGKILL)
    assert _ask(server.start(), "SELECT 1") == 1
    assert sleeper.wait(timeout=30) != 0


def test_pid_and_socket_files_that_name_a_living_stranger_are_forgotten(make_server: MakeServer) -> None:
    server = make_server()
    _write_note(server.start())
    server.stop()
    folder = server.files.make_socket_folder()
    for stale in (server.files.data / "postmaster.pid", folder / f"{SOCKET_NAME}.lock"):
        stale.write_text(f"{os.getpid()}\n{server.files.data}\n0\n5432\n{folder}\n\n1 1\nready\n")
    assert not server.is_running()
    assert _ask(server.start(), "SELECT x FROM note") == 42
    assert _postmaster(server) != os.getpid()


def test_a_half_made_data_folder_is_made_anew(make_server: MakeServer) -> None:
    server = make_server(empty=True)
    server.files.make_folders()
    server.files.unfinished_data.mkdir()
    (server.files.unfinished_data / "PG_VERSION").write_text("18\n")
    assert _ask(server.start(), "SELECT 1") == 1
    assert not server.files.unfinished_data.exists()


@pytest.mark.parametrize("after_seconds", [0.05, 0.2, 0.4])
def test_a_start_that_is_killed_anywhere_is_completed_by_the_next(
    make_server: MakeServer, after_seconds: float
) -> None:
    server = make_server(empty=True)
    start = (
        "import sys; from pathlib import Path;"
        "from alluse_assets.adapters.postgres.embedded import EmbeddedServer;"
        "server = EmbeddedServer(Path(sys.argv[1]), durable=False); print(flush=True); server.start()"
    )
    command = [sys.executable, "-c", start, str(server.files.state_dir)]
    starter = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    starter.stdout.readline()
    time.sleep(after_seconds)
    starter.kill()
    starter.communicate()
    assert _ask(server.start(), "SELECT 1") == 1


def test_a_socket_that_was_cleaned_away_is_made_again(make_server: MakeServer) -> None:
    server = make_server()
    _write_note(server.start())
    (_socket_folder(server) / SOCKET_NAME).unlink()
    assert _ask(server.start(), "SELECT x FROM note") == 42


def test_a_stopped_server_can_be_ended(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused postmaster hears nothing but the last signal."""
    endings = ((signal.SIGINT, 0.1), (signal.SIGQUIT, 0.1), (signal.SIGKILL, 10.0))
    monkeypatch.setattr("alluse_assets.adapters.postgres.server_process.ENDINGS", endings)
    server = make_server()
    server.start()
    os.kill(_postmaster(server), signal.SIGSTOP)
    server.stop()
    assert not server.is_running()


def test_a_server_that_does_not_start_says_why_and_what_to_do(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    server.stop()
    (server.files.data / "global" / "pg_control").write_bytes(b"not a control file")
    with pytest.raises(ServerError, match="pg_control") as caught:
        server.start()
    assert "set ALLUSE_DATABASE_URL" in str(caught.value)
    assert str(server.files.log) in str(caught.value)


def test_data_of_another_major_version_is_not_touched(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    server.stop()
    (server.files.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerError, match=r"was made by PostgreSQL 17, this is 18: dump it"):
        server.start()


def test_the_environment_does_not_reach_the_server(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "PGUSER": "ann", "LC_ALL": "xx_XX"}.items():
        monkeypatch.setenv(name, value)
    assert _ask(make_server().start(), "SELECT current_user") == "alluse"


def test_a_log_that_has_grown_is_put_aside(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    server.stop()
    with server.files.log.open("ab") as log:
        log.write(b"x" * 2_000_000)
    server.start()
    assert server.files.log.stat().st_size < 100_000
    assert server.files.log.with_suffix(".log.1").stat().st_size > 2_000_000
