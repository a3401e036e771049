import threading
import time
from pathlib import Path

import pytest

from alluse_assets.adapters.postgres.connect import connect, connect_owner
from alluse_assets.adapters.postgres.migrate import MIGRATIONS, migrate, read_migrations
from alluse_assets.base.errors import ServerError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Migrations of a test's own: our first one, and two small ones after it."""
    first = "0001_schema_and_roles.sql"
    (tmp_path / first).write_bytes((MIGRATIONS / first).read_bytes())
    (tmp_path / "0002_one.sql").write_text("CREATE TABLE alluse.one (x int); SELECT pg_sleep(0.2);")
    (tmp_path / "0003_two.sql").write_text("CREATE TABLE alluse.two (x int);")
    return tmp_path


def test_migrations_are_applied_once_and_in_order(empty_database_url: str, folder: Path) -> None:
    assert migrate(empty_database_url, folder=folder) == ["0001_schema_and_roles", "0002_one", "0003_two"]
    assert migrate(empty_database_url, folder=folder) == []
    (folder / "0004_three.sql").write_text("CREATE TABLE alluse.three (x int);")
    assert migrate(empty_database_url, folder=folder) == ["0004_three"]


def test_the_packaged_migrations_make_schemas_and_a_role_that_only_uses_them(database_url: str) -> None:
    with connect(database_url) as connection:
        row = connection.execute(
            "SELECT current_user, has_schema_privilege('alluse', 'USAGE'),"
            " has_schema_privilege('alluse', 'CREATE'), has_schema_privilege('dagster', 'USAGE'),"
            " (SELECT count(*) FROM alluse.migration)"
        ).fetchone()
    assert row == ("alluse_app", True, False, False, len(read_migrations()))


def test_having_nothing_to_do_takes_no_time(database_url: str) -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        assert migrate(database_url) == []
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02


def test_of_two_at_once_one_applies_and_the_other_waits(empty_database_url: str, folder: Path) -> None:
    applied: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: applied.append(migrate(empty_database_url, folder=folder)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied, key=len) == [[], [], ["0001_schema_and_roles", "0002_one", "0003_two"]]


def test_a_file_that_fails_leaves_the_database_as_the_one_before_left_it(
    empty_database_url: str, folder: Path
) -> None:
    (folder / "0003_two.sql").write_text("CREATE TABLE alluse.two (x int); SELECT 1/0;")
    with pytest.raises(ServerError, match=r"migration 0003_two failed and was rolled back: division by zero"):
        migrate(empty_database_url, folder=folder)
    with connect_owner(empty_database_url) as connection:
        assert connection.execute("SELECT max(number) FROM alluse.migration").fetchone() == (2,)
        assert connection.execute("SELECT to_regclass('alluse.two')").fetchone() == (None,)


def test_a_file_that_was_changed_after_it_was_applied_is_refused(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, folder=folder)
    (folder / "0002_one.sql").write_text("CREATE TABLE alluse.one (x bigint);")
    with pytest.raises(ServerError, match="0002_one was changed after it had been applied"):
        migrate(empty_database_url, folder=folder)


def test_a_file_that_was_renamed_after_it_was_applied_is_refused(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, folder=folder)
    (folder / "0002_one.sql").rename(folder / "0002_uno.sql")
    with pytest.raises(ServerError, match="0002 as 0002_one, the files as 0002_uno"):
        migrate(empty_database_url, folder=folder)


def test_a_database_newer_than_the_files_is_refused(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder=folder)
    (folder / "0003_two.sql").unlink()
    with pytest.raises(ServerError, match="has 3 migrations, the last being 0003_two"):
        migrate(empty_database_url, folder=folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0005_gap.sql", "number 0004 was expected"),
        ("0003_zwei.sql", "number 0004 was expected"),
        ("four.sql", "its name must look like"),
        ("0004-dash.sql", "its name must look like"),
    ],
)
def test_a_gap_a_double_and_a_wrong_name_are_refused(folder: Path, name: str, message: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(ServerError, match=message):
        read_migrations(folder)


def test_an_owner_who_may_not_create_roles_is_told_what_to_ask_for(
    empty_database_url: str, tmp_path: Path
) -> None:
    """On a managed server the administrator makes the role; here its absence is played with a name."""
    first = (MIGRATIONS / "0001_schema_and_roles.sql").read_text()
    (tmp_path / "0001_schema_and_roles.sql").write_text(first.replace("alluse_app", "not_made_by_anybody"))
    with connect_owner(empty_database_url) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE test_plain_owner NOLOGIN;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        connection.execute(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO test_plain_owner',"
            " current_database()); END $$"
        )
    url = f"{empty_database_url}&options=-c%20role%3Dtest_plain_owner"
    with pytest.raises(ServerError, match=r"may not create roles\nHINT:  as an administrator: CREATE ROLE"):
        migrate(url, folder=tmp_path)
