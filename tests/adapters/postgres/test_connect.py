import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from alluse_assets.adapters.postgres.connect import (
    connect,
    connect_owner,
    dagster_storage_url,
    open_pool,
)
from alluse_assets.base.errors import ServerError

SESSION = "SELECT current_user, current_setting('TimeZone'), current_setting('application_name')"


def test_the_application_works_in_its_own_role_and_in_utc(database_url: str) -> None:
    with open_pool(database_url, application_name="test pool") as pool, pool.connection() as connection:
        assert connection.execute(SESSION).fetchone() == ("alluse_app", "UTC", "test pool")
        assert not connection.autocommit
    with connect(database_url, application_name="test one") as connection:
        assert connection.execute(SESSION).fetchone() == ("alluse_app", "UTC", "test one")
    with connect_owner(database_url, application_name="test owner") as connection:
        assert connection.execute(SESSION).fetchone() == ("alluse", "UTC", "test owner")


@pytest.mark.parametrize("statement", ["RESET ROLE", "RESET ALL", "DISCARD ALL"])
def test_a_reset_session_is_still_in_the_applications_role(database_url: str, statement: str) -> None:
    with connect(database_url) as connection:
        connection.autocommit = True
        connection.execute(statement)
        assert connection.execute("SELECT current_user").fetchone() == ("alluse_app",)


def test_a_block_with_a_pooled_connection_is_one_transaction(database_url: str) -> None:
    with connect_owner(database_url) as connection:
        connection.execute("CREATE TABLE alluse.note (x int)")
        connection.execute("GRANT SELECT, INSERT ON alluse.note TO alluse_app")

    def fails(pool: ConnectionPool) -> None:
        with pool.connection() as connection:
            connection.execute("INSERT INTO alluse.note VALUES (1)")
            raise ZeroDivisionError

    with open_pool(database_url) as pool:
        with pytest.raises(ZeroDivisionError):
            fails(pool)
        with pool.connection() as connection:
            assert connection.execute("SELECT count(*) FROM alluse.note").fetchone() == (0,)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    for way_in in (connect, connect_owner):
        with pytest.raises(ServerError, match=r"database db at 127\.0\.0\.1:1 as ann") as caught:
            way_in("postgresql://ann:hunter2@127.0.0.1:1/db")
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ServerError, match="Connection refused"), open_pool("postgresql://127.0.0.1:1/db"):
        pass


def test_a_url_that_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(ServerError, match="cannot be read") as caught:
        connect("postgresql://ann:hunter 2@host/db")
    assert "hunter" not in str(caught.value)


def test_dagsters_url_leads_to_its_schema(database_url: str) -> None:
    engine = create_engine(dagster_storage_url(database_url))
    with engine.connect() as connection:
        row = connection.execute(text("SELECT current_schemas(false), current_database()")).one()
    engine.dispose()
    assert row == (["dagster"], make_url(database_url).database)


def test_dagsters_url_is_made_once(database_url: str) -> None:
    once = make_url(dagster_storage_url(database_url))
    assert make_url(dagster_storage_url(dagster_storage_url(database_url))).host == once.host
    assert once.drivername == "postgresql+psycopg2"


@given(
    user=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8),
    password=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12),
)
def test_dagsters_url_keeps_host_port_user_and_any_password(user: str, password: str) -> None:
    quoted = make_url("postgresql://h").set(
        username=user, password=password, host="db.example.org", port=6543, database="d"
    )
    made = make_url(
        dagster_storage_url(
            quoted.render_as_string(hide_password=False) + "?sslmode=require&options=-c%20a.b%3D1"
        )
    )
    assert (made.username, made.password, made.host, made.port, made.database) == (
        user,
        password,
        "db.example.org",
        6543,
        "d",
    )
    assert made.query["sslmode"] == "require"
    assert made.query["options"] == "-c a.b=1 -c search_path=dagster -c timezone=UTC"


def test_dagsters_url_keeps_several_hosts() -> None:
    made = make_url(dagster_storage_url("postgresql://ann@one:1,two:2/d"))
    _, arguments = made.get_dialect()().create_connect_args(made)
    assert (arguments["host"], arguments["port"]) == ("one,two", "1,2")


def test_settings_of_the_url_stay(database_url: str) -> None:
    with connect(f"{database_url}&options=-c%20work_mem%3D3MB") as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("3MB",)
        assert connection.execute("SELECT current_user").fetchone() == ("alluse_app",)
