"""Programs that stay: those that people open in a browser, and what goes on beside them.

Started together, watched, and stopped with all their children.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from alluse_assets.base.errors import ServerError

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.25
_RESTART_SECONDS = 30.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _AskedToStop(BaseException):
    """Somebody pressed Ctrl-C, or a service manager wants an end."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A program that people open in a browser.

    ``folder`` is where it runs, ``answers`` the path that says that it is up. ``restarts``: when it ends,
    it is started again after a pause; else its end is the end of all.
    """

    name: str
    command: Sequence[str]
    folder: Path
    port: int
    answers: str
    restarts: bool = False


@contextmanager
def children(
    surfaces: Sequence[Surface], environment: Mapping[str, str], logs: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The surfaces' processes, each the leader of a group of its own, all of them gone afterwards."""
    logs.mkdir(parents=True, exist_ok=True)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for surface in surfaces:
            running.append(_start(surface, environment, logs))
        yield running
    finally:
        _stop(running)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into the orderly end of the block.

    Another one while it ends is ignored.
    """

    def end(number: int, frame: FrameType | None) -> None:
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise _AskedToStop

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield
    except _AskedToStop:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_until_up(
    host: str, surfaces: Sequence[Surface], running: Sequence[subprocess.Popen[bytes]], logs: Path
) -> None:
    """Return when every surface answers.

    Raises:
        ServerError: one of them ended, or did not answer in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    waiting = [surface for surface in surfaces if not surface.restarts]
    while waiting:
        waiting = [surface for surface in waiting if not _answers(host, surface)]
        _require_alive(surfaces, running, logs)
        if waiting and time.monotonic() > deadline:
            raise ServerError(
                f"the {waiting[0].name} does not answer after {_START_SECONDS:.0f} s; its log is "
                f"{_log_of(waiting[0], logs)}"
            )
        time.sleep(_POLL_SECONDS)


def watch(
    surfaces: Sequence[Surface],
    running: list[subprocess.Popen[bytes]],
    environment: Mapping[str, str],
    logs: Path,
    on_end: Callable[[str], None],
) -> None:
    """Stay until one of the programs ends, but start those again that may end; ``on_end`` is told of it.

    Raises:
        ServerError: one ended that should not; its last words are in the message.
    """
    again: dict[int, float] = {}
    while True:
        _require_alive(surfaces, running, logs)
        for place, surface in enumerate(surfaces):
            if running[place].poll() is None:
                continue
            if place not in again:
                again[place] = time.monotonic() + _RESTART_SECONDS
                on_end(f"{_last_words(surface, running[place], logs)}\n(again in {_RESTART_SECONDS:.0f} s)")
            elif time.monotonic() >= again[place]:
                del again[place]
                running[place] = _start(surface, environment, logs)
        time.sleep(_POLL_SECONDS)


def require_free(host: str, port: int, name: str, option: str) -> None:
    """Pass when ``port`` can be listened on.

    Raises:
        ServerError: it cannot; ``option`` is the command's way to another one.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"the {name} cannot listen on {host}:{port} ({error.strerror}): stop what runs there, "
                f"or give another port with {option}"
            ) from error


def _require_alive(
    surfaces: Sequence[Surface], running: Sequence[subprocess.Popen[bytes]], logs: Path
) -> None:
    for surface, process in zip(surfaces, running, strict=True):
        if process.poll() is not None and not surface.restarts:
            raise ServerError(_last_words(surface, process, logs))


def _last_words(surface: Surface, process: subprocess.Popen[bytes], logs: Path) -> str:
    log = _log_of(surface, logs)
    last = log.read_text(errors="replace").strip().splitlines()[-5:]
    return f"the {surface.name} ended with code {process.returncode}; the end of {log}:\n" + "\n".join(last)


def _start(surface: Surface, environment: Mapping[str, str], logs: Path) -> subprocess.Popen[bytes]:
    with _log_of(surface, logs).open("ab") as log:
        return subprocess.Popen(
            surface.command,
            cwd=surface.folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _answers(host: str, surface: Surface) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}:{surface.port}{surface.answers}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(running: Sequence[subprocess.Popen[bytes]]) -> None:
    # A program's own children are in its group: whoever is left of one that ended is told, too.
    for process in running:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while any(_group_lives(process) for process in running) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 5)
    for process in running:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    return _signal_group(process, 0)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _log_of(surface: Surface, logs: Path) -> Path:
    return logs / f"{surface.name.lower().replace(' ', '_')}.log"
