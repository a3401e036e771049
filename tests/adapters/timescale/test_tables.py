"""How tables are made, changed and looked at: forms, keys, comments, plans."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from alluse_assets.adapters.postgres.connect import connect, connect_owner
from alluse_assets.adapters.timescale import HotStore, open_for_reading, open_hot_store, schema
from alluse_assets.adapters.timescale.edition import Edition, edition_of, features_of
from alluse_assets.adapters.timescale.reading import select_rows
from alluse_assets.adapters.timescale.served_tables import SERVED, ServedTable, served
from alluse_assets.adapters.timescale.writing import upsert
from alluse_assets.base.errors import ServerError
from alluse_assets.base.table_catalog import Column
from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.tables import OPTION_TICKS
from tests.adapters.timescale.rows import MONDAY, OPEN, daily_bars, option_quotes

HYPERTABLES = """
SELECT hypertable_name FROM timescaledb_information.hypertables WHERE hypertable_schema = 'market'
"""


def bring_up(hot: HotStore, *tables: ServedTable) -> list[str]:
    with connect(hot.url) as connection:
        return schema.bring_up_to_date(connection, hot.edition, tables=tables)


def with_column(column: Column) -> ServedTable:
    return ServedTable(replace(BARS, columns=(*BARS.columns, column)), span="year")


def test_with_timescale_every_table_is_a_hypertable(timescale_url: str) -> None:
    hot = open_hot_store(timescale_url)
    with connect_owner(timescale_url) as connection:
        there = {row[0] for row in connection.execute(HYPERTABLES)}
    assert there == set(hot.forms)
    assert set(hot.forms.values()) == {"hypertable"}
    assert hot.changes[0] == "created the extension timescaledb"


def test_without_it_every_table_is_partitioned_and_the_doctor_can_say_so(hot_store: HotStore) -> None:
    assert set(hot_store.forms.values()) == {"partitioned"}
    assert [feature.is_on for feature in hot_store.features()] == [False] * 4
    assert all(feature.stand_in for feature in hot_store.features())


def test_whoever_only_looks_finds_the_store_and_makes_nothing(database_url: str) -> None:
    assert open_for_reading(database_url).forms == {}
    made = open_hot_store(database_url)
    found = open_for_reading(database_url)
    assert (found.forms, found.edition, found.changes) == (made.forms, made.edition, ())


def test_a_database_without_our_schema_is_told_to_whoever_looks(empty_database_url: str) -> None:
    with pytest.raises(ServerError):
        open_for_reading(empty_database_url)


def test_the_apache_edition_has_hypertables_and_says_what_stands_in_for_the_rest(timescale_url: str) -> None:
    hot = open_hot_store(timescale_url)
    on = {feature.name: feature.is_on for feature in hot.features()}
    full = hot.edition.kind == "full"
    assert on == {
        "hypertables": True,
        "columnstore": full,
        "continuous aggregates": full,
        "retention policies": full,
    }


def test_opening_again_changes_nothing(any_hot_store: HotStore) -> None:
    assert len(any_hot_store.changes) >= len(any_hot_store.forms)
    assert open_hot_store(any_hot_store.url).changes == ()


def test_descriptions_are_comments_in_the_database(any_hot_store: HotStore) -> None:
    with connect(any_hot_store.url) as connection:
        row = connection.execute(
            "SELECT obj_description('market.bars'::regclass), col_description('market.bars'::regclass, 6)"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("Daily open, high, low, close and volume")
    assert row[1] == "Lowest price of the regular session. [USD per share]"


@pytest.mark.parametrize("days", [1, 90])
def test_a_query_looks_at_the_months_it_asks_for_only(any_hot_store: HotStore, days: int) -> None:
    for month in range(6):
        any_hot_store.upsert(OPTION_TICKS, "live", option_quotes(50, OPEN + timedelta(days=31 * month)))
    table = served(OPTION_TICKS)
    query = select_rows(table, "live", MONDAY, MONDAY + timedelta(days=days)).as_string(None)
    with connect(any_hot_store.url) as connection:
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query}".encode()))
    parts = plan.count("Scan on") + plan.count("Scan using")
    # Some days more at each end: instants are limited by dates of all time zones.
    assert 1 <= parts <= days // 28 + 2, plan


def test_a_new_column_is_added_and_old_rows_have_none(any_hot_store: HotStore) -> None:
    any_hot_store.upsert(BARS, "live", daily_bars([MONDAY]))
    done = bring_up(any_hot_store, with_column(Column("trades", pl.Int64, "Trades of the session.")))
    assert done == ["added the column trades to market.bars, null in the rows so far"]
    with connect(any_hot_store.url) as connection:
        assert connection.execute("SELECT DISTINCT trades FROM market.bars").fetchall() == [(None,)]


def test_a_column_that_is_described_no_longer_is_kept_and_may_be_empty(any_hot_store: HotStore) -> None:
    fewer = replace(BARS, columns=tuple(c for c in BARS.columns if c.name != "close"))
    (done,) = bring_up(any_hot_store, ServedTable(fewer, span="year"))
    assert done == "kept market.bars.close, which is no longer described, and let it be null"
    rows = daily_bars([MONDAY]).drop("close")
    with connect(any_hot_store.url) as connection:
        partitioned = not any_hot_store.edition.has_hypertables
        upsert(connection, ServedTable(fewer, span="year"), "live", rows, partitioned=partitioned)
        there = connection.execute("SELECT close, low FROM market.bars").fetchall()
    assert there == [(None, 99.0), (None, 99.0)]


def test_another_type_or_key_is_refused_with_what_to_do(any_hot_store: HotStore) -> None:
    other = tuple(replace(c, dtype=pl.Int64) if c.name == "close" else c for c in BARS.columns)
    with pytest.raises(ServerError, match=r"market.bars.close is double precision.*says bigint: drop it"):
        bring_up(any_hot_store, ServedTable(replace(BARS, columns=other), span="year"))
    with pytest.raises(ServerError, match="has the key market, ts, symbol, its description market, symbol"):
        bring_up(any_hot_store, ServedTable(replace(BARS, key=("symbol", "ts")), span="year"))
    assert open_hot_store(any_hot_store.url).changes == ()


def test_a_server_that_got_timescale_later_keeps_its_native_tables(timescale_url: str) -> None:
    with connect(timescale_url) as connection:
        schema.bring_up_to_date(connection, Edition("none", "", "17"))
    hot = open_hot_store(timescale_url)
    assert hot.edition.has_hypertables
    assert set(hot.forms.values()) == {"partitioned"}
    hot.upsert(BARS, "live", daily_bars([MONDAY]))
    assert hot.read(BARS, "live").height == 2


def test_every_served_table_has_a_time_a_symbol_and_types_of_the_server() -> None:
    for table in SERVED:
        assert table.time in table.key
        assert table.symbol in table.table.names
        assert table.session in table.table.names


def test_a_database_in_a_server_without_it_is_left_alone(database_url: str) -> None:
    with connect_owner(database_url) as connection:
        edition = edition_of(connection)
    assert (edition.kind, edition.can_be_created) == ("none", False)
    assert "without TimescaleDB" in edition.described
    assert features_of(edition)[0].reason == "the server has no TimescaleDB"
