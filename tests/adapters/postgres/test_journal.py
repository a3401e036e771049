"""The journal's promises on a real PostgreSQL, enforced by the database and not only by our code."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import errors

from alluse_assets.adapters.postgres import journal as journal_module
from alluse_assets.adapters.postgres.connect import connect, connect_owner, open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
from alluse_assets.base.errors import ConflictError, JournalError
from alluse_assets.base.events import Event, Posting
from alluse_assets.journal.chain import Head
from alluse_assets.journal.verify import Anchor, verify
from tests.journal.samples import BEGAN, alert, deposit

ZEROS = "decode(repeat('00', 32), 'hex')"
ONES = "decode(repeat('11', 32), 'hex')"
INSERT = (
    "INSERT INTO alluse.journal (book, seq, type, version, effective_at, recorded_at, actor, key, payload, "
    "prev_hash, hash, seal) VALUES ('b', {}, 't', 1, now(), now(), 'a', 'k', '{{}}', {}, "
    + ZEROS
    + ", "
    + ZEROS
    + ")"
)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def store(database_url):
    with open_pool(database_url) as pool:
        journal = PostgresJournal(pool, clock=lambda: NOW)
        journal.create_book("b", "replay")
        yield journal


def test_events_read_back_as_they_were_appended(store):
    events = [deposit("GEN-1", "400000.00"), alert(1, 'é "quoted"\n'), alert(2)]
    head = store.append("b", events, Head())
    rows = list(store.read("b"))
    assert [row.event for row in rows] == events
    assert [row.recorded_at for row in rows] == [NOW] * 3
    assert head == store.head("b") == rows[-1].head
    assert [row.event for row in store.read("b", after_seq=2)] == events[2:]
    alerts = store.read("b", types=["alert.raised", "order.created"])
    assert [row.event for row in alerts] == events[1:]
    assert list(store.read("b", types=[])) == []
    assert verify("b", rows, [Anchor(head.seq, head.hash, head.seal, True)]).holds


def test_events_of_some_types_are_read_without_the_others(store):
    store.append("b", [deposit("GEN-1", "400000.00"), alert(1), deposit("REV-1", "1.00"), alert(2)], Head())
    assert [row.seq for row in store.read("b", types=["alert.raised"])] == [2, 4]
    assert [row.seq for row in store.read("b", 2, types=["alert.raised", "account.opened"])] == [3, 4]
    assert list(store.read("b", types=[])) == []


def test_a_few_events_are_found_in_a_long_journal_without_reading_it(store, database_url):
    others = [Event("entry.decided", BEGAN, "rule:x", f"k{n}") for n in range(3_000)]
    store.append("b", [*others, alert(1), alert(2)], Head())
    with connect_owner(database_url) as connection:
        connection.execute("ANALYZE alluse.journal")
        query = journal_module._READ_TYPES % ("'b'", "0", "'{alert.raised,alert.resolved}'")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query}"))
    assert "journal_by_type" in plan, plan


def test_appending_the_same_events_again_changes_nothing(store):
    events = [deposit("GEN-1", "400000.00"), alert(1)]
    head = store.append("b", events, Head())
    assert store.append("b", events, Head()) == head
    assert len(list(store.read("b"))) == 2


def test_appending_other_events_behind_an_old_head_is_a_conflict(store):
    store.append("b", [alert(1)], Head())
    with pytest.raises(ConflictError, match="another process appended behind event 0"):
        store.append("b", [alert(2)], Head())
    assert [row.event.key for row in store.read("b")] == ["alert/1"]


def test_a_key_is_used_once_per_book_and_the_whole_append_is_undone(store):
    head = store.append("b", [alert(1)], Head())
    with pytest.raises(ConflictError):
        store.append("b", [alert(2), alert(1)], head)
    assert store.head("b") == head
    store.create_book("c", "replay")
    store.append("c", [alert(1)], Head())


def test_postings_that_do_not_sum_to_zero_are_refused_by_the_database(store):
    one_sided = Event("alert.raised", BEGAN, "rule:x", "k", {}, (Posting("A", "cash", Decimal("0.01")),))
    with pytest.raises(JournalError, match=r"postings of event 1 sum to 0.01 USD, not zero"):
        store.append("b", [one_sided], Head())
    assert store.head("b") == Head()


def test_currencies_are_balanced_each_by_itself(store):
    lines = (Posting("A", "cash", Decimal(1)), Posting("A", "capital", Decimal(-1), currency="EUR"))
    with pytest.raises(JournalError, match="not zero"):
        store.append("b", [Event("alert.raised", BEGAN, "rule:x", "k", {}, lines)], Head())


def test_an_unknown_event_type_is_refused(store):
    with pytest.raises(JournalError, match=r"unknown event type 'made\.up'"):
        store.append("b", [Event("made.up", BEGAN, "rule:x", "k")], Head())


@pytest.mark.parametrize("table", ["journal", "posting", "book"])
@pytest.mark.parametrize(
    "change", ["UPDATE alluse.{} SET book = 'x'", "DELETE FROM alluse.{}", "TRUNCATE alluse.{} CASCADE"]
)
def test_neither_the_application_nor_the_owner_can_change_what_is_written(store, database_url, table, change):
    store.append("b", [deposit("GEN-1", "1.00")], Head())
    for role, opened in (("application", connect), ("owner", connect_owner)):
        with opened(database_url) as connection, pytest.raises(errors.InsufficientPrivilege) as refused:
            connection.execute(change.format(table))
        assert ("permission denied" if role == "application" else "append-only") in str(refused.value)
    assert len(list(store.read("b"))) == 1


def test_an_event_takes_no_posting_after_its_own_transaction(store, database_url):
    store.append("b", [deposit("GEN-1", "1.00")], Head())
    line = "INSERT INTO alluse.posting VALUES ('b', 1, {}, 'GEN-1', '{}', 'USD', {})"
    with connect(database_url) as connection, pytest.raises(errors.IntegrityError, match="takes no posting"):
        connection.execute(line.format(3, "cash", 5))


def test_balance_cannot_be_checked_early_and_then_broken(store, database_url):
    """Forcing the deferred check and adding a line afterwards is caught at COMMIT."""
    with pytest.raises(errors.IntegrityError, match="not zero"), connect(database_url) as connection:
        connection.execute(INSERT.format(1, ZEROS))
        for number, amount in ((1, 5), (2, -5)):
            connection.execute(
                f"INSERT INTO alluse.posting VALUES ('b', 1, {number}, 'GEN-1', 'cash', 'USD', {amount})"
            )
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.execute("SET CONSTRAINTS ALL DEFERRED")
        connection.execute("INSERT INTO alluse.posting VALUES ('b', 1, 3, 'GEN-1', 'cash', 'USD', 7)")


def test_gaps_and_broken_links_are_refused_by_the_database(store, database_url):
    for statement, message in (
        (INSERT.format(2, ZEROS), "has no event before it"),
        (INSERT.format(1, ONES), "does not continue the chain"),
    ):
        with connect(database_url) as connection, pytest.raises(errors.IntegrityError, match=message):
            connection.execute(statement)


def test_a_book_keeps_its_kind_and_a_name_must_be_one(store):
    store.create_book("b", "replay")
    with pytest.raises(JournalError, match="exists as a replay book, not as live"):
        store.create_book("b", "live")
    with pytest.raises(JournalError, match="lower-case letters"):
        store.create_book("No Way", "replay")


def test_only_one_process_leads_a_book_at_a_time(store, database_url):
    with open_pool(database_url) as pool:
        other = PostgresJournal(pool)
        with store.lease("b", 0):
            with (
                pytest.raises(ConflictError, match="being written by another process"),
                other.lease("b", 0.3),
            ):
                pass
            with other.lease("c", 0):
                pass
        with other.lease("b", 0):
            pass


HOLD_LEASE = """
import sys, time
from alluse_assets.adapters.postgres.connect import open_pool
from alluse_assets.adapters.postgres.journal import PostgresJournal
with open_pool(sys.argv[1]) as pool, PostgresJournal(pool).lease("b", 0):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_writer_leaves_the_book_free(store, database_url):
    holder = subprocess.Popen([sys.executable, "-c", HOLD_LEASE, database_url], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(ConflictError), store.lease("b", 0):
        pass
    holder.kill()
    holder.communicate()
    with store.lease("b", 10):
        pass


def test_writers_racing_for_one_place_get_one_winner(store, database_url):
    outcomes = []

    def write(number):
        with open_pool(database_url, max_size=2) as pool:
            try:
                PostgresJournal(pool).append("b", [alert(number)], Head())
                outcomes.append("won")
            except ConflictError:
                outcomes.append("lost")

    threads = [threading.Thread(target=write, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]
    assert len(list(store.read("b"))) == 1


def test_times_are_kept_to_the_microsecond(store):
    at = BEGAN + timedelta(microseconds=1)
    store.append("b", [Event("alert.raised", at, "rule:x", "k")], Head())
    assert next(iter(store.read("b"))).event.effective_at == at


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT hash FROM alluse.journal WHERE book = $1 AND seq = $2", "journal_pkey"),
        ("SELECT sum(amount) FROM alluse.posting WHERE book = $1 AND seq = $2", "posting_pkey"),
    ],
)
def test_the_database_finds_an_event_by_its_number_also_in_a_table_it_knows_nothing_of(
    store, database_url, query, index
):
    """Without statistics the planner once took the index on (book, key) for this and read the whole book for
    every row: an append took 5 ms at first and 40 ms after 500 sessions."""
    store.append("b", [deposit("GEN-1", "1.00"), *(alert(n) for n in range(200))], Head())
    with connect_owner(database_url) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(f"PREPARE found (text, bigint) AS {query}")
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN EXECUTE found ('b', 1)"))
    assert index in plan, plan
    assert "Filter" not in plan
