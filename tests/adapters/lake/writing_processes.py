"""Processes that write a lake and are killed, or that write it at once.

``python -m tests.adapters.lake.writing_processes PLACE ...`` forks them from a process that has imported
everything and written nothing, which saves each of them the imports.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tests.adapters.lake.places import PRICES, Place, many_rows

KEPT = replace(PRICES, keeps_versions=True)
SYMBOLS = 40
MOST_ROWS = 100


def place_of(text: str) -> Place:
    root, options = json.loads(text)
    return Place(root if "://" in root else Path(root), options)


def as_text(place: Place) -> str:
    return json.dumps([str(place.root), place.options])


def ingest(place: Place, sessions: range, close: float = 1, alone: bool = True) -> None:
    """Session by session, as from files of a day each; over two months."""
    lake = place.lake(alone=alone, most_rows_of_a_file=MOST_ROWS)
    for number in sessions:
        lake.write(KEPT, "sample", many_rows(1, SYMBOLS, date(2011, 1, 20) + timedelta(number), close))


def start(work: Callable[[], None]) -> int:
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def ending(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_again_and_again(place: Place, calm: Place, kills: int, sessions: int, seed: int) -> list[int]:
    """An ingest and then a correction, each begun anew until it may finish; how each process ended."""
    moments, ends = random.Random(seed), []
    for work in (
        lambda place: ingest(place, range(sessions)),
        lambda place: ingest(place, range(2, sessions, 3), close=2),
    ):
        began = time.monotonic()
        assert ending(start(lambda work=work: work(calm))) == 0
        usual = time.monotonic() - began
        for _ in range(kills):
            child = start(lambda work=work: work(place))
            time.sleep(moments.uniform(0, usual))
            os.kill(child, signal.SIGKILL)
            ends.append(ending(child))
            if ends[-1] == 0:
                # It was quicker than the undisturbed one, which a busy machine had slowed down.
                usual *= 0.8
        ends.append(ending(start(lambda work=work: work(place))))
    return ends


def at_once(place: Place, processes: int, sessions: int) -> list[int]:
    """Each process writes every ``processes``-th session; they begin when all are there."""
    reading, writing = os.pipe()

    def work(number: int) -> None:
        os.close(writing)
        os.read(reading, 1)
        ingest(place, range(number, sessions, processes), alone=False)

    children = [start(lambda number=number: work(number)) for number in range(processes)]
    os.close(writing)
    return [ending(child) for child in children]


if __name__ == "__main__":
    first, second, *numbers = sys.argv[2:]
    if sys.argv[1] == "killed":
        found = killed_again_and_again(place_of(first), place_of(second), *map(int, numbers))
    else:
        found = at_once(place_of(first), *map(int, [second, *numbers]))
    sys.stdout.write(json.dumps(found))
