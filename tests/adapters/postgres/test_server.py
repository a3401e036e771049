import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from alluse_assets.adapters.postgres.embedded import EmbeddedServer
from alluse_assets.adapters.postgres.server import URL_VARIABLE, database
from alluse_assets.base.errors import ServerError
from tests.paths import ROOT

USER = """
import sys
from pathlib import Path
from alluse_assets.adapters.postgres.server import database
import psycopg
for _ in range(int(sys.argv[2])):
    with database(Path(sys.argv[1]), {}, durable=False) as shared:
        with psycopg.connect(shared.url) as connection:
            connection.execute("SELECT 1")
        print("in", flush=True)
        if sys.argv[3] == "stay":
            sys.stdin.read()
"""


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    _server(tmp_path).destroy()


def _server(state_dir: Path) -> EmbeddedServer:
    return EmbeddedServer(state_dir / "throwaway", durable=False)


def _user(state_dir: Path, *, times: int = 1, then: str = "stay") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(state_dir), str(times), then],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def _is_in(user: subprocess.Popen[str]) -> bool:
    assert user.stdout is not None
    return user.stdout.readline() == "in\n"


def test_a_set_url_is_used_and_nothing_is_started(tmp_path: Path) -> None:
    url = "postgresql://ann@db.example.org/d"
    with database(tmp_path / "state", {URL_VARIABLE: url}) as given:
        assert (given.url, given.embedded) == (url, False)
        assert given.child_environment == {URL_VARIABLE: url}
    assert not (tmp_path / "state").exists()


def test_a_url_of_something_else_is_refused_and_not_shown(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match=r"must begin with postgresql://") as caught,
        database(tmp_path, {URL_VARIABLE: "mysql://ann:hunter2@h/d"}),
    ):
        pass
    assert "hunter2" not in str(caught.value)


def test_a_child_with_the_url_neither_starts_nor_stops_the_server(state_dir: Path) -> None:
    with database(state_dir, {}, durable=False) as mine:
        with database(state_dir / "of_child", mine.child_environment) as childs:
            assert (childs.url, childs.embedded) == (mine.url, False)
        assert _server(state_dir).is_running()


def test_the_last_one_out_stops_the_server(state_dir: Path) -> None:
    with database(state_dir, {}, durable=False) as outer:
        with database(state_dir, {}, durable=False) as inner:
            assert inner.url == outer.url
        assert _server(state_dir).is_running()
    assert not _server(state_dir).is_running()


def test_a_durable_server_keeps_its_data_when_the_last_one_leaves(tmp_path: Path) -> None:
    try:
        with database(tmp_path, {}) as first, psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
        assert not EmbeddedServer(tmp_path).is_running()
        with database(tmp_path, {}) as second, psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT x FROM kept").fetchone() == (7,)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
    finally:
        EmbeddedServer(tmp_path).destroy()


def test_another_process_keeps_the_server_up(state_dir: Path) -> None:
    with database(state_dir, {}, durable=False):
        user = _user(state_dir)
        assert _is_in(user)
    assert _server(state_dir).is_running()
    _, errors = user.communicate("")
    assert (user.returncode, errors) == (0, "")
    assert not _server(state_dir).is_running()


def test_a_killed_user_leaves_a_server_that_the_next_one_adopts_and_stops(state_dir: Path) -> None:
    user = _user(state_dir)
    assert _is_in(user)
    user.kill()
    user.communicate()
    assert _server(state_dir).is_running()
    with database(state_dir, {}, durable=False) as adopted, psycopg.connect(adopted.url) as connection:
        connection.execute("SELECT 1")
    assert not _server(state_dir).is_running()


def test_coming_and_going_at_once_disturbs_nobody(state_dir: Path) -> None:
    """The one that leaves last and the one that just comes race for the server."""
    users = [_user(state_dir, times=3, then="go") for _ in range(3)]
    results = [(*user.communicate(timeout=120), user.returncode) for user in users]
    assert results == [("in\n" * 3, "", 0)] * 3
    assert not _server(state_dir).is_running()


def test_a_forked_child_that_ends_inside_the_block_stops_nothing(state_dir: Path) -> None:
    with database(state_dir, {}, durable=False):
        child = os.fork()
        if child == 0:
            try:
                with database(state_dir, {}, durable=False):
                    raise SystemExit
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert _server(state_dir).is_running()


def test_a_forked_child_that_outlives_the_block_does_not_keep_the_server(state_dir: Path) -> None:
    """A forked child inherits every open descriptor, the membership's too."""
    with database(state_dir, {}, durable=False):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        assert not _server(state_dir).is_running()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
