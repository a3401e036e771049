"""The whole protocol over years: two with the journal in memory and in PostgreSQL, ten in one book.

Ten years of chains take minutes to prepare. ``ALLUSE_BENCH_LAKE`` names a folder in which they stay for the
next time; without it they are made in a temporary one.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.journal.store import JournalStore
from alluse_assets.orchestration.market_preparation import prepare_market
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.replay import Replay
from alluse_assets.orchestration.services import market_source
from tests.book_maker import InMemoryJournal

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

_FIRST, _LAST = date(2003, 1, 2), date(2012, 12, 31)
_BOOK = "bench"


def bench_protocol(bench: Bench) -> None:
    """Replays with every rule on, and what a session costs in a book's first, fifth and tenth year."""
    from tests.bench.__main__ import fresh_installation

    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as folder:
        lake = Lake(Path(os.environ.get("ALLUSE_BENCH_LAKE") or f"{folder}/lake"))
        calendar, chosen = trading_calendar(), load("sample", {}).config
        start, end = chosen.book.replay_start, chosen.book.replay_end
        assert start
        assert end
        config = with_values(chosen, {"book.replay_start": None, "book.replay_end": None})
        steps = MarketSteps(lake, config, calendar, market_source(config, calendar, lake, {}))

        began = time.perf_counter()
        prepare_market(steps, _BOOK, _FIRST, _LAST)
        prepared = time.perf_counter() - began

        def replay(store: JournalStore, name: str, first: date, last: date) -> tuple[float, list[float]]:
            """Seconds of all sessions, and milliseconds a session by year of the book."""
            closed = [(first.year, time.perf_counter())]

            def note(session: date, done: int, total: int) -> None:
                closed.append((session.year, time.perf_counter()))

            anchors = AnchorFiles(Path(folder) / name)
            Replay(store, anchors, lake, calendar, _BOOK, "sample", config).run(first, last, note)
            took = defaultdict(list)
            for (_, before), (year, after) in pairwise(closed):
                took[year].append(after - before)
            by_year = [1000 * sum(took[year]) / len(took[year]) for year in sorted(took)]
            return closed[-1][1] - closed[0][1], by_year

        ten, by_year = replay(InMemoryJournal(), "ten", _FIRST, _LAST)
        bench.row("ten-year replay, journal in memory", ten, "preparing its chains", prepared, "< 90 s")
        bench.console.print(
            f"ms a session by year of the book: {', '.join(f'{ms:.1f}' for ms in by_year)}; "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB at most",
            highlight=False,
        )
        for year in (5, 10):
            beside = "year 1, ms a session"
            bench.row(f"year {year}, ms a session", by_year[year - 1], beside, by_year[0], "does not grow")

        prepare_market(steps, _BOOK, start, end)
        in_memory, young = replay(InMemoryJournal(), "memory", start, end)
        # The market is another one each year; the same two years tell the book's length from it.
        old = f"{start.year}-{end.year} as years 9 and 10, ms a session"
        bench.row(old, sum(by_year[-2:]) / 2, "as years 1 and 2", sum(young) / 2, "does not grow")
        with fresh_installation() as (_, services):
            in_postgres, _ = replay(services.store, "postgres", start, end)
        bench.row(
            "two-year replay, journal in PostgreSQL", in_postgres, "journal in memory", in_memory, "< 20 s"
        )
