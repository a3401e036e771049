"""A journal with one live book, for tests of processes that are killed."""

import pytest

from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal


@pytest.fixture
def store(database_url):
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool)
        journal.create_book("b", "live")
        yield journal
