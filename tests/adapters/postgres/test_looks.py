"""When a book was last looked at, as every process of an installation sees it."""

from datetime import UTC, datetime, timedelta

from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.adapters.postgres.looks import PostgresLooks
from alluse_assets.protection.watchdog import LastLook

NOON = datetime(2024, 6, 3, 16, 0, tzinfo=UTC)


def test_the_last_look_and_the_last_failure_are_kept_by_book(database_url):
    with open_pool(database_url) as pool:
        PostgresJournal(pool).create_book("one", "paper")
        PostgresJournal(pool).create_book("two", "paper")
        looks = PostgresLooks(pool)
        assert looks.last("one") == LastLook()
        looks.failed("one", NOON, "no answer")
        looks.looked("one", NOON + timedelta(minutes=1))
        # A run that was slow tells of its look after a later one: the later one stays.
        looks.looked("one", NOON)
        assert PostgresLooks(pool).last("one") == LastLook(NOON + timedelta(minutes=1), NOON, "no answer")
        assert looks.last("two") == LastLook()
