"""``alluse trade``: it says what it ignores, and outlives a database that goes away."""

import os
import subprocess
import sys
from datetime import date

import pytest

from alluse_assets.accounts.allocation import open_book
from alluse_assets.adapters.postgres.connect import connect_owner, open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.base.errors import MissingDataError
from alluse_assets.cli.trade_command import every_minute

FIRST = date(2024, 6, 3)
_PROFILE = """
market:
  source: live
  routes: {default: [files]}
  flat_rate_annual: 0.02
entry: {window_start: "10:30"}
"""


class Minutes:
    """A stop that lets a number of minutes pass at once."""

    def __init__(self, minutes):
        self.left = minutes

    def is_set(self):
        return self.left <= 0

    def wait(self, seconds):
        assert 0 < seconds <= 60
        self.left -= 1


def test_a_connection_that_is_cut_ends_no_watch(database_url):
    """The server ends every connection under way, as when it is restarted."""
    with open_pool(database_url) as pool:
        journal, told, walked = PostgresJournal(pool), [], []
        journal.create_book("paper1", "paper")

        def walk():
            with journal.lease("paper1", 1):
                if not walked and not told:
                    cut_all(database_url)
                walked.append(journal.head("paper1"))

        every_minute([walk], told.append, Minutes(3))
    assert len(told) >= 1
    assert "terminat" in told[0] or "closed" in told[0]
    assert walked


def cut_all(url):
    with connect_owner(url) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def test_a_walk_that_fails_is_told_and_watched_and_the_next_minute_asks_again():
    told, tries, watched = [], [], []

    def walk():
        tries.append(1)
        if len(tries) == 1:
            raise MissingDataError("no bars on 2024-06-03")

    every_minute([walk, lambda: watched.append(1)], told.append, Minutes(2))
    assert len(watched) == 2
    assert len(tries) == 2
    assert [line.split("UTC: ")[1] for line in told] == ["no bars on 2024-06-03"]


@pytest.mark.parametrize("given", [True, False])
def test_a_profile_that_an_opened_book_does_not_run_on_is_said_to_be_ignored(given, database_url, tmp_path):
    profile = tmp_path / "mine.yaml"
    profile.write_text(_PROFILE)
    config = with_values(load(str(profile), {}).config, {"entry.window_start": "10:15"})
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book("p", "paper")
        opened = open_book(config, "mine", FIRST, trading_calendar().open_time(FIRST))
        journal.append("p", opened, journal.head("p"))
    arguments = ["trade", "--book", "p", *(["--profile", str(profile)] if given else [])]
    done = subprocess.run(
        [sys.executable, "-m", "alluse_assets.cli", *arguments],
        env={**os.environ, "ALLUSE_DATABASE_URL": database_url, "ALLUSE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(done.stderr.split())
    assert ("entry.window_start stays 10:15" in said) is given
    assert ("10:30 is for new books only" in said) is given
