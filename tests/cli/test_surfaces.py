"""Programs that people open: started, watched, and gone with their children when the command ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alluse_assets.base.errors import ServerError
from alluse_assets.cli.surfaces import (
    Surface,
    children,
    require_free,
    stop_on_signals,
    wait_until_up,
    watch,
)

# A program that has a child of its own, as web servers do, and stays when it is told to end.
STUBBORN = """
import http.server, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[2], "w").write(str(child.pid))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_program_that_will_not_end_is_killed_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr("alluse_assets.cli.surfaces._STOP_SECONDS", 0.5)
    port, note = free_port(), tmp_path / "child.pid"
    surface = Surface("page", [sys.executable, "-c", STUBBORN, str(port), str(note)], tmp_path, port, "/")
    with children([surface], os.environ, tmp_path / "logs") as running:
        wait_until_up("127.0.0.1", [surface], running, tmp_path / "logs")
        grandchild = int(note.read_text())
        assert is_running(grandchild)
    assert running[0].returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while is_running(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(grandchild)


def test_a_program_that_ends_is_reported_with_its_last_words(tmp_path):
    failing = [sys.executable, "-c", "import sys; sys.exit('no such page')"]
    surface = Surface("page", failing, tmp_path, free_port(), "/")
    with (
        pytest.raises(ServerError, match=r"the page ended with code 1; .*\n.*no such page"),
        children([surface], os.environ, tmp_path) as running,
    ):
        watch([surface], running, os.environ, tmp_path, print)


def test_a_program_that_may_end_is_started_again_and_its_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("alluse_assets.cli.surfaces._RESTART_SECONDS", 0.2)
    monkeypatch.setattr("alluse_assets.cli.surfaces._POLL_SECONDS", 0.05)
    count = "import sys; open('count', 'a').write('x'); sys.exit('no rights to the feed')"
    ending = Surface("stream", [sys.executable, "-c", count], tmp_path, free_port(), "/", restarts=True)
    told: list[str] = []

    def tell(words: str) -> None:
        told.append(words)
        if len(told) == 3:
            raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        children([ending], os.environ, tmp_path / "logs") as running,
    ):
        wait_until_up("127.0.0.1", [ending], running, tmp_path / "logs")
        watch([ending], running, os.environ, tmp_path / "logs", tell)
    assert (tmp_path / "count").read_text() == "xxx"
    assert "the stream ended with code 1" in told[0]
    assert told[0].endswith("no rights to the feed\n(again in 0 s)")


def test_a_port_in_use_is_refused_with_the_way_out():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"127.0.0.1:{port} .*give another port with --app-port"):
            require_free("127.0.0.1", port, "app", "--app-port")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_in_order_and_once(number):
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    cleaned = []
    with stop_on_signals():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)
    assert cleaned == [True]
    assert {each: signal.getsignal(each) for each in handlers} == handlers


@pytest.mark.timeout(200)
def test_up_shows_both_addresses_and_leaves_nothing_behind(tmp_path, database_url):
    port, app_port = free_port(), free_port()
    own = {"ALLUSE_HOME": str(tmp_path), "ALLUSE_DATABASE_URL": database_url}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALLUSE", "DAGSTER"))}
    command = [
        sys.executable,
        "-m",
        "alluse_assets.cli",
        "up",
        "--port",
        str(port),
        "--app-port",
        str(app_port),
    ]
    shown = (tmp_path / "shown").open("w+")
    up = subprocess.Popen(command, env={**kept, **own}, stderr=shown)
    try:
        deadline = time.monotonic() + 150
        while "Ctrl-C" not in Path(shown.name).read_text() and time.monotonic() < deadline:
            assert up.poll() is None, Path(shown.name).read_text()
            time.sleep(0.2)
        text = Path(shown.name).read_text()
        assert f"http://127.0.0.1:{port}" in text
        assert f"http://127.0.0.1:{app_port}" in text
        groups = processes_with(f"ALLUSE_HOME={tmp_path}")
        assert len(groups) > 3
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    finally:
        up.kill()
        shown.close()
    assert processes_with(f"ALLUSE_HOME={tmp_path}") == []
    for each in (port, app_port):
        require_free("127.0.0.1", each, "page", "--port")


def processes_with(setting: str) -> list[int]:
    """Processes, other than this one, that have ``setting`` in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if setting.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid() and is_running(pid)]
